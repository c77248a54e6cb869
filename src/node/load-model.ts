import { type InferenceFreeModel, loadInferenceFreeModel } from '../encoder/inference-free-model.ts'
import { loadSparseEncoder } from '../encoder/load-sparse-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { LoadOptions, SparseEncoder } from '../encoder/sparse-encoder.ts'
import { isHubName } from './hub/hub-names.ts'
import { type FoundModel, findModel, hubModel } from './model-folder.ts'

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
  return loadSparseEncoder(files, options, await queryFilesOf(options))
}

/**
 * What inference-free queries need of a model and of the model that encodes queries in its place.
 *
 * @throws EsplanadeError as finding a model and reading its tokenizer do
 */
export async function loadInferenceFree(
  files: ModelFiles,
  options: LoadOptions
): Promise<InferenceFreeModel> {
  return loadInferenceFreeModel(files, await queryFilesOf(options))
}

async function queryFilesOf(options: LoadOptions): Promise<ModelFiles | undefined> {
  const { queryModel } = options
  return typeof queryModel === 'string' ? findQueryModel(queryModel, options) : queryModel
}

/**
 * Where the same model of queries is found again, for the hub `org/name@commit`; undefined where none
 * is named.
 */
export async function queryModelSource(options: LoadOptions = {}): Promise<string | undefined> {
  const { queryModel } = options
  if (typeof queryModel !== 'string') return undefined
  const { source, revision } = await findQueryModel(queryModel, options)
  return revision === undefined ? source : `${source}@${revision}`
}

function findQueryModel(
  queryModel: string,
  { revision: _, ...options }: LoadOptions
): Promise<FoundModel> {
  const [name, revision] = queryModel.split(/@(?=[0-9a-f]{40}$)/)
  if (revision === undefined || !isHubName(name!)) return findModel(queryModel, options)
  return hubModel(name!, { ...options, revision })
}
