import { type InferenceFreeModel, loadInferenceFreeModel } from '../encoder/inference-free-model.ts'
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
