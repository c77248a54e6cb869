import type { KernelPlan } from './strategy.ts'

/** The documents of a filter, scored one by one; see `src/kernel/document-at-a-time.ts`. */
export function documentAtATimePlan(numDocuments: number): KernelPlan {
  return {
    kernel: 'documentSearch',
    numSeeds: 0,
    numOrdered: 0,
    numVisits: numDocuments,
    leaveOut: 0,
    overestimate: 1
  }
}
