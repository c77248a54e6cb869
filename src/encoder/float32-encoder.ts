import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { BatchEncoder } from './batch-encoder.ts'
import type { InferenceSession } from './session.ts'
import { type SpladeHead, weightOf } from './splade-pooling.ts'
import { feedsOf, GRAPH_PORTS, tokenBatch } from './token-batch.ts'

/** Runs a graph with a pooling head, all of it in float32. */
export class Float32Encoder implements BatchEncoder {
  readonly concurrency = 1
  readonly #session: InferenceSession
  readonly #head: SpladeHead
  readonly #padId: number

  constructor(session: InferenceSession, head: SpladeHead, padId: number) {
    this.#session = session
    this.#head = head
    this.#padId = padId
  }

  async encode(texts: readonly Uint32Array[]): Promise<SparseVector[]> {
    const outputs = await this.#session.run(feedsOf(tokenBatch(texts, this.#padId)))
    const pooled = outputs[GRAPH_PORTS.output]!.data as Float32Array
    return rowsToSparse(pooled, texts.length, this.#head)
  }

  async close(): Promise<void> {
    await this.#session.close()
  }
}

/** The terms above zero of each row of the pooling head, which has a number for every term. */
export function rowsToSparse(
  pooled: Float32Array,
  numTexts: number,
  head: SpladeHead
): SparseVector[] {
  const numTerms = pooled.length / numTexts
  return Array.from({ length: numTexts }, (_, row) =>
    toSparse(pooled.subarray(row * numTerms, (row + 1) * numTerms), head)
  )
}

/**
 * The terms above zero of one row of the pooling head.
 *
 * @param pooled - one number a term
 * @param terms - the term of each number, ascending; default: of all terms
 * @throws EsplanadeError `RUNTIME_FAILED` for a number that is not finite
 */
export function toSparse(
  pooled: Float32Array,
  head: SpladeHead,
  terms?: ArrayLike<number>
): SparseVector {
  const kept: number[] = []
  const weights: number[] = []
  for (let i = 0; i < pooled.length; i++) {
    const value = pooled[i]!
    if (value <= 0) continue
    const termId = terms === undefined ? i : terms[i]!
    // A NaN compares false to everything, so it comes to this line and is caught.
    if (!(value < Number.POSITIVE_INFINITY)) throw notFinite(`${value} for term ${termId}`)
    kept.push(termId)
    weights.push(weightOf(value, head))
  }
  return { terms: Uint32Array.from(kept), weights: Float32Array.from(weights) }
}

/** @param what - the number and where it stands */
export function notFinite(what: string): EsplanadeError {
  return new EsplanadeError('RUNTIME_FAILED', {
    problem: `the model gives ${what}`,
    expected: 'a finite number',
    remedy: 'Check the weights: the model file may be damaged'
  })
}
