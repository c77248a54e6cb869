import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { pruneVector, type SparseVector } from '../vector/sparse-vector.ts'
import { planBatches } from './batches.ts'
import { checkedCount } from './checked-count.ts'
import { mostProbable } from './masked-prediction.ts'
import type { InferenceSession, TokenBatch } from './session.ts'
import type { Encode, EncodeOptions, SparseEncoder, TermWeight } from './sparse-encoder.ts'
import { type Pooling, weightOf } from './splade-pooling.ts'
import { windowsOf } from './windows.ts'

/** Fewest tokens that can be read of a text: [CLS], one token, [SEP]. */
export const MIN_MAX_TOKENS = 3

/** What a {@link SpladeEncoder} is made of. */
export interface SpladeParts {
  readonly name: string
  readonly fingerprint: string
  readonly tokenizer: Tokenizer
  readonly pooling: Pooling
  readonly maxTokens: number
  readonly maxPositions: number
  readonly maxBatchTokens: number
  readonly session: InferenceSession
  /** Makes the session that {@link SparseEncoder.predictMasked} needs; called at most once. */
  readonly openLogits: () => Promise<InferenceSession>
}

/** Counts of one encoding task, over all its windows. */
interface Tally {
  done: number
  numTokens: number
  numTruncated: number
}

/** Encodes queries and documents alike with a masked language model and SPLADE pooling. */
export class SpladeEncoder implements SparseEncoder {
  readonly name: string
  readonly fingerprint: string
  readonly pooling: Pooling
  readonly maxTokens: number
  readonly vocabulary: Vocabulary
  readonly tokenizer: Tokenizer
  readonly encodeQuery: Encode
  readonly encodeDocument: Encode
  readonly #parts: SpladeParts
  #logits: Promise<InferenceSession> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: SpladeParts) {
    this.name = parts.name
    this.fingerprint = parts.fingerprint
    this.pooling = parts.pooling
    this.maxTokens = parts.maxTokens
    this.tokenizer = parts.tokenizer
    this.vocabulary = parts.tokenizer.vocabulary
    this.#parts = parts
    const encode = ((texts: string | readonly string[] | AsyncIterable<string>, options) => {
      if (Array.isArray(texts)) return this.#encodeAll(texts, options)
      // What is no text at all is refused as one, not as a stream that fails when it is read.
      return typeof texts === 'object' && texts !== null
        ? this.#encodeStream(texts as AsyncIterable<string>, options)
        : this.#encodeOne(texts as string, options)
    }) as Encode
    this.encodeQuery = encode
    this.encodeDocument = encode
  }

  decode(vector: SparseVector, options: { readonly top?: number } = {}): TermWeight[] {
    const { terms, weights } = vector
    if (options.top !== undefined) checkedCount('top', options.top, 1, Number.MAX_SAFE_INTEGER)
    return Array.from(terms, (termId, i) => ({
      termId,
      term: this.vocabulary.termOf(termId),
      weight: weights[i]!
    }))
      .sort((a, b) => b.weight - a.weight || a.termId - b.termId)
      .slice(0, options.top)
  }

  async predictMasked(
    text: string,
    options: { readonly top?: number } = {}
  ): Promise<TermWeight[][]> {
    this.#refuseClosed()
    const top = checkedCount('top', options.top ?? 10, 1, Number.MAX_SAFE_INTEGER)
    const { ids } = this.tokenizer.tokenize(text, { maxTokens: this.maxTokens })
    const positions = [...ids.keys()].filter(i => ids[i] === this.tokenizer.specialTokens.mask)
    if (positions.length === 0) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: `the text holds no [MASK] in its first ${this.maxTokens} tokens`,
        expected: 'a text like "Paris is the [MASK] of France."'
      })
    }
    this.#logits ??= this.#parts.openLogits()
    const session = await this.#logits
    const logits = await session.run(batchOf([ids], this.#padId))
    const numTerms = logits.length / ids.length
    return positions.map(position =>
      mostProbable(logits.subarray(position * numTerms, (position + 1) * numTerms), top).map(
        ({ termId, probability }) => ({
          termId,
          term: this.vocabulary.termOf(termId),
          weight: probability
        })
      )
    )
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    await this.#parts.session.close()
    // A session that could not be opened has told so already, and needs no closing.
    await (await this.#logits?.catch(() => undefined))?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #encodeOne(text: string, options?: EncodeOptions): Promise<SparseVector> {
    const tally = { done: 0, numTokens: 0, numTruncated: 0 }
    const [vector] = await this.#encodeWindow([text], this.#checked(options), tally, 1)
    return vector!
  }

  async #encodeAll(texts: readonly string[], options?: EncodeOptions): Promise<SparseVector[]> {
    const vectors: SparseVector[] = []
    for await (const vector of this.#encodeStream(texts, options, texts.length)) {
      vectors.push(vector)
    }
    return vectors
  }

  async *#encodeStream(
    texts: AsyncIterable<string> | Iterable<string>,
    options?: EncodeOptions,
    total?: number
  ): AsyncGenerator<SparseVector> {
    const checked = this.#checked(options)
    const tally = { done: 0, numTokens: 0, numTruncated: 0 }
    for await (const window of windowsOf(texts)) {
      yield* await this.#encodeWindow(window, checked, tally, total)
    }
  }

  /** Padding is masked, so any token will do where the model has none for it. */
  get #padId(): number {
    return this.tokenizer.specialTokens.pad ?? 0
  }

  #refuseClosed(): void {
    if (this.#closing === undefined) return
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'the encoder is closed',
      remedy: 'Load the model again, or close it later'
    })
  }

  #checked(options: EncodeOptions = {}): EncodeOptions {
    this.#refuseClosed()
    const { maxTokens = this.maxTokens, topTokens, minWeight } = options
    checkedCount('maxTokens', maxTokens, MIN_MAX_TOKENS, this.#parts.maxPositions)
    if (topTokens !== undefined) checkedCount('topTokens', topTokens, 1, Number.MAX_SAFE_INTEGER)
    if (minWeight !== undefined && !(minWeight >= 0)) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'minWeight',
        problem: `${minWeight} is no weight`,
        expected: 'a number from 0'
      })
    }
    return { ...options, maxTokens }
  }

  async #encodeWindow(
    texts: readonly string[],
    options: EncodeOptions,
    tally: Tally,
    total: number | undefined
  ): Promise<SparseVector[]> {
    const tokens = texts.map((text, i) => this.#tokenize(text, tally.done + i, options, tally))
    const vectors = new Array<SparseVector>(texts.length)
    const lengths = tokens.map(ids => ids.length)
    for (const batch of planBatches(lengths, this.#parts.maxBatchTokens)) {
      if (options.signal?.aborted) throw aborted(tally.done, options.signal)
      const ids = batch.map(index => tokens[index]!)
      const pooled = await this.#parts.session.run(batchOf(ids, this.#padId))
      const numTerms = pooled.length / batch.length
      batch.forEach((index, row) => {
        const weights = pooled.subarray(row * numTerms, (row + 1) * numTerms)
        vectors[index] = pruneVector(toSparse(weights, this.pooling), options)
      })
      tally.done += batch.length
      tally.numTokens += ids.reduce((sum, one) => sum + one.length, 0)
      options.onProgress?.({ ...tally, ...(total === undefined ? {} : { total }) })
    }
    return vectors
  }

  #tokenize(text: string, index: number, options: EncodeOptions, tally: Tally): Uint32Array {
    if (typeof text !== 'string') {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: `text ${index}`,
        problem: `it is of type ${text === null ? 'null' : typeof text}`,
        expected: 'a string'
      })
    }
    const { maxTokens = this.maxTokens } = options
    const { ids, numTruncated } = this.tokenizer.tokenize(text, { maxTokens })
    if (numTruncated > 0) tally.numTruncated++
    return ids
  }
}

function aborted(done: number, signal: AbortSignal): EsplanadeError {
  return new EsplanadeError('ABORTED', {
    problem: `encoding was stopped after ${done} texts`,
    cause: signal.reason
  })
}

/** Texts as one batch, the shorter ones padded at the end. */
function batchOf(texts: readonly Uint32Array[], padId: number): TokenBatch {
  const length = texts.reduce((longest, ids) => Math.max(longest, ids.length), 0)
  const ids = new Int32Array(texts.length * length).fill(padId)
  const mask = new Float32Array(texts.length * length)
  texts.forEach((tokens, row) => {
    ids.set(tokens, row * length)
    mask.fill(1, row * length, row * length + tokens.length)
  })
  return { ids, mask, numTexts: texts.length, length }
}

/** The terms above zero of one row of the pooling head. */
function toSparse(pooled: Float32Array, pooling: Pooling): SparseVector {
  const terms: number[] = []
  const weights: number[] = []
  for (let termId = 0; termId < pooled.length; termId++) {
    const value = pooled[termId]!
    if (value <= 0) continue
    // A NaN compares false to everything, so it comes to this line and is caught.
    if (!(value < Number.POSITIVE_INFINITY)) {
      throw new EsplanadeError('RUNTIME_FAILED', {
        problem: `the model gives ${value} for term ${termId}`,
        expected: 'a finite number',
        remedy: 'Check the weights: the model file may be damaged'
      })
    }
    terms.push(termId)
    weights.push(weightOf(value, pooling))
  }
  return { terms: Uint32Array.from(terms), weights: Float32Array.from(weights) }
}
