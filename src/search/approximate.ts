import { EsplanadeError } from '../errors.ts'
import type { ApproximateStrategy, KernelPlan } from './strategy.ts'

/** The parameters with their defaults. */
export interface ApproximateParameters {
  readonly alpha: number
  readonly gamma: number
  readonly queryTerms: number
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function approximateParameters(strategy: ApproximateStrategy): ApproximateParameters {
  const { alpha = 0.7, gamma = 1, queryTerms = Number.POSITIVE_INFINITY } = strategy
  for (const [name, share] of Object.entries({ alpha, gamma })) {
    if (typeof share === 'number' && share > 0 && share <= 1) continue
    refuse(name, share, 'a number above 0, at most 1')
  }
  if (typeof queryTerms !== 'number' || !(queryTerms >= 1))
    refuse('queryTerms', queryTerms, 'a number of at least 1')
  return { alpha, gamma, queryTerms }
}

function refuse(name: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: `strategy.${name}`,
    problem: `given ${String(given)}`,
    expected
  })
}

/**
 * MaxScore that believes a share `alpha` of the bounds of what it leaves out, and so can leave out
 * the more, over a share `gamma` of the windows.
 */
export function approximatePlan(
  { alpha, gamma }: ApproximateParameters,
  numWindows: number
): KernelPlan {
  const numVisits = Math.max(1, Math.ceil(gamma * numWindows))
  const numSeeds = Math.min(NUM_SEEDS, numVisits)
  return {
    kernel: 'windowSearch',
    numSeeds,
    numOrdered: gamma < 1 ? numVisits : numSeeds,
    numVisits,
    leaveOut: LEAVE_OUT / alpha,
    overestimate: alpha
  }
}

/** What is left out, as it is believed, in shares of the threshold. */
const LEAVE_OUT = 0.65

/** Windows that are searched with all terms first, to raise the threshold. */
const NUM_SEEDS = 3
