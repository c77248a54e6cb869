import { EsplanadeError } from '../errors.ts'
import { DENSE_POOLINGS, type DenseHead, type DensePooling } from './dense-pooling.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn, readConfig, readMaxLength } from './model-layout.ts'
import { type ModuleEntry, modulesFor, readModules } from './module-list.ts'
import { promptFor, TRANSFORMER_SETTINGS } from './sentence-transformers.ts'

/** How the texts of one side become vectors. */
export interface DenseSide {
  /** Where in the model's files its own are; '' is the root. */
  readonly folder: string
  readonly head: DenseHead
  /** Stands before every text; '' for none. */
  readonly prompt: string
  /** Whether texts are to be in lower case, whatever the tokenizer does. */
  readonly lowercase: boolean
  /** Tokens of a text that it was saved for; undefined: as many as the model has positions. */
  readonly maxSeqLength: number | undefined
}

/** What a model's files say of how its texts become dense vectors. */
export interface DenseLayout {
  readonly documents: DenseSide
  readonly queries: DenseSide
}

/**
 * Finds out how a model is laid out: with `modules.json`, as sentence-transformers saves it (versions 2
 * to 6), or without, as transformers saves a model. That one has mean pooling and no normalisation, as
 * sentence-transformers takes it to have.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules and settings that are not read;
 * `MODEL_FILE_INVALID`, `MODEL_NOT_FOUND`
 */
export async function readDenseLayout(files: ModelFiles): Promise<DenseLayout> {
  const modules = await files.read('modules.json')
  if (modules !== undefined) return readModulesLayout(files, modules)
  const side: DenseSide = {
    folder: '',
    head: { pooling: 'mean', normalize: false },
    prompt: '',
    lowercase: false,
    maxSeqLength: await readMaxLength(files)
  }
  return { documents: side, queries: side }
}

async function readModulesLayout(files: ModelFiles, modules: Uint8Array): Promise<DenseLayout> {
  const place = files.placeOf('modules.json')
  const entries = readModules(Object.values(parseJsonObject(modules, place, 'array')), place)
  const settings = await readConfig(files, 'config_sentence_transformers.json')
  const sideOf = async (task: 'document' | 'query') =>
    readSide(files, await modulesFor(files, entries, task), promptFor(settings, task), place)
  return { documents: await sideOf('document'), queries: await sideOf('query') }
}

async function readSide(
  files: ModelFiles,
  modules: readonly ModuleEntry[],
  prompt: string,
  place: string
): Promise<DenseSide> {
  const [transformer, pooling, normalize] = modules
  const kinds = modules.map(({ kind }) => kind).join()
  if (kinds !== 'Transformer,Pooling' && kinds !== 'Transformer,Pooling,Normalize') {
    const given = modules.map(({ kind, path }) => `${kind} at "${path}"`).join(', ')
    throw unsupported(
      place,
      `the modules are ${given || 'none'}`,
      'Transformer, Pooling, Normalize'
    )
  }
  const head = {
    pooling: await readPooling(filesIn(files, pooling!.path), prompt),
    normalize: normalize !== undefined
  }
  if (normalize !== undefined) await checkNormalize(filesIn(files, normalize.path))
  return { ...(await readTransformer(files, transformer!)), head, prompt }
}

async function checkNormalize(own: ModelFiles): Promise<void> {
  const config = await readConfig(own, 'config.json')
  config?.require('module_input_name', ['sentence_embedding'])
  config?.require('module_output_name', ['sentence_embedding'])
  config?.requireOnly(['module_input_name', 'module_output_name'])
}

async function readTransformer(
  files: ModelFiles,
  { path }: ModuleEntry
): Promise<Omit<DenseSide, 'head' | 'prompt'>> {
  const own = filesIn(files, path)
  const place = own.placeOf('sentence_bert_config.json')
  const config = (await readConfig(own, 'sentence_bert_config.json')) ?? new ModelConfig({}, place)
  config.require('transformer_task', ['feature-extraction'])
  config.require('module_output_name', ['token_embeddings'])
  config.requireOnly(TRANSFORMER_SETTINGS)
  if (config.has('modality_config')) {
    const text = config.section('modality_config').section('text')
    text.require('method', ['forward'])
    text.require('method_output_name', ['last_hidden_state'])
  }
  if ((await own.read('adapter_config.json')) !== undefined) {
    throw unsupported(own.placeOf('adapter_config.json'), 'the weights are an adapter', 'a model')
  }
  return {
    folder: path,
    lowercase: config.flag('do_lower_case', false),
    maxSeqLength: config.has('max_seq_length')
      ? config.size('max_seq_length')
      : await readMaxLength(own)
  }
}

/** Fields of a pooling before version 5.5, one a mode; several that are true are concatenated. */
const MODE_FIELDS = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken'
} as const

async function readPooling(own: ModelFiles, prompt: string): Promise<DensePooling> {
  const config = (await readConfig(own, 'config.json')) ?? new ModelConfig({}, own.placeOf(''))
  const fields = Object.keys(MODE_FIELDS) as (keyof typeof MODE_FIELDS)[]
  const dimensions = ['embedding_dimension', 'word_embedding_dimension']
  config.requireOnly(['pooling_mode', 'include_prompt', ...fields, ...dimensions])
  if (prompt !== '' && !config.flag('include_prompt', true)) {
    throw unsupported(config.place, 'include_prompt is false', 'a prompt that is pooled as well')
  }
  if (config.has('pooling_mode')) return config.choice('pooling_mode', DENSE_POOLINGS, 'mean')
  const modes = fields.filter(field => config.flag(field, false)).map(field => MODE_FIELDS[field])
  const [mode = 'mean', ...others] = modes
  if (others.length === 0 && (mode === 'mean' || mode === 'cls' || mode === 'max')) return mode
  throw unsupported(config.place, `the pooling is ${modes.join(' + ')}`, 'mean, cls or max')
}

function unsupported(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', { place, problem, expected })
}
