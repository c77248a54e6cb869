import type { FusionMethod } from './fuse.ts'

/** A fusion with the weight of each list, by name, and how deep the lists are. */
export type WeightedFusion = FusionMethod & {
  /** By the lists' names. */
  readonly weights: Readonly<Record<string, number>>
  /** So many of each list's first hits take part. */
  readonly depth: number
}

/** What was learned from judged queries, as it is kept with a collection. */
export interface FusionTuning {
  readonly fusion: WeightedFusion
  /** What was made as large as can be, as ir-measures spells it. */
  readonly metric: string
  /** Its mean over all queries, each measured with what was learned without it. */
  readonly heldOutMean: number
  /** Its mean over the same queries with the default fusion. */
  readonly defaultMean: number
  /** Two-sided, of the difference between the two. */
  readonly pValue: number
  readonly numQueries: number
  readonly numFolds: number
  readonly seed: number
  /** Of the collection when it was tuned. */
  readonly numDocuments: number
}
