import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'

/**
 * Encodes without a model: each distinct token of a text has the weight that a table gives it,
 * however often it occurs. It is what sentence-transformers calls `SparseStaticEmbedding`, and how
 * inference-free models (Geng et al. 2024, arXiv:2411.04403) encode queries, the table being the
 * tokens' idf.
 */
export class StaticEmbedding implements BatchEncoder {
  readonly concurrency = 1
  readonly #weights: Float32Array

  /**
   * @param weights - `weights[id]` belongs to the token `id`; a token without a weight above zero, or
   * beyond the table, gives no term. Special tokens of the input are tokens like all others.
   * @throws EsplanadeError `INVALID_ARGUMENT` for a weight that is not finite
   */
  constructor(weights: Float32Array) {
    const wrong = weights.findIndex(weight => !Number.isFinite(weight))
    if (wrong >= 0) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'weights',
        problem: `the weight of token ${wrong} is ${weights[wrong]}`,
        expected: 'finite numbers'
      })
    }
    this.#weights = weights
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    return texts.map(ids => this.#vectorOf(ids))
  }

  async close(): Promise<void> {}

  #vectorOf(ids: Uint32Array): SparseVector {
    const sorted = ids.slice().sort()
    const terms = sorted.filter((id, i) => id !== sorted[i - 1] && this.#weights[id]! > 0)
    return { terms, weights: Float32Array.from(terms, id => this.#weights[id]!) }
  }
}
