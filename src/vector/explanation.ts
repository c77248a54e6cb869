/**
 * Why a score is what it is: a tree whose inner values are the sum of their details, so that the
 * leaves sum to the score. The scorer that ranked builds it.
 *
 * After Lucene's `Explanation`.
 */
export interface Explanation {
  /** What this part adds to the score. */
  readonly value: number
  /** What this part is, for a human reader. */
  readonly description: string
  /** The parts that sum to `value`; empty at a leaf. */
  readonly details: readonly Explanation[]
}
