import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'

/**
 * What another encoder makes of texts, term by term times a table of weights, without the terms that
 * are no tokens of the text. sentence-transformers chains a `SparseStaticEmbedding` behind
 * `SpladePooling` for this; with a table of ones it is SPLADE-lexical, which weighs the terms of a
 * query and adds none (Lassance et al. 2024, arXiv:2403.06789). Special tokens are tokens like all
 * others.
 */
export class OwnTermsEncoder implements BatchEncoder {
  readonly concurrency: number
  readonly #encoder: BatchEncoder
  readonly #weights: Float32Array
  readonly #isOwner: boolean

  /**
   * @param weights - `weights[id]` belongs to the token `id`; from 0
   * @param isOwner - whether closing this one closes the other encoder
   */
  constructor(encoder: BatchEncoder, weights: Float32Array, isOwner: boolean) {
    this.concurrency = encoder.concurrency
    this.#encoder = encoder
    this.#weights = weights
    this.#isOwner = isOwner
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const vectors = await this.#encoder.encode(texts)
    return vectors.map((vector, i) => this.#weighted(vector, new Set(texts[i]!)))
  }

  async close(): Promise<void> {
    if (this.#isOwner) await this.#encoder.close()
  }

  #weighted({ terms, weights }: SparseVector, tokens: ReadonlySet<number>): SparseVector {
    const products = weights.map((weight, i) =>
      tokens.has(terms[i]!) ? weight * (this.#weights[terms[i]!] ?? 0) : 0
    )
    return {
      terms: terms.filter((_, i) => products[i]! > 0),
      weights: products.filter(product => product > 0)
    }
  }
}
