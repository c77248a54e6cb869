import type { DenseEncoder, DenseLoadOptions } from '../encoder/dense-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import {
  checkedDenseVector,
  DENSE_METRICS,
  type DenseMetric,
  type DenseVector,
  MAX_DIMENSIONS,
  refuseZero
} from '../vector/dense-vector.ts'
import type { RefuseFile } from './checked-json.ts'

/** What was chosen when a dense model was loaded, in the place of what its folder says. */
export type DenseModelChoice = Pick<DenseLoadOptions, 'pooling' | 'normalize' | 'prompts'>

/** What a collection records of the model that made its dense vectors. */
export interface DenseModelRecord {
  /** `org/name` on the hub, or the folder that it was loaded from. */
  readonly source: string
  /** The commit of a model on the hub; absent for others. */
  readonly revision?: string
  readonly name: string
  readonly vocabularyFingerprint: string
  /** Of its weights, pooling, normalisation and prompts: `DenseEncoder.fingerprint`. */
  readonly fingerprint: string
  /** Tokens of a text that it reads. */
  readonly maxTokens: number
  /** Absent where nothing was chosen. */
  readonly chosen?: DenseModelChoice
}

/** What is kept for dense vectors beside the sparse ones. */
export interface DenseSettings {
  /** Numbers of a vector, 1 to 65,536. */
  readonly dimensions: number
  /** How a document is compared with a query. */
  readonly metric: DenseMetric
  /** Absent where the vectors are made elsewhere. */
  readonly model?: DenseModelRecord
  /** `'hnsw'`: larger segments have a graph beside their vectors; absent: all vectors are scanned. */
  readonly index?: 'hnsw'
}

/** What is asked of the dense vectors of a collection. */
export interface DenseOptions {
  /** Numbers of a vector, 1 to 65,536; default: those of the dense model. */
  readonly dimensions?: number
  /** How a document is compared with a query; default `'cosine'`. */
  readonly metric?: DenseMetric
  /**
   * `'hnsw'` keeps a graph beside the vectors of every larger segment, by which searches are faster and
   * approximate; needs the package `usearch`. Default `'flat'`: all vectors are scanned, which is exact.
   */
  readonly index?: 'flat' | 'hnsw'
}

/**
 * What a new collection records of its dense vectors.
 *
 * @param model - how many numbers the vectors of its dense model have; undefined where it has none
 * @returns undefined where none are kept to be searched
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function newDenseSettings(
  wanted: DenseOptions | undefined,
  model: { readonly dimensions: number; readonly record: DenseModelRecord } | undefined
): DenseSettings | undefined {
  if (wanted === undefined && model === undefined) return undefined
  const { dimensions = model?.dimensions, metric = 'cosine', index } = wanted ?? {}
  if (dimensions === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'dense.dimensions',
      problem: 'it is not given, and there is no dense model to tell it by',
      expected: `a whole number from 1 to ${MAX_DIMENSIONS}`,
      remedy: 'Name a dense model (denseModel, --dense-model), or say how long the vectors are'
    })
  }
  if (model !== undefined && dimensions !== model.dimensions) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'dense.dimensions',
      problem: `given ${dimensions}, and vectors of ${model.record.name} have ${model.dimensions}`,
      expected: `${model.dimensions}, or nothing`
    })
  }
  const record = model && { model: model.record }
  return { dimensions, metric, ...record, ...(index === 'hnsw' && { index }) }
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkDenseOptions(given: DenseOptions | undefined): void {
  if (given === undefined) return
  const refuse = (place: string, value: unknown, expected: string): never => {
    const problem = `given ${JSON.stringify(value)}`
    throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
  }
  if (typeof given !== 'object' || given === null) refuse('dense', given, '{ dimensions, metric }')
  const { dimensions, metric, index } = given
  if (dimensions !== undefined && !isDimensions(dimensions)) {
    refuse('dense.dimensions', dimensions, `a whole number from 1 to ${MAX_DIMENSIONS}`)
  }
  if (metric !== undefined && !DENSE_METRICS.includes(metric)) {
    refuse('dense.metric', metric, DENSE_METRICS.join(' or '))
  }
  if (index !== undefined && index !== 'flat' && index !== 'hnsw') {
    refuse('dense.index', index, 'flat or hnsw')
  }
}

/** Checks what `settings.json` says. */
export function checkDenseRecord(record: Record<string, unknown>, refuse: RefuseFile): void {
  const { dimensions, metric, model, index } = record
  if (index !== undefined && index !== 'hnsw') {
    refuse(`dense.index is ${JSON.stringify(index)}`, 'hnsw, or nothing')
  }
  if (!isDimensions(dimensions)) {
    const expected = `a whole number from 1 to ${MAX_DIMENSIONS}`
    refuse(`dense.dimensions is ${JSON.stringify(dimensions)}`, expected)
  }
  if (!DENSE_METRICS.includes(metric as DenseMetric)) {
    refuse(`dense.metric is ${JSON.stringify(metric)}`, DENSE_METRICS.join(' or '))
  }
  if (model === undefined) return
  const fields = (typeof model === 'object' && model !== null ? model : {}) as Record<
    string,
    unknown
  >
  for (const name of ['source', 'name', 'vocabularyFingerprint', 'fingerprint']) {
    if (typeof fields[name] !== 'string') refuse(`the dense model has no ${name}`)
  }
  const { revision, maxTokens } = fields
  if (revision !== undefined && !/^[0-9a-f]{40}$/.test(String(revision))) {
    refuse(`the revision of the dense model is ${JSON.stringify(revision)}`, 'a commit')
  }
  if (!(Number.isSafeInteger(maxTokens) && (maxTokens as number) >= 1)) {
    refuse(`maxTokens of the dense model is ${JSON.stringify(maxTokens)}`, 'a whole number from 1')
  }
}

/** How a message says what a collection was made with. */
export function denseName(settings: DenseSettings | undefined): string {
  if (settings === undefined) return 'no dense vectors'
  const { dimensions, metric, model, index } = settings
  const made = model === undefined ? '' : ` by ${model.name}`
  const graphs = index === undefined ? '' : `, with graphs (${index})`
  return `dense vectors of ${dimensions} dimensions${made}, compared by ${metric}${graphs}`
}

/** In what recorded settings are not those that are asked for, in words; undefined: they are. */
export function denseDifference(
  recorded: DenseSettings | undefined,
  wanted: DenseOptions
): string | undefined {
  if (recorded === undefined) return 'dense vectors were asked for'
  const { dimensions = recorded.dimensions, metric = recorded.metric } = wanted
  if (dimensions !== recorded.dimensions) return `${dimensions} dimensions were asked for`
  if (metric !== recorded.metric) return `${metric} was asked for`
  const { index = recorded.index ?? 'flat' } = wanted
  return index === (recorded.index ?? 'flat') ? undefined : `${index} was asked for`
}

/** What makes two models give other vectors; where they lie and what they are called does not. */
const MODEL_FIELDS = [
  ['vocabularyFingerprint', 'another vocabulary'],
  ['fingerprint', 'other weights, pooling, normalisation or prompts'],
  ['maxTokens', 'another limit of tokens']
] as const

/**
 * In what a dense model is not the recorded one, in words; undefined: it is.
 *
 * @param wanted - null: none
 */
export function denseModelDifference(
  recorded: DenseModelRecord | undefined,
  wanted: DenseModelRecord | null
): string | undefined {
  if (wanted === null) return recorded && 'no dense model was asked for'
  if (recorded === undefined) return `the dense model ${wanted.name} was asked for`
  for (const [field, what] of MODEL_FIELDS) {
    if (recorded[field] === wanted[field]) continue
    return `${wanted.name} has ${what}: ${wanted[field]}, not ${recorded[field]}`
  }
  return undefined
}

/** What is recorded of a dense model. */
export function denseModelRecord(
  encoder: DenseEncoder,
  { source, revision }: { readonly source: string; readonly revision: string | undefined },
  { pooling, normalize, prompts }: DenseModelChoice = {}
): DenseModelRecord {
  const chosen = {
    ...(pooling !== undefined && { pooling }),
    ...(normalize !== undefined && { normalize }),
    ...(prompts !== undefined && { prompts })
  }
  return {
    source,
    ...(revision !== undefined && { revision }),
    name: encoder.name,
    vocabularyFingerprint: encoder.tokenizer.vocabulary.fingerprint,
    fingerprint: encoder.fingerprint,
    maxTokens: encoder.maxTokens,
    ...(Object.keys(chosen).length > 0 && { chosen })
  }
}

/**
 * A vector of a query or a document as float32, in an array of its own, that a collection of these
 * settings can compare.
 *
 * @param place - what to call it in a message
 * @throws EsplanadeError `INVALID_VECTOR`: another number of dimensions, a number that is not finite, or
 *   all 0 under cosine
 */
export function checkedDense(
  given: ArrayLike<number>,
  { dimensions, metric }: Pick<DenseSettings, 'dimensions' | 'metric'>,
  place: string
): DenseVector {
  const vector = checkedDenseVector(given, dimensions, place)
  refuseZero(metric === 'cosine' && vector.every(value => value === 0), place)
  return vector === given ? vector.slice() : vector
}

function isDimensions(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_DIMENSIONS
}
