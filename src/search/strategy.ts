/**
 * How a search goes about it. The names of exact ones are given as such; an approximate one carries
 * its parameters.
 *
 * - `'auto'`: the planner chooses an exact one.
 * - `'exhaustive'`: every document is scored; the oracle.
 * - `'document-at-a-time'`: every document of the filter is scored (an error without a filter).
 * - `'windowed'`: term at a time over windows of documents, all terms.
 * - `'max-score'`: the same, but the terms of the most postings per unit of bound are left out.
 * - `'block-max'`: blocks of documents by descending bound.
 */
export type Strategy = ExactStrategy | ApproximateStrategy

export type ExactStrategy =
  | 'auto'
  | 'exhaustive'
  | 'document-at-a-time'
  | 'windowed'
  | 'max-score'
  | 'block-max'

/**
 * Faster than exact, but a hit may be missed; the scores of those found are exact. Each parameter
 * alone is a known method; `esplanade tune` finds a setting for an index.
 */
export interface ApproximateStrategy {
  readonly name: 'approximate'
  /**
   * Share of an upper bound that is believed, above 0, at most 1 (default 0.7): the factor α on the
   * threshold of Mallia et al., "Faster Learned Sparse Retrieval with Block-Max Pruning" (2024).
   */
  readonly alpha?: number | undefined
  /**
   * Share of the windows that are searched, those of the largest bounds, above 0, at most 1
   * (default 1): a window takes the place of a superblock as in Carlson et al., "Dynamic Superblock
   * Pruning for Fast Learned Sparse Retrieval" (2025).
   */
  readonly gamma?: number | undefined
  /** Terms of the query that count, those of the largest bounds (default: all). */
  readonly queryTerms?: number | undefined
}

/** What a strategy asks of a kernel; `src/kernel/request.ts` says what each means. */
export interface KernelPlan {
  readonly kernel: 'windowSearch' | 'blockMaxSearch' | 'documentSearch'
  readonly numSeeds: number
  readonly numOrdered: number
  readonly numVisits: number
  readonly leaveOut: number
  readonly overestimate: number
}
