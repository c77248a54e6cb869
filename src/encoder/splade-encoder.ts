import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import {
  checkPruning,
  type Pruning,
  pruneVector,
  type SparseVector
} from '../vector/sparse-vector.ts'
import { checkedCount } from './checked-count.ts'
import { encodeCall } from './encode-call.ts'
import { type CheckedOptions, encodeTexts, type TextEncoding } from './encode-texts.ts'
import { mostProbable } from './masked-prediction.ts'
import {
  checkQueryMode,
  InferenceFreeEncoder,
  NoExpansionEncoder,
  type QueryMode
} from './query-modes.ts'
import type { InferenceSession } from './session.ts'
import type {
  Encode,
  EncodeOptions,
  QueryOptions,
  SparseEncoder,
  TermWeight
} from './sparse-encoder.ts'
import type { Pooling } from './splade-pooling.ts'
import { StaticEmbedding } from './static-embedding.ts'
import { feedsOf, GRAPH_PORTS, tokenBatch } from './token-batch.ts'

/** Fewest tokens that can be read of a text: [CLS], one token, [SEP]. */
export const MIN_MAX_TOKENS = 3

/** One side of an encoder: how documents, or queries, become vectors. */
export interface EncoderSide extends TextEncoding<SparseVector> {
  /** Tokens of a text that are read unless a call says otherwise. */
  readonly maxTokens: number
  /** The most tokens that a call may ask for. */
  readonly maxPositions: number
  /** Terms kept of a vector unless a call says otherwise; default: all. */
  readonly topTokens?: number | undefined
}

/** What a {@link SpladeEncoder} is made of. */
export interface SpladeParts {
  readonly name: string
  readonly fingerprint: string
  /** The vocabulary of both sides. */
  readonly tokenizer: Tokenizer
  /** Of documents. */
  readonly pooling: Pooling
  /** Of documents. */
  readonly precision: SparseEncoder['precision']
  readonly documents: EncoderSide
  /** The same value as `documents` where both are encoded alike. */
  readonly queries: EncoderSide
  /** Of queries, unless a call says otherwise. */
  readonly queryMode: QueryMode
  /** Makes the session that {@link SparseEncoder.predictMasked} needs; called at most once. */
  readonly openLogits: () => Promise<InferenceSession>
}

/**
 * Encodes documents with a masked language model and SPLADE pooling, and queries in the same way,
 * with a model of their own, or without one.
 */
export class SpladeEncoder implements SparseEncoder {
  readonly name: string
  readonly fingerprint: string
  readonly pooling: Pooling
  readonly precision: SparseEncoder['precision']
  readonly maxTokens: number
  readonly vocabulary: Vocabulary
  readonly tokenizer: Tokenizer
  readonly encodeQuery: Encode<QueryOptions>
  readonly encodeDocument: Encode
  readonly #parts: SpladeParts
  #logits: Promise<InferenceSession> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: SpladeParts) {
    this.name = parts.name
    this.fingerprint = parts.fingerprint
    this.pooling = parts.pooling
    this.precision = parts.precision
    this.maxTokens = parts.documents.maxTokens
    this.tokenizer = parts.tokenizer
    this.vocabulary = parts.tokenizer.vocabulary
    this.#parts = parts
    this.encodeQuery = this.#encodeWith(options => this.#querySide(options))
    this.encodeDocument = this.#encodeWith(() => parts.documents)
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
    const { mask: maskId } = this.tokenizer.specialTokens
    const positions = [...ids.keys()].filter(i => ids[i] === maskId)
    if (positions.length === 0) {
      const mask = maskId === undefined ? undefined : this.vocabulary.termOf(maskId)
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: `the text holds no ${mask ?? 'mask'} in its first ${this.maxTokens} tokens`,
        expected: mask
          ? `a text like "Paris is the ${mask} of France."`
          : `a model with a mask token; ${this.name} has none`
      })
    }
    this.#logits ??= this.#parts.openLogits()
    const session = await this.#logits
    const outputs = await session.run(feedsOf(tokenBatch([ids], 0)))
    const logits = outputs[GRAPH_PORTS.output]!.data as Float32Array
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
    const { documents, queries } = this.#parts
    await Promise.all(Array.from(new Set([documents.encoder, queries.encoder]), one => one.close()))
    // A session that could not be opened has told so already, and needs no closing.
    await (await this.#logits?.catch(() => undefined))?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @param sideOf - chooses what encodes, by the options of a call */
  #encodeWith<Options extends EncodeOptions>(
    sideOf: (options: Options | undefined) => EncoderSide
  ): Encode<Options> {
    return encodeCall((texts, options, total) => this.#encodeStream(texts, sideOf, options, total))
  }

  async *#encodeStream<Options extends EncodeOptions>(
    texts: AsyncIterable<string> | Iterable<string>,
    sideOf: (options: Options | undefined) => EncoderSide,
    options: Options | undefined,
    total: number | undefined
  ): AsyncGenerator<SparseVector> {
    const side = sideOf(options)
    const checked = this.#checked(side, options)
    for await (const vector of encodeTexts(texts, side, checked, total)) {
      yield pruneVector(vector, checked)
    }
  }

  #querySide({ queryMode = this.#parts.queryMode, idf }: QueryOptions = {}): EncoderSide {
    const { documents, queries } = this.#parts
    const { vocabulary } = this
    switch (checkQueryMode(queryMode)) {
      case 'full':
        return queries
      case 'no-expansion':
        return { ...queries, encoder: new NoExpansionEncoder(queries.encoder, vocabulary) }
      case 'inference-free':
        if (idf !== undefined) {
          // Neither the prompt of queries nor a limit for what a model makes of texts is meant.
          const encoder = new InferenceFreeEncoder(vocabulary, idf)
          return { ...documents, tokenizer: this.tokenizer, topTokens: undefined, encoder }
        }
        if (queries.encoder instanceof StaticEmbedding) return queries
        throw new EsplanadeError('INVALID_ARGUMENT', {
          place: 'idf',
          problem: `${this.name} has no table of weights for inference-free queries`,
          expected: 'idf: a Float32Array of one weight a term id, or a function',
          remedy: 'A collection has one: await collection.idf(), or esplanade inspect DIR --idf'
        })
    }
  }

  #refuseClosed(): void {
    if (this.#closing === undefined) return
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'the encoder is closed',
      remedy: 'Load the model again, or close it later'
    })
  }

  #checked(side: EncoderSide, options: EncodeOptions = {}): CheckedOptions & Pruning {
    this.#refuseClosed()
    const { maxTokens = side.maxTokens, topTokens = side.topTokens } = options
    checkedCount('maxTokens', maxTokens, MIN_MAX_TOKENS, side.maxPositions)
    if (topTokens !== undefined) checkedCount('topTokens', topTokens, 1, Number.MAX_SAFE_INTEGER)
    checkPruning(options)
    return { ...options, maxTokens, ...(topTokens === undefined ? {} : { topTokens }) }
  }
}
