import { EsplanadeError } from '../errors.ts'
import { readDenseLayout } from './dense-layout.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn, readConfig, readMaxLength } from './model-layout.ts'
import { type ModuleEntry, readModules } from './module-list.ts'
import { promptFor } from './sentence-transformers.ts'

/** How the texts of one side are marked. */
export interface ColbertTexts {
  /** Stands before every text; '' for none. */
  readonly prompt: string
  /** The term put behind the first token; undefined: none. */
  readonly marker: string | undefined
  /** Tokens of a text that it was saved for; undefined: it does not say. */
  readonly maxTokens: number | undefined
}

/** What a model's files say of how its texts become a vector a token. */
export interface ColbertLayout {
  /** Where in the model's files the transformer is; '' is the root. */
  readonly folder: string
  /** Whether texts are to be in lower case, whatever the tokenizer does. */
  readonly lowercase: boolean
  /** Where the tensor `linear.weight` is that states are multiplied with; undefined: there is none. */
  readonly projection: ColbertProjection | undefined
  readonly queries: ColbertTexts
  readonly documents: ColbertTexts
  /** What queries are filled up with: tokens that count, and whether the others see them. */
  readonly fill: QueryFill | undefined
  /** Terms that do not count in documents. */
  readonly skipped: readonly string[]
}

export interface ColbertProjection {
  readonly folder: string
  readonly hasBias: boolean
  /** Numbers of a vector afterwards. */
  readonly dimensions: number
}

interface QueryFill {
  readonly length: number
  /** Undefined: the tokenizer's mask. */
  readonly term: string | undefined
  readonly isAttended: boolean
}

/** Python's `string.punctuation`. */
const PUNCTUATION = Array.from('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~')
/** Defaults of ColBERT's own settings. */
const STANFORD = { queryMaxTokens: 32, documentMaxTokens: 220, dimensions: 128 }

/**
 * Finds out how a model of late interaction is laid out:
 *
 * - `HF_ColBERT`, as ColBERT's own code saves it (colbert-ir/colbertv2.0, answerai-colbert-small):
 *   `linear.weight` among the weights, settings in `artifact.metadata`;
 * - as sentence-transformers 6 saves its `MultiVectorEncoder`, or PyLate its `ColBERT`: `modules.json` with
 *   one `Dense`;
 * - any dense model: the states of its tokens themselves, nothing marked, filled up or left out.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules and settings that are not read;
 * `MODEL_FILE_INVALID`, `MODEL_NOT_FOUND`
 */
export async function readColbertLayout(files: ModelFiles): Promise<ColbertLayout> {
  const settings = await readConfig(files, 'config_sentence_transformers.json')
  const type = settings?.has('model_type') ? settings.text('model_type') : undefined
  if (settings !== undefined && type === 'MultiVectorEncoder') return readNative(files, settings)
  if (settings !== undefined && type === 'ColBERT') return readPyLate(files, settings)
  const config = await readConfig(files, 'config.json')
  const architectures = config?.has('architectures') ? config.texts('architectures') : []
  if (architectures.includes('HF_ColBERT')) return readStanford(files)
  return readDense(files)
}

async function readStanford(files: ModelFiles): Promise<ColbertLayout> {
  const file = 'artifact.metadata'
  const metadata = (await readConfig(files, file)) ?? new ModelConfig({}, files.placeOf(file))
  metadata.require('similarity', ['cosine'])
  const textOf = (name: string, absent: string) =>
    metadata.has(name) ? metadata.text(name) : absent
  const sizeOf = (name: string, absent: number) =>
    metadata.has(name) ? metadata.size(name) : absent
  const length = sizeOf('query_maxlen', STANFORD.queryMaxTokens)
  const documentLength = sizeOf('doc_maxlen', STANFORD.documentMaxTokens)
  return {
    folder: '',
    lowercase: false,
    projection: { folder: '', hasBias: false, dimensions: sizeOf('dim', STANFORD.dimensions) },
    queries: { prompt: '', marker: textOf('query_token_id', '[unused0]'), maxTokens: length },
    documents: {
      prompt: '',
      marker: textOf('doc_token_id', '[unused1]'),
      maxTokens: documentLength
    },
    fill: { length, term: undefined, isAttended: metadata.flag('attend_to_mask_tokens', false) },
    skipped: metadata.flag('mask_punctuation', true) ? PUNCTUATION : []
  }
}

/** As sentence-transformers 6 saves it: markers are text, which the tokenizer reads as one token. */
async function readNative(files: ModelFiles, settings: ModelConfig): Promise<ColbertLayout> {
  const modules = await readModuleList(files)
  const [transformer, dense, ...others] = modules
  const kinds = modules.map(({ kind }) => kind).join()
  const known = ['MultiVectorMask,Normalize', 'Normalize,MultiVectorMask']
  if (!known.some(end => kinds === `Transformer,Dense,${end}`)) {
    throw unsupported(files, kinds, 'Transformer, Dense, MultiVectorMask, Normalize')
  }
  settings.require('similarity_fn_name', ['maxsim'])
  const own = filesIn(files, transformer!.path)
  const config = await readSettings(own, 'sentence_bert_config.json')
  config.require('transformer_task', ['feature-extraction'])
  config.requireOnly([
    'transformer_task',
    'modality_config',
    'module_output_name',
    'query_length',
    'document_length',
    'query_expansion',
    'max_seq_length',
    'do_lower_case',
    'unpad_inputs'
  ])
  const fill = config.has('query_expansion')
    ? readExpansion(config.section('query_expansion'))
    : undefined
  const maxLength = config.has('max_seq_length')
    ? config.size('max_seq_length')
    : await readMaxLength(own)
  const sizeOf = (name: string) => (config.has(name) ? config.size(name) : maxLength)
  const mask = others.find(({ kind }) => kind === 'MultiVectorMask')!
  return {
    folder: transformer!.path,
    lowercase: config.flag('do_lower_case', false),
    projection: await readProjection(files, dense!),
    queries: {
      prompt: promptFor(settings, 'query'),
      marker: undefined,
      maxTokens: fill?.length ?? sizeOf('query_length')
    },
    documents: {
      prompt: promptFor(settings, 'document'),
      marker: undefined,
      maxTokens: sizeOf('document_length')
    },
    fill,
    skipped: await readSkipped(filesIn(files, mask.path))
  }
}

function readExpansion(section: ModelConfig): QueryFill {
  section.require('strategy', ['fixed'])
  return {
    length: section.size('length'),
    term: section.has('token') ? section.text('token') : undefined,
    isAttended: section.flag('attend', false)
  }
}

async function readSkipped(own: ModelFiles): Promise<readonly string[]> {
  const config = await readSettings(own, 'config.json')
  config.require('keep_only_token_ids', [])
  const tasks = config.has('skiplist_tasks') ? config.texts('skiplist_tasks') : ['document']
  if (tasks.join() !== 'document') {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: config.place,
      problem: `skiplist_tasks is ${JSON.stringify(tasks)}`,
      expected: '["document"]'
    })
  }
  return config.has('skiplist_words') ? config.texts('skiplist_words') : []
}

/** As PyLate saves it: markers are terms put behind the first token, after tokenising. */
async function readPyLate(files: ModelFiles, settings: ModelConfig): Promise<ColbertLayout> {
  const modules = await readModuleList(files)
  const kinds = modules.map(({ kind }) => kind).join()
  if (kinds !== 'Transformer,Dense') throw unsupported(files, kinds, 'Transformer, Dense')
  const [transformer, dense] = modules as [ModuleEntry, ModuleEntry]
  for (const task of ['query', 'document']) {
    if (promptFor(settings, task) !== '') {
      throw unsupported(files, `those of PyLate, and there is a prompt for each ${task}`, 'none')
    }
  }
  const config = await readSettings(filesIn(files, transformer.path), 'sentence_bert_config.json')
  const textOf = (name: string) => (settings.has(name) ? settings.text(name) : '')
  const sizeOf = (name: string) => (settings.has(name) ? settings.size(name) : undefined)
  const length = sizeOf('query_length') ?? STANFORD.queryMaxTokens
  const isAttended = settings.flag('attend_to_expansion_tokens', false)
  return {
    folder: transformer.path,
    lowercase: config.flag('do_lower_case', false),
    projection: await readProjection(files, dense),
    queries: { prompt: '', marker: textOf('query_prefix') || undefined, maxTokens: length },
    documents: {
      prompt: '',
      marker: textOf('document_prefix') || undefined,
      maxTokens: sizeOf('document_length')
    },
    fill: settings.flag('do_query_expansion', true)
      ? { length, term: undefined, isAttended }
      : undefined,
    skipped: settings.has('skiplist_words') ? settings.texts('skiplist_words') : PUNCTUATION
  }
}

/** The states of a dense model: its pooling and its normalisation do not matter. */
async function readDense(files: ModelFiles): Promise<ColbertLayout> {
  const { queries, documents } = await readDenseLayout(files)
  if (queries.folder !== documents.folder) {
    throw unsupported(files, 'a model for queries and another for documents', 'one model for both')
  }
  const textsOf = ({ prompt, maxSeqLength }: typeof queries): ColbertTexts => ({
    prompt,
    marker: undefined,
    maxTokens: maxSeqLength
  })
  return {
    folder: documents.folder,
    lowercase: documents.lowercase,
    projection: undefined,
    queries: textsOf(queries),
    documents: textsOf(documents),
    fill: undefined,
    skipped: []
  }
}

/** The list of modules; PyLate has a `Dense` of its own, which is that of sentence-transformers. */
async function readModuleList(files: ModelFiles): Promise<ModuleEntry[]> {
  const place = files.placeOf('modules.json')
  const bytes = (await files.read('modules.json')) ?? new TextEncoder().encode('[]')
  const entries = Object.values(parseJsonObject(bytes, place, 'array')).map(entry => {
    const { type, path } = (entry ?? {}) as Record<string, unknown>
    const isOfPyLate = type === 'pylate.models.Dense.Dense'
    return { type: isOfPyLate ? 'sentence_transformers.models.Dense' : type, path }
  })
  return readModules(entries, place)
}

async function readProjection(
  files: ModelFiles,
  { path }: ModuleEntry
): Promise<ColbertProjection> {
  const config = await readSettings(filesIn(files, path), 'config.json')
  const identities = ['torch.nn.modules.linear.Identity', 'torch.nn.Identity']
  config.require('activation_function', identities)
  config.require('use_residual', [false])
  const dimensions = config.size('out_features')
  return { folder: path, hasBias: config.flag('bias', true), dimensions }
}

async function readSettings(files: ModelFiles, file: string): Promise<ModelConfig> {
  return (await readConfig(files, file)) ?? new ModelConfig({}, files.placeOf(file))
}

function unsupported(files: ModelFiles, given: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', {
    place: files.placeOf('modules.json'),
    problem: `the modules are ${given || 'none'}`,
    expected
  })
}
