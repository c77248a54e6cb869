import type { Tokenizer } from '../text/tokenizer.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn } from './model-layout.ts'
import { readModelLayout } from './read-model-layout.ts'
import { readTokenizer } from './read-tokenizer.ts'

/** What inference-free queries need of a model: neither its weights nor a runtime. */
export interface InferenceFreeModel {
  readonly tokenizer: Tokenizer
}

/** @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH` */
export async function loadInferenceFreeModel(files: ModelFiles): Promise<InferenceFreeModel> {
  const { documents } = await readModelLayout(files)
  return { tokenizer: await readTokenizer(filesIn(files, documents.folder), documents.lowercase) }
}
