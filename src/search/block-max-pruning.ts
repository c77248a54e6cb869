import type { KernelPlan } from './strategy.ts'

/** Block-max pruning; see `src/kernel/block-max-pruning.ts`. */
export function blockMaxPlan(): KernelPlan {
  return {
    kernel: 'blockMaxSearch',
    numSeeds: 0,
    numOrdered: 0,
    numVisits: 0,
    leaveOut: 0,
    overestimate: 1
  }
}
