import type { Tokenizer } from '../text/tokenizer.ts'
import { readTokenizer } from './load-sparse-encoder.ts'
import type { ModelFiles } from './model-files.ts'

/** What inference-free queries need of a model: neither its weights nor a runtime. */
export interface InferenceFreeModel {
  readonly tokenizer: Tokenizer
}

/** @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH` */
export async function loadInferenceFreeModel(files: ModelFiles): Promise<InferenceFreeModel> {
  return { tokenizer: await readTokenizer(files) }
}
