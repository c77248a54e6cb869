import type { ModelFiles } from './model-files.ts'
import { type ModelLayout, type ModelSide, readMaxLength } from './model-layout.ts'
import { readSentenceTransformers } from './sentence-transformers.ts'

/**
 * Finds out how a model is laid out:
 *
 * - with `modules.json`, as sentence-transformers' `SparseEncoder` saves it: naver's and OpenSearch's
 *   models of today among them;
 * - with `idf.json` only, as OpenSearch's models were before they had the other: documents are encoded
 *   by the model, queries by the table;
 * - with neither, as transformers saves a masked language model, which encodes both. It has the head
 *   of SPLADE v2, ++ and v3, as sentence-transformers takes it to have.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules and settings that are not read: a wrong
 * vector would be worse than none; `MODEL_FILE_INVALID`, `MODEL_NOT_FOUND`
 */
export async function readModelLayout(files: ModelFiles): Promise<ModelLayout> {
  const modules = await files.read('modules.json')
  if (modules !== undefined) return readSentenceTransformers(files, modules)
  const common = {
    folder: '',
    prompt: '',
    topTokens: undefined,
    maxSeqLength: await readMaxLength(files)
  }
  const documents: ModelSide = {
    kind: 'model',
    head: { pooling: 'max', activation: 'relu' },
    lowercase: false,
    table: undefined,
    ...common
  }
  if ((await files.read('idf.json')) === undefined) return { documents, queries: documents }
  return { documents, queries: { kind: 'table', idfFile: 'idf.json', ...common } }
}
