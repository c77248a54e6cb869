/**
 * `esplanade/encoder` in browsers: models come from a web server, ONNX Runtime is `onnxruntime-web`,
 * and there are no worker threads of ours.
 */

import { findModel } from '../browser/find-model.ts'
import type {
  DenseEncoder as DenseEncoderInterface,
  DenseLoadOptions
} from '../encoder/dense-encoder.ts'
import { loadDenseEncoder } from '../encoder/load-dense-encoder.ts'
import { loadSparseEncoder } from '../encoder/load-sparse-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type {
  LoadOptions,
  SparseEncoder as SparseEncoderInterface
} from '../encoder/sparse-encoder.ts'

export type { DenseLoadOptions } from '../encoder/dense-encoder.ts'
export type { DensePooling } from '../encoder/dense-pooling.ts'
export { type FetchOptions, modelFilesFromUrl } from '../encoder/fetched-model.ts'
export type { ModelFiles } from '../encoder/model-files.ts'
export type { Precision } from '../encoder/plan-batch-encoder.ts'
export type { IdfTable, QueryMode } from '../encoder/query-modes.ts'
export { type Device, runtimeVersion } from '../encoder/session.ts'
export type {
  DownloadProgress,
  Encode,
  EncodeOptions,
  EncodeProgress,
  HubOptions,
  LoadOptions,
  QueryOptions,
  TermWeight,
  TextOptions
} from '../encoder/sparse-encoder.ts'
export type { Activation, Pooling } from '../encoder/splade-pooling.ts'
export type { DenseVector } from '../vector/dense-vector.ts'

/** Turns texts into sparse vectors; {@link SparseEncoder.load} makes one. */
export type SparseEncoder = SparseEncoderInterface

/** Loads sparse encoders. */
export const SparseEncoder: {
  /**
   * Loads a model: from the address of its folder on a web server (`'https://example.org/mine/'`,
   * `'./mine/'` as from the page), by its name on the Hugging Face hub (`'naver/splade-v3'`), or from
   * files handed in. The browser's cache keeps what was fetched.
   *
   * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`,
   * `MODEL_FILE_INVALID`, `MODEL_MISMATCH`, `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`,
   * `INVALID_ARGUMENT`, `ABORTED`
   */
  load(model: string | ModelFiles, options?: LoadOptions): Promise<SparseEncoder>
} = {
  load: async (model, options = {}) => {
    const { revision: _, ...queryOptions } = options
    const files = typeof model === 'string' ? findModel(model, options) : model
    const { queryModel } = options
    const queryFiles =
      typeof queryModel === 'string' ? findModel(queryModel, queryOptions) : queryModel
    return loadSparseEncoder(files, options, queryFiles)
  }
}

/** Turns texts into dense vectors; {@link DenseEncoder.load} makes one. */
export type DenseEncoder = DenseEncoderInterface

/** Loads dense encoders. */
export const DenseEncoder: {
  /**
   * Loads a model as sentence-transformers saves it (Transformer, Pooling and Normalize), or the folder
   * of a transformer: found as `SparseEncoder.load` finds models.
   *
   * @throws EsplanadeError as `SparseEncoder.load`
   */
  load(model: string | ModelFiles, options?: DenseLoadOptions): Promise<DenseEncoder>
} = {
  load: async (model, options) =>
    loadDenseEncoder(typeof model === 'string' ? findModel(model, options) : model, options)
}
