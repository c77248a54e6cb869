import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import { encodeCall } from './encode-call.ts'
import { encodeTexts, type TextEncoding } from './encode-texts.ts'
import type { Encode, TextOptions } from './sparse-encoder.ts'
import type { TokenVectors } from './token-vectors.ts'

/** Fewest tokens that can be read of a text: [CLS], a marker, one token, [SEP]. */
export const MIN_MARKED_TOKENS = 4

/** One side of a {@link ColbertEncoder}. */
export interface ColbertSide extends TextEncoding<TokenVectors> {
  /** Tokens of a text that are read unless a call says otherwise. */
  readonly maxTokens: number
  /** The most tokens that a call may ask for. */
  readonly maxPositions: number
}

/** What a {@link ColbertEncoder} is made of. */
export interface ColbertParts {
  readonly name: string
  readonly fingerprint: string
  readonly dimensions: number
  readonly tokenizer: Tokenizer
  readonly queries: ColbertSide
  readonly documents: ColbertSide
  /** Frees the model of both sides. */
  readonly close: () => Promise<void>
}

/**
 * Turns texts into one vector a token, of length 1 (ColBERT, Khattab and Zaharia 2020,
 * arXiv:2004.12832; ColBERTv2, Santhanam et al. 2022, arXiv:2112.01488). Which tokens count, and what
 * stands around them, the model's files say.
 */
export class ColbertEncoder {
  /** The model's name, or the name of its folder. */
  readonly name: string
  /** CRC-32 of the model's weights, eight hexadecimal digits. */
  readonly fingerprint: string
  /** Numbers of a vector. */
  readonly dimensions: number
  readonly tokenizer: Tokenizer
  /** Encodes queries: with the marker of queries, filled up with `[MASK]` where the model has that. */
  readonly encodeQuery: Encode<TextOptions, TokenVectors>
  /** Encodes documents: with the marker of documents, without punctuation where the model has that. */
  readonly encodeDocument: Encode<TextOptions, TokenVectors>
  readonly #close: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(parts: ColbertParts) {
    this.name = parts.name
    this.fingerprint = parts.fingerprint
    this.dimensions = parts.dimensions
    this.tokenizer = parts.tokenizer
    this.encodeQuery = this.#encodeWith(parts.queries)
    this.encodeDocument = this.#encodeWith(parts.documents)
    this.#close = parts.close
  }

  /** Frees the model's memory; closing again does nothing. */
  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #encodeWith(side: ColbertSide): Encode<TextOptions, TokenVectors> {
    return encodeCall((texts, options, total) => this.#encodeStream(texts, side, options, total))
  }

  async *#encodeStream(
    texts: AsyncIterable<string> | Iterable<string>,
    side: ColbertSide,
    options: TextOptions = {},
    total: number | undefined
  ): AsyncGenerator<TokenVectors> {
    if (this.#closing !== undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: 'the encoder is closed',
        remedy: 'Load the model again, or close it later'
      })
    }
    const { maxTokens = side.maxTokens } = options
    checkedCount('maxTokens', maxTokens, MIN_MARKED_TOKENS, side.maxPositions)
    yield* encodeTexts(texts, side, { ...options, maxTokens }, total)
  }
}
