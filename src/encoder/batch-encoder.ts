import type { SparseVector } from '../vector/sparse-vector.ts'

/**
 * Turns the tokens of several texts into one vector each: what differs between precisions, ready
 * graphs and models that need no inference. All else of encoding (texts, windows, batches, limits) is
 * the encoder's. Vectors are sparse unless said otherwise.
 */
export interface BatchEncoder<Vector = SparseVector> {
  /**
   * How many calls of {@link encode} are worth having under way: 1 for a single session, more for
   * several threads. Calls beyond it wait; none is refused.
   */
  readonly concurrency: number
  /**
   * @param texts - the token ids of each text, special tokens included; never an empty list
   * @returns a vector for each; it does not depend on the other texts beyond 1e-4
   */
  encode(texts: readonly Uint32Array[]): Promise<Vector[]>
  close(): Promise<void>
}
