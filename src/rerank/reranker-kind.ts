import { parseJsonObject } from '../encoder/model-config.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import { readConfig } from '../encoder/model-layout.ts'
import { EsplanadeError } from '../errors.ts'

/**
 * What a model can be as a second stage:
 *
 * - `'cross-encoder'`: reads query and document together;
 * - `'maxsim'`: a vector a token, compared by MaxSim;
 * - `'dense'`: a vector a text.
 */
export type RerankerKind = 'cross-encoder' | 'maxsim' | 'dense'

export const RERANKER_KINDS: readonly RerankerKind[] = ['cross-encoder', 'maxsim', 'dense']

/** `model_type` as sentence-transformers 6 and PyLate write it; a `SparseEncoder` is none of these. */
const TYPES: ReadonlyMap<string, RerankerKind> = new Map([
  ['CrossEncoder', 'cross-encoder'],
  ['MultiVectorEncoder', 'maxsim'],
  ['ColBERT', 'maxsim'],
  ['SentenceTransformer', 'dense']
])

/**
 * Which kind a model is, by its files: by `model_type` in `config_sentence_transformers.json`; else by the
 * class in `config.json`, `...ForSequenceClassification` or `HF_ColBERT`; else a model whose `modules.json`
 * has a `Pooling` is dense. A bare transformer is none: nothing says what its states were trained for.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for a model of no kind; `MODEL_FILE_INVALID`; what reading its
 * files throws
 */
export async function rerankerKind(files: ModelFiles): Promise<RerankerKind> {
  const settings = await readConfig(files, 'config_sentence_transformers.json')
  const type = settings?.has('model_type') ? settings.text('model_type') : undefined
  const config = await readConfig(files, 'config.json')
  const classes = config?.has('architectures') ? config.texts('architectures') : []
  const kind = type === undefined ? await kindOf(classes, files) : TYPES.get(type)
  if (kind !== undefined) return kind
  const given = [type, ...classes].filter(one => one !== undefined).join(', ')
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: files.name,
    problem: `its files ${given === '' ? 'do not say what it is' : `say that it is a ${given}`}`,
    expected: `a model that reranks: ${RERANKER_KINDS.join(', ')}`,
    remedy: 'Use a model saved as one of these, or say which kind it is'
  })
}

async function kindOf(
  classes: readonly string[],
  files: ModelFiles
): Promise<RerankerKind | undefined> {
  if (classes.includes('HF_ColBERT')) return 'maxsim'
  if (classes.some(one => one.endsWith('ForSequenceClassification'))) return 'cross-encoder'
  const modules = await files.read('modules.json')
  if (modules === undefined) return undefined
  const entries = Object.values(parseJsonObject(modules, files.placeOf('modules.json'), 'array'))
  const isPooling = (entry: unknown): boolean =>
    /\.Pooling$/.test(String((entry as { readonly type?: unknown } | null)?.type))
  return entries.some(isPooling) ? 'dense' : undefined
}
