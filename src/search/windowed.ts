import type { KernelPlan } from './strategy.ts'

/**
 * Windowed term-at-a-time: all terms of the query are added up, window after window. The windows of
 * the largest bounds come first, and a window is passed over when its bound cannot enter.
 */
export function windowedPlan(numWindows: number): KernelPlan {
  return {
    kernel: 'windowSearch',
    numSeeds: 0,
    numOrdered: Math.min(MAX_ORDERED, numWindows),
    numVisits: numWindows,
    leaveOut: 0,
    overestimate: 1
  }
}

/** Windows that are searched by descending bound before the others follow in their order. */
const MAX_ORDERED = 8
