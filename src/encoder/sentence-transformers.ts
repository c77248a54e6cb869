import { EsplanadeError } from '../errors.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import {
  filesIn,
  type ModelLayout,
  type ModelSide,
  readConfig,
  readMaxLength,
  type TableSide,
  type TokenTable
} from './model-layout.ts'
import { type ModuleEntry, modulesFor, readModules } from './module-list.ts'
import type { SpladeHead } from './splade-pooling.ts'

const MODELS = ['MLMTransformer', 'Transformer']

/**
 * Reads the folder of a sentence-transformers `SparseEncoder` (versions 5 and 6): `modules.json`, the
 * settings of each module, and `config_sentence_transformers.json` with prompts and
 * `max_active_dims`. `similarity_fn_name` makes no difference to vectors, and is not read.
 *
 * @param modules - the content of `modules.json`
 * @throws EsplanadeError `MODEL_UNSUPPORTED`, `MODEL_FILE_INVALID`, `MODEL_NOT_FOUND`
 */
export async function readSentenceTransformers(
  files: ModelFiles,
  modules: Uint8Array
): Promise<ModelLayout> {
  const place = files.placeOf('modules.json')
  const entries = readModules(Object.values(parseJsonObject(modules, place, 'array')), place)
  const settings = await readConfig(files, 'config_sentence_transformers.json')
  const topTokens = settings?.has('max_active_dims') ? settings.size('max_active_dims') : undefined
  const sideOf = async (task: 'document' | 'query') => {
    const common = { prompt: promptFor(settings, task), topTokens }
    return readSide(files, await modulesFor(files, entries, task), common, place)
  }
  const documents = await sideOf('document')
  if (documents.kind === 'model' && documents.table === undefined) {
    return { documents, queries: await sideOf('query') }
  }
  throw unsupported(
    place,
    'documents are encoded by SparseStaticEmbedding',
    'a masked language model'
  )
}

/** What is set for the whole model. */
type Common = Pick<ModelSide, 'prompt' | 'topTokens'>

/**
 * sentence-transformers 6.2 knows the prompts `query` and `document` of every sparse encoder, be they
 * empty, so that `passage`, `corpus` and `default_prompt_name` never come into play.
 */
export function promptFor(settings: ModelConfig | undefined, task: string): string {
  if (!settings?.has('prompts')) return ''
  const prompts = settings.section('prompts')
  return prompts.has(task) ? prompts.text(task) : ''
}

async function readSide(
  files: ModelFiles,
  modules: readonly ModuleEntry[],
  common: Common,
  place: string
): Promise<ModelSide | TableSide> {
  const [first, second, third] = modules
  const kinds = modules.map(({ kind }) => (MODELS.includes(kind) ? MODELS[0] : kind)).join()
  if (kinds === 'SparseStaticEmbedding') {
    const maxSeqLength = await readMaxLength(filesIn(files, first!.path))
    return { kind: 'table', ...(await readStaticEmbedding(files, first!)), maxSeqLength, ...common }
  }
  if (
    kinds === 'MLMTransformer,SpladePooling' ||
    kinds === 'MLMTransformer,SpladePooling,SparseStaticEmbedding'
  ) {
    const head = await readSpladePooling(filesIn(files, second!.path))
    const table = third && (await readStaticEmbedding(files, third))
    return { ...(await readTransformer(files, first!)), ...common, head, table }
  }
  const given = modules.map(({ kind, path }) => `${kind} at "${path}"`).join(', ')
  throw unsupported(
    place,
    `the modules are ${given || 'none'}`,
    'MLMTransformer and SpladePooling, or SparseStaticEmbedding'
  )
}

/** Settings that make no difference here: how the weights are held, and what the output is called. */
export const TRANSFORMER_SETTINGS: readonly string[] = [
  'transformer_task',
  'modality_config',
  'module_output_name',
  'max_seq_length',
  'do_lower_case',
  'unpad_inputs',
  'model_args',
  'model_kwargs',
  'architecture'
]

async function readTransformer(
  files: ModelFiles,
  { kind, path }: ModuleEntry
): Promise<Omit<ModelSide, 'head' | 'table' | keyof Common>> {
  const own = filesIn(files, path)
  const place = own.placeOf('sentence_bert_config.json')
  const config = (await readConfig(own, 'sentence_bert_config.json')) ?? new ModelConfig({}, place)
  // A `Transformer` is for any task unless it says so; the `MLMTransformer` of version 5 is for one.
  if (kind === 'Transformer' && !config.has('transformer_task')) {
    throw unsupported(place, 'transformer_task is missing', '"fill-mask"')
  }
  config.require('transformer_task', ['fill-mask'])
  config.require('module_output_name', ['token_embeddings'])
  config.requireOnly(TRANSFORMER_SETTINGS)
  if (config.has('modality_config')) {
    const text = config.section('modality_config').section('text')
    text.require('method', ['forward'])
    text.require('method_output_name', ['logits'])
  }
  if ((await own.read('adapter_config.json')) !== undefined) {
    throw unsupported(own.placeOf('adapter_config.json'), 'the weights are an adapter', 'a model')
  }
  return {
    kind: 'model',
    folder: path,
    lowercase: config.flag('do_lower_case', false),
    maxSeqLength: config.has('max_seq_length')
      ? config.size('max_seq_length')
      : await readMaxLength(own)
  }
}

async function readSpladePooling(own: ModelFiles): Promise<SpladeHead> {
  const config = (await readConfig(own, 'config.json')) ?? new ModelConfig({}, own.placeOf(''))
  const pooling = config.choice('pooling_strategy', ['max', 'sum'], 'max')
  const activation = config.choice('activation_function', ['relu', 'log1p_relu'], 'relu')
  // How wide the vectors are, and how much is computed at a time.
  const ignored = ['embedding_dimension', 'word_embedding_dimension', 'chunk_size']
  config.requireOnly(['pooling_strategy', 'activation_function', ...ignored])
  return { pooling, activation }
}

async function readStaticEmbedding(files: ModelFiles, { path }: ModuleEntry): Promise<TokenTable> {
  const own = filesIn(files, path)
  const config = (await readConfig(own, 'config.json')) ?? new ModelConfig({}, own.placeOf(''))
  config.requireOnly(['frozen', 'path'])
  const isJson = config.has('path') && config.choice('path', ['idf.json'], 'idf.json')
  return { folder: path, idfFile: isJson || undefined }
}

function unsupported(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', { place, problem, expected })
}
