/** `esplanade/encoder`: text → sparse vector, text → dense vector. */

import type {
  DenseEncoder as DenseEncoderInterface,
  DenseLoadOptions
} from '../encoder/dense-encoder.ts'
import { loadDenseEncoder } from '../encoder/load-dense-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type {
  LoadOptions,
  SparseEncoder as SparseEncoderInterface
} from '../encoder/sparse-encoder.ts'
import { provideEncodeThreads } from '../encoder/threads.ts'
import { startEncodeThreads } from '../node/encode-threads.ts'
import { loadModel } from '../node/load-model.ts'
import { findModel } from '../node/model-folder.ts'

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
export {
  type LocalModel,
  listModels,
  type PulledModel,
  pullModel,
  type RemovedModel,
  removeModel,
  type VerifiedModel,
  verifyModel
} from '../node/hub/model-store.ts'
export { SHIPPED_MODELS } from '../node/model-folder.ts'
export type { DenseVector } from '../vector/dense-vector.ts'

/** Turns texts into sparse vectors; {@link SparseEncoder.load} makes one. */
export type SparseEncoder = SparseEncoderInterface

/** Loads sparse encoders. */
export const SparseEncoder: {
  /**
   * Loads a model: by the name of a shipped one (`'splade-tiny'`), from the folder of a checkpoint
   * (`config.json`, `tokenizer.json`, `model.safetensors`), by its name on the Hugging Face hub
   * (`'naver/splade-v3'`; a folder of this path comes first), from the address of its folder on a web
   * server (`'https://example.org/mine/'`, which is not kept), or from files handed in.
   *
   * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
   * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`, and of models on
   * the hub `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`, `FILE_UNWRITABLE`, `ABORTED`
   */
  load(model: string | ModelFiles, options?: LoadOptions): Promise<SparseEncoder>
} = {
  load: async (model, options) =>
    loadModel(typeof model === 'string' ? await findModel(model, options) : model, options)
}

/** Turns texts into dense vectors; {@link DenseEncoder.load} makes one. */
export type DenseEncoder = DenseEncoderInterface

/** Loads dense encoders. */
export const DenseEncoder: {
  /**
   * Loads a model as sentence-transformers saves it (Transformer, Pooling and Normalize), the folder of a
   * transformer, or a ready ONNX graph: found as `SparseEncoder.load` finds models.
   *
   * @throws EsplanadeError as `SparseEncoder.load`
   */
  load(model: string | ModelFiles, options?: DenseLoadOptions): Promise<DenseEncoder>
} = {
  load: async (model, options) =>
    loadDenseEncoder(typeof model === 'string' ? await findModel(model, options) : model, options)
}

provideEncodeThreads(startEncodeThreads)
