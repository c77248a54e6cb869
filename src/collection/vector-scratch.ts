import type { SparseVector } from '../vector/sparse-vector.ts'

/**
 * Room for the vectors of one document at a time: reading a million of them makes no arrays that the
 * garbage collector has to find again, which costs searches beside it more than the reader.
 */
export class VectorScratch {
  #terms = new Uint32Array(1024)
  #weights = new Float32Array(1024)
  #used = 0

  /** The vectors taken before are not needed any more. */
  clear(): void {
    this.#used = 0
  }

  /** Room for a vector, to be filled; it stays until {@link VectorScratch.clear}. */
  take(numTerms: number): SparseVector {
    const end = this.#used + numTerms
    if (end > this.#terms.length) {
      // Vectors that were taken keep the arrays that they have.
      this.#terms = new Uint32Array(2 * end)
      this.#weights = new Float32Array(2 * end)
    }
    const vector = {
      terms: this.#terms.subarray(this.#used, end),
      weights: this.#weights.subarray(this.#used, end)
    }
    this.#used = end
    return vector
  }
}
