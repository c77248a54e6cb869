/** What a normalisation may know of a ranking. */
export interface ScoredList {
  readonly hits: readonly { readonly score: number }[]
  /** Smallest and largest score of all documents that pass the filter. */
  readonly min: number
  readonly max: number
}
