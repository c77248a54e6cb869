/** `esplanade/encoder`: text → sparse vector. */

import { loadSparseEncoder } from '../encoder/load-sparse-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type {
  LoadOptions,
  SparseEncoder as SparseEncoderInterface
} from '../encoder/sparse-encoder.ts'
import { provideEncodeThreads } from '../encoder/threads.ts'
import { startEncodeThreads } from '../node/encode-threads.ts'
import { modelFolder } from '../node/model-folder.ts'

export type { ModelFiles } from '../encoder/model-files.ts'
export { runtimeVersion } from '../encoder/session.ts'
export type {
  Encode,
  EncodeOptions,
  EncodeProgress,
  LoadOptions,
  TermWeight
} from '../encoder/sparse-encoder.ts'
export type { Pooling } from '../encoder/splade-pooling.ts'
export { SHIPPED_MODELS } from '../node/model-folder.ts'

/** Turns texts into sparse vectors; {@link SparseEncoder.load} makes one. */
export type SparseEncoder = SparseEncoderInterface

/** Loads sparse encoders. */
export const SparseEncoder: {
  /**
   * Loads a model: by the name of a shipped one (`'splade-tiny'`), from the folder of a checkpoint
   * (`config.json`, `tokenizer.json`, `model.safetensors`), or from files handed in.
   *
   * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
   * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
   */
  load(model: string | ModelFiles, options?: LoadOptions): Promise<SparseEncoder>
} = {
  load: async (model, options) =>
    loadSparseEncoder(typeof model === 'string' ? modelFolder(model) : model, options)
}

provideEncodeThreads(startEncodeThreads)
