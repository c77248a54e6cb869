import type { Tokenizer } from '../text/tokenizer.ts'
import { pruneVector, type SparseVector } from '../vector/sparse-vector.ts'
import { loadTableSide } from './load-encoder-side.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn } from './model-layout.ts'
import { type IdfTable, inferenceFreeVector } from './query-modes.ts'
import { readModelLayout } from './read-model-layout.ts'
import { readTokenizer } from './read-tokenizer.ts'
import type { EncoderSide } from './splade-encoder.ts'

/** What inference-free queries need of a model: neither its weights nor a runtime. */
export interface InferenceFreeModel {
  /** The tokenizer of documents. */
  readonly tokenizer: Tokenizer
  /** How the model itself has queries encoded; undefined where it has no table of weights. */
  readonly queries: EncoderSide | undefined
}

/**
 * @param queryFiles - the model that encodes queries, where that is not the one of the documents
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`
 */
export async function loadInferenceFreeModel(
  files: ModelFiles,
  queryFiles: ModelFiles = files
): Promise<InferenceFreeModel> {
  const { documents } = await readModelLayout(files)
  const { queries } = await readModelLayout(queryFiles)
  return {
    tokenizer: await readTokenizer(filesIn(files, documents.folder), documents.lowercase),
    queries:
      queries.kind === 'table' ? (await loadTableSide(queryFiles, queries, {})).side : undefined
  }
}

/**
 * The vector of an inference-free query: as the model has it, else by an idf.
 *
 * @param idf - not asked where the model has a table of its own
 * @param maxTokens - tokens of the text that are read then, special ones included
 */
export async function encodeInferenceFree(
  text: string,
  { tokenizer, queries }: InferenceFreeModel,
  idf: IdfTable,
  maxTokens: number
): Promise<SparseVector> {
  if (queries === undefined) {
    const { ids } = tokenizer.tokenize(text, { maxTokens })
    return inferenceFreeVector(ids, tokenizer.vocabulary, idf)
  }
  const { ids } = queries.tokenizer.tokenize(text, queries)
  const [vector] = await queries.encoder.encode([ids])
  return pruneVector(vector!, { topTokens: queries.topTokens })
}
