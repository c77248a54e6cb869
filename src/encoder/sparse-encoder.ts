import type { Progress, TaskOptions } from '../progress.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import type { Pruning, SparseVector } from '../vector/sparse-vector.ts'
import type { ModelFiles } from './model-files.ts'
import type { Precision } from './plan-batch-encoder.ts'
import type { IdfTable, QueryMode } from './query-modes.ts'
import type { Device } from './session.ts'
import type { Activation, Pooling } from './splade-pooling.ts'

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

/** Options of every encoding call, whatever kind of vectors it gives. */
export interface TextOptions extends TaskOptions<EncodeProgress> {
  /** Tokens of a text that the model reads, the special ones included; default: the encoder's. */
  readonly maxTokens?: number
}

/** Options of every call that gives sparse vectors. */
export interface EncodeOptions extends TextOptions, Pruning {}

/** Options of {@link SparseEncoder.encodeQuery}. */
export interface QueryOptions extends EncodeOptions {
  /** Default: what the encoder was loaded with, else `'full'`. */
  readonly queryMode?: QueryMode
  /** The weights of `'inference-free'`; default: the model's own, where it has a table of them. */
  readonly idf?: IdfTable
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
export interface Encode<Options extends TextOptions = EncodeOptions, Vector = SparseVector> {
  (text: string, options?: Options): Promise<Vector>
  (texts: readonly string[], options?: Options): Promise<Vector[]>
  (texts: AsyncIterable<string>, options?: Options): AsyncIterable<Vector>
}

/** Turns texts into sparse vectors over its {@link SparseEncoder.vocabulary}. */
export interface SparseEncoder {
  /** The model's name, or the name of its folder. */
  readonly name: string
  /**
   * CRC-32 of the model's weights, eight hexadecimal digits: an index that records it can tell when
   * the model behind its name has changed. Where the model has prompts, an activation other than
   * `relu`, a limit of terms or other weights for queries, it covers those as well.
   */
  readonly fingerprint: string
  readonly pooling: Pooling
  /**
   * How documents are computed: what was asked for, or `'float32'` with `sum` pooling and on other
   * devices than the CPU, which have no other; `'as-exported'` for a ready ONNX graph.
   */
  readonly precision: Precision | 'as-exported'
  /** Tokens of a text that the model reads unless a call says otherwise. */
  readonly maxTokens: number
  readonly vocabulary: Vocabulary
  readonly tokenizer: Tokenizer
  /**
   * Encodes queries, in one of three modes.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` for `'inference-free'` without a table of weights,
   * beside what {@link Encode} throws
   */
  readonly encodeQuery: Encode<QueryOptions>
  readonly encodeDocument: Encode
  /** The terms of a vector by descending weight, the first `top` of them (default: all). */
  decode(vector: SparseVector, options?: { readonly top?: number }): TermWeight[]
  /**
   * What the masked-language head predicts for each mask of a text (`[MASK]`, or `<mask>` in RoBERTa): its
   * most probable terms, `weight` being the probability.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` where the text holds none
   */
  predictMasked(text: string, options?: { readonly top?: number }): Promise<TermWeight[][]>
  /** Frees the model's memory; closing again does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How far the download of a file has come; `done` and `total` are bytes. */
export interface DownloadProgress extends Progress {
  /** The model's name on the hub: `org/name`. */
  readonly model: string
  /** The file, by its path in the model. */
  readonly file: string
  /** The length of the file. */
  readonly total: number
}

/** How a model that is named as on the hub, `org/name`, is found. Others need none of this. */
export interface HubOptions {
  /** A branch, a tag or a commit; default `'main'`. A commit is always the same model. */
  readonly revision?: string
  /** Takes what the cache has and opens no connection; default: whether `HF_HUB_OFFLINE` is set. */
  readonly localFilesOnly?: boolean
  /** For private and gated models; default: `HF_TOKEN`, else what `hf auth login` has kept. */
  readonly token?: string
  /** Where the hub is; default: `HF_ENDPOINT`, else `https://huggingface.co`. */
  readonly endpoint?: string
  /** Where files are kept; default: `HF_HUB_CACHE`, else the folder `hub` of `HF_HOME`. */
  readonly cacheDir?: string
  /** Hears how far each download is; at its end `done` equals `total`. */
  readonly onDownload?: (progress: DownloadProgress) => void
  /** Stops a download, with `ABORTED`; the next one goes on from there. */
  readonly signal?: AbortSignal
}

/** How a model is loaded. */
export interface LoadOptions extends HubOptions {
  /**
   * Default: what the model's folder says, else `'max'`, as SPLADE v2, ++ and v3 do. Queries that are
   * encoded by a model of their own keep its pooling.
   */
  readonly pooling?: Pooling
  /**
   * Default: what the model's folder says, else `'relu'`. OpenSearch's v3 models have `'log1p_relu'`;
   * a folder of one without `modules.json` does not say so. Not of queries with their own model.
   */
  readonly activation?: Activation
  /**
   * Encodes queries in place of the model that is loaded: its name (on the hub, `org/name@commit` is
   * the same for ever), folder or files. Its vocabulary is the same, else `MODEL_MISMATCH`. Default: the model says how its queries are encoded.
   */
  readonly queryModel?: string | ModelFiles
  /**
   * Tokens of a text that are read, the special ones included; default 256, or fewer where the model
   * takes fewer. Queries that are encoded apart from documents have a limit of their own.
   */
  readonly maxTokens?: number
  /**
   * How exactly a model that is built from weights is computed; default `'mixed'`, whose vectors are
   * those of `'float32'` to 1e-4 at about three times the speed. `'int8'` is a little faster and off
   * by up to about 0.1 a weight. With `sum` pooling, and on other devices than the CPU, all are
   * `'float32'`.
   */
  readonly precision?: Precision
  /**
   * What computes the model; default `'cpu'`. Others take `'float32'` for the precision. One that the
   * runtime or the machine lacks is refused, not replaced. `docs/runtimes.md` says what each needs.
   */
  readonly device?: Device
  /**
   * Tokens of a batch, padding included; default 1,024. Memory beyond the model's grows with it, not
   * with the number of texts: with the shipped model by about 33 kB a token (64 texts of 512 tokens:
   * 33 MB at 1,024, 130 MB at 4,096), which each worker needs for itself. A single text that is
   * longer is a batch of its own.
   */
  readonly maxBatchTokens?: number
  /** How queries are encoded unless a call says otherwise; default `'full'`. */
  readonly queryMode?: QueryMode
  /**
   * Threads of the runtime; default: it decides, usually one a core, but for the last layer of batches
   * in `mixed` and `int8`, where one is fastest. With `numWorkers`: of each worker, default 1.
   */
  readonly numThreads?: number
  /**
   * Worker threads that each hold the model and encode batches side by side, while this thread reads
   * and tokenises and stays free for other work; default 0: batches are encoded in this thread. A
   * worker that dies is replaced, and its batch is tried again.
   */
  readonly numWorkers?: number
}
