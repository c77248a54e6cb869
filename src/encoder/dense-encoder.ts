import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { checkedCount } from './checked-count.ts'
import type { DensePooling } from './dense-pooling.ts'
import { encodeCall } from './encode-call.ts'
import { type CheckedOptions, encodeTexts, type TextEncoding } from './encode-texts.ts'
import type { Encode, HubOptions, LoadOptions, TextOptions } from './sparse-encoder.ts'
import { MIN_MAX_TOKENS } from './splade-encoder.ts'

/** How a dense model is loaded. */
export interface DenseLoadOptions
  extends HubOptions,
    Pick<LoadOptions, 'maxTokens' | 'maxBatchTokens' | 'device' | 'numThreads' | 'numWorkers'> {
  /** Default: what the model's folder says, else `'mean'`. */
  readonly pooling?: DensePooling
  /** Whether vectors are brought to length 1; default: what the model's folder says, else not. */
  readonly normalize?: boolean
  /** What stands before every query or document; default: what the model's folder says, else nothing. */
  readonly prompts?: { readonly query?: string; readonly document?: string }
}

/** Turns texts into dense vectors of {@link DenseEncoder.dimensions} numbers. */
export interface DenseEncoder {
  /** The model's name, or the name of its folder. */
  readonly name: string
  /**
   * CRC-32 of the model's weights and of what else its vectors depend on: pooling, normalisation and
   * prompts; eight hexadecimal digits. Vectors of the same fingerprint can be compared.
   */
  readonly fingerprint: string
  /** Numbers of a vector. */
  readonly dimensions: number
  /** `'as-exported'` where the graph of the model pools by itself. */
  readonly pooling: DensePooling | 'as-exported'
  /** Whether vectors of documents have length 1. */
  readonly isNormalized: boolean
  /** Tokens of a text that the model reads unless a call says otherwise. */
  readonly maxTokens: number
  readonly tokenizer: Tokenizer
  /** Encodes queries, with the model's prompt for them. */
  readonly encodeQuery: Encode<TextOptions, DenseVector>
  /** Encodes documents, with the model's prompt for them. */
  readonly encodeDocument: Encode<TextOptions, DenseVector>
  /** Frees the model's memory; closing again does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** One side of a dense encoder. */
export interface DenseEncoderSide extends TextEncoding<DenseVector> {
  /** Tokens of a text that are read unless a call says otherwise. */
  readonly maxTokens: number
  /** The most tokens that a call may ask for. */
  readonly maxPositions: number
}

/** What a {@link TransformerDenseEncoder} is made of. */
export interface DenseParts
  extends Pick<
    DenseEncoder,
    'name' | 'fingerprint' | 'dimensions' | 'pooling' | 'isNormalized' | 'tokenizer'
  > {
  readonly documents: DenseEncoderSide
  readonly queries: DenseEncoderSide
}

/** Encodes documents and queries with a transformer each, most often the same. */
export class TransformerDenseEncoder implements DenseEncoder {
  readonly name: string
  readonly fingerprint: string
  readonly dimensions: number
  readonly pooling: DenseEncoder['pooling']
  readonly isNormalized: boolean
  readonly maxTokens: number
  readonly tokenizer: Tokenizer
  readonly encodeQuery: Encode<TextOptions, DenseVector>
  readonly encodeDocument: Encode<TextOptions, DenseVector>
  readonly #parts: DenseParts
  #closing: Promise<void> | undefined

  constructor(parts: DenseParts) {
    this.name = parts.name
    this.fingerprint = parts.fingerprint
    this.dimensions = parts.dimensions
    this.pooling = parts.pooling
    this.isNormalized = parts.isNormalized
    this.maxTokens = parts.documents.maxTokens
    this.tokenizer = parts.tokenizer
    this.#parts = parts
    this.encodeQuery = this.#encodeWith(parts.queries)
    this.encodeDocument = this.#encodeWith(parts.documents)
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { documents, queries } = this.#parts
    await Promise.all(Array.from(new Set([documents.encoder, queries.encoder]), one => one.close()))
  }

  #encodeWith(side: DenseEncoderSide): Encode<TextOptions, DenseVector> {
    return encodeCall((texts, options, total) => this.#encodeStream(texts, side, options, total))
  }

  async *#encodeStream(
    texts: AsyncIterable<string> | Iterable<string>,
    side: DenseEncoderSide,
    options: TextOptions | undefined,
    total: number | undefined
  ): AsyncGenerator<DenseVector> {
    yield* encodeTexts(texts, side, this.#checked(side, options), total)
  }

  #checked(side: DenseEncoderSide, options: TextOptions = {}): CheckedOptions {
    if (this.#closing !== undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: 'the encoder is closed',
        remedy: 'Load the model again, or close it later'
      })
    }
    const { maxTokens = side.maxTokens } = options
    checkedCount('maxTokens', maxTokens, MIN_MAX_TOKENS, side.maxPositions)
    return { ...options, maxTokens }
  }
}
