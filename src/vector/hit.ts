/** One result of a search. */
export interface Hit {
  /** The user's key of the document. */
  readonly key: string
  /** Higher is better; its scale is the scorer's. */
  readonly score: number
  /** Position in the result, from 1. */
  readonly rank: number
}

/**
 * What every scorer returns: its best documents, and what fusion must know of the others.
 *
 * The order of `hits` is defined once for the whole package: score descending, then insertion order
 * ascending; an updated document counts as inserted anew.
 */
export interface RankedList {
  readonly hits: readonly Hit[]
  /** Smallest score of all documents that pass the filter; one that matches no term has 0. */
  readonly min: number
  /** Largest score of all documents that pass the filter. */
  readonly max: number
  /** True scores of these documents, in the order asked for; 0 for one that matches no term. */
  scoresOf(keys: readonly string[]): Float64Array
}
