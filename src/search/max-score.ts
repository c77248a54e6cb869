import type { KernelPlan } from './strategy.ts'

/**
 * MaxScore (Turtle & Flood 1995) inside windows, with the bounds of blocks: terms are left out as
 * long as their bounds sum to no more than `leaveOut` of the threshold.
 *
 * The more is left out the fewer postings are read, and the more documents are scored one by one:
 * each costs as much as some 300 postings. Long queries have many light terms, whose bounds are
 * never reached together, so they bear more.
 */
export function maxScorePlan(numWindows: number, numTerms: number, k: number): KernelPlan {
  const numSeeds =
    numTerms > LONG ? 1 : Math.max(1, Math.min(MAX_SEEDS, Math.round(numWindows / 4)))
  return {
    kernel: 'windowSearch',
    numSeeds,
    numOrdered: numSeeds,
    numVisits: numWindows,
    leaveOut: leaveOutFor(numTerms, k),
    overestimate: 1
  }
}

/** Queries of more terms are long. */
const LONG = 60

/** Windows that are searched with all terms first, to raise the threshold. */
const MAX_SEEDS = 4

function leaveOutFor(numTerms: number, k: number): number {
  if (k > 32) return 0.3
  return numTerms <= LONG ? 0.55 : 0.75
}
