import type { SparseVector } from '../vector/sparse-vector.ts'

/**
 * Turns the tokens of several texts into one vector each: what differs between precisions, ready
 * graphs and models that need no inference. All else of encoding (texts, windows, batches, limits) is
 * the encoder's.
 */
export interface BatchEncoder {
  /**
   * @param texts - the token ids of each text, special tokens included; never an empty list
   * @returns a vector for each; it does not depend on the other texts beyond 1e-4
   */
  encode(texts: readonly Uint32Array[]): Promise<SparseVector[]>
  close(): Promise<void>
}
