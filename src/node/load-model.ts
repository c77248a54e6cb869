import { loadSparseEncoder } from '../encoder/load-sparse-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { LoadOptions, SparseEncoder } from '../encoder/sparse-encoder.ts'
import { type FoundModel, findModel } from './model-folder.ts'

/**
 * Makes an encoder of a model and, where one is named, of the model that encodes queries in its place.
 *
 * @param options - a `revision` is the model's, not that of `queryModel`
 * @throws EsplanadeError as finding a model and loading it do
 */
export async function loadModel(
  files: ModelFiles,
  options: LoadOptions = {}
): Promise<SparseEncoder> {
  const { queryModel } = options
  const queryFiles =
    typeof queryModel === 'string' ? await findQueryModel(queryModel, options) : queryModel
  return loadSparseEncoder(files, options, queryFiles)
}

/** Where the model of queries is found again; undefined where none is named. */
export async function queryModelSource(options: LoadOptions = {}): Promise<string | undefined> {
  const { queryModel } = options
  if (typeof queryModel !== 'string') return undefined
  return (await findQueryModel(queryModel, options)).source
}

function findQueryModel(
  name: string,
  { revision: _, ...options }: LoadOptions
): Promise<FoundModel> {
  return findModel(name, options)
}
