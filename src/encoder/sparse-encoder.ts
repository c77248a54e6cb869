import type { Progress, TaskOptions } from '../progress.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { Pooling } from './splade-pooling.ts'

/** A term of a vector, readable. */
export interface TermWeight {
  readonly termId: number
  /** The vocabulary's spelling: `##` marks a piece inside a word. */
  readonly term: string
  readonly weight: number
}

/** How far an encoding task has come. */
export interface EncodeProgress extends Progress {
  /** Tokens that the model has read, the special ones included. */
  readonly numTokens: number
  /** Texts of which the model read only the first `maxTokens` tokens. */
  readonly numTruncated: number
}

/** Options of every encoding call. */
export interface EncodeOptions extends TaskOptions<EncodeProgress> {
  /** Keeps the heaviest terms of each vector; default: all. */
  readonly topTokens?: number
  /** Keeps terms of at least this weight; default: all above zero. */
  readonly minWeight?: number
  /** Tokens of a text that the model reads, the special ones included; default: the encoder's. */
  readonly maxTokens?: number
}

/**
 * Encodes one text, several, or a stream of any length.
 *
 * Results come in the order of the texts. A stream is encoded in windows, so memory does not grow
 * with its length. A vector does not depend on the texts that it is encoded with. An empty text is
 * valid.
 *
 * Throws `ABORTED` when the signal says so, `INVALID_ARGUMENT` for an option without meaning or
 * something that is not a string, `RUNTIME_FAILED` where the model gives numbers that are none.
 */
export interface Encode {
  (text: string, options?: EncodeOptions): Promise<SparseVector>
  (texts: readonly string[], options?: EncodeOptions): Promise<SparseVector[]>
  (texts: AsyncIterable<string>, options?: EncodeOptions): AsyncIterable<SparseVector>
}

/** Turns texts into sparse vectors over its {@link SparseEncoder.vocabulary}. */
export interface SparseEncoder {
  /** The model's name, or the name of its folder. */
  readonly name: string
  /**
   * CRC-32 of the model's weights, eight hexadecimal digits: an index that records it can tell when
   * the model behind its name has changed.
   */
  readonly fingerprint: string
  readonly pooling: Pooling
  /** Tokens of a text that the model reads unless a call says otherwise. */
  readonly maxTokens: number
  readonly vocabulary: Vocabulary
  readonly tokenizer: Tokenizer
  readonly encodeQuery: Encode
  readonly encodeDocument: Encode
  /** The terms of a vector by descending weight, the first `top` of them (default: all). */
  decode(vector: SparseVector, options?: { readonly top?: number }): TermWeight[]
  /**
   * What the masked-language head predicts for each `[MASK]` of a text: its most probable terms,
   * `weight` being the probability.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` where the text holds no `[MASK]`
   */
  predictMasked(text: string, options?: { readonly top?: number }): Promise<TermWeight[][]>
  /** Frees the model's memory; closing again does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How a model is loaded. */
export interface LoadOptions {
  /** Default: what the model's folder says, else `'max'`, as SPLADE v2, ++ and v3 do. */
  readonly pooling?: Pooling
  /** Tokens of a text that are read, the special ones included; default 256. */
  readonly maxTokens?: number
  /** Tokens of a batch, padding included; default 1,024. Bounds the memory of encoding. */
  readonly maxBatchTokens?: number
  /** Threads of the runtime; default: it decides, usually one a core. */
  readonly numThreads?: number
}
