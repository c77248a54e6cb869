import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import type { Pooling } from '../encoder/splade-pooling.ts'
import { EsplanadeError } from '../errors.ts'
import type { WordTermOptions, WordTermSettings } from '../lexical/word-terms.ts'
import type { SegmentHeader } from '../segment/segment-format.ts'
import type { Metric } from '../vector/similarity.ts'
import {
  type CheckedFormat,
  formatCheckedJson,
  parseCheckedJson,
  type RefuseFile,
  refuseFile
} from './checked-json.ts'
import {
  checkDenseRecord,
  type DenseModelRecord,
  type DenseOptions,
  type DenseSettings,
  denseDifference,
  denseModelDifference,
  denseName
} from './dense-settings.ts'
import { checkLexicalRecord, lexicalDifference, lexicalName } from './lexical-settings.ts'

/** The format that this version writes, of both files; see `docs/formats/collection-v1.md`. */
const COLLECTION_VERSION = 1

/** What a collection records of the model that made its vectors. */
export interface ModelRecord {
  /** The shipped model's name, `org/name` on the hub, or the folder that it was loaded from. */
  readonly source: string
  /** The commit of a model on the hub; absent for others. */
  readonly revision?: string
  /** Where the model that encodes queries lies, where one was named; absent for the same model. */
  readonly queryModel?: string
  readonly name: string
  readonly vocabularyFingerprint: string
  /** CRC-32 of the weights. */
  readonly weightsFingerprint: string
  readonly pooling: Pooling
  /** Vectors of all but `int8` are the same to 1e-4. */
  readonly precision: SparseEncoder['precision']
  readonly maxTokens: number
}

/** What every vector of a generation was made with: `settings.json`, written once. */
export interface CollectionSettings {
  /** Absent where the vectors are made elsewhere. */
  readonly model?: ModelRecord
  readonly metric: Metric
  /** How segments store weights; the store itself keeps float32. */
  readonly precision: SegmentHeader['precision']
  /** Longer texts are split into passages of so many tokens; 0 or absent: none are. */
  readonly passageTokens?: number
  /** Only the heaviest terms of a vector are kept. */
  readonly topTokens?: number
  /** Only terms of at least this weight are kept. */
  readonly minWeight?: number
  /** Only the heaviest terms that hold this share of a vector's mass are kept. */
  readonly pruneMass?: number
  /** How words are terms of the same vectors, beside the model's; absent where they are none. */
  readonly lexical?: WordTermSettings
  /** Absent where dense vectors are not searched; those that documents bring are kept even so. */
  readonly dense?: DenseSettings
}

/** What a directory says of itself: `collection.json`, replaced in one step. */
export interface CollectionFile {
  /** The folder of the generation that is read and written: `g1`. */
  readonly active: string
}

const SETTINGS: Omit<CheckedFormat, 'remedy'> = {
  format: 'esplanade-settings',
  version: COLLECTION_VERSION,
  what: 'the settings of a generation'
}

const COLLECTION: Omit<CheckedFormat, 'remedy'> = {
  format: 'esplanade-collection',
  version: COLLECTION_VERSION,
  what: 'an Esplanade collection'
}

const RESTORE = 'Restore the file from a backup'
const REPAIR = 'Write it anew: esplanade repair DIR'

const GENERATION = /^g[1-9]\d{0,8}$/

/** The number of a generation's folder, `g1`; undefined for a name that is none. */
export function generationNumber(name: unknown): number | undefined {
  return typeof name === 'string' && GENERATION.test(name) ? Number(name.slice(1)) : undefined
}

/** The text of `collection.json`. */
export function formatCollectionFile({ active }: CollectionFile): string {
  const fields = { format: COLLECTION.format, version: COLLECTION_VERSION, active }
  return formatCheckedJson(fields)
}

/**
 * @param place - the file's path
 * @param remedy - what to do where it is damaged
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`
 */
export function parseCollectionFile(
  json: string,
  place: string,
  remedy: string = REPAIR
): CollectionFile {
  const { active } = parseCheckedJson(json, place, { ...COLLECTION, remedy })
  if (generationNumber(active) === undefined) {
    refuseFile(place, remedy)(`active is ${JSON.stringify(active)}`, 'a generation such as g1')
  }
  return { active: active as string }
}

/** The text of `settings.json`. */
export function formatSettings(settings: CollectionSettings): string {
  return formatCheckedJson({ format: SETTINGS.format, version: COLLECTION_VERSION, ...settings })
}

/**
 * @param place - the file's path
 * @param remedy - what to do where it is damaged
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`
 */
export function parseSettings(
  json: string,
  place: string,
  remedy: string = RESTORE
): CollectionSettings {
  const fields = parseCheckedJson(json, place, { ...SETTINGS, remedy })
  const refuse: RefuseFile = refuseFile(place, remedy)
  const { format: _format, version: _version, ...settings } = fields
  checkSettings(settings, refuse)
  return settings as unknown as CollectionSettings
}

function checkSettings(settings: Record<string, unknown>, refuse: RefuseFile): void {
  const { model, dense, lexical } = settings
  oneOf(settings, 'metric', ['dot', 'cosine'], refuse)
  oneOf(settings, 'precision', ['float32', 'float16'], refuse)
  for (const [name, least] of [
    ['passageTokens', 0],
    ['topTokens', 1]
  ] as const) {
    if (settings[name] !== undefined) atLeast(settings, name, least, refuse)
  }
  const { minWeight, pruneMass } = settings
  if (minWeight !== undefined && !(typeof minWeight === 'number' && minWeight >= 0)) {
    refuse(`minWeight is ${JSON.stringify(minWeight)}`, 'a number from 0')
  }
  if (pruneMass !== undefined) {
    const isShare = typeof pruneMass === 'number' && pruneMass > 0 && pruneMass <= 1
    if (!isShare) refuse(`pruneMass is ${JSON.stringify(pruneMass)}`, 'a number above 0, at most 1')
  }
  if (dense !== undefined) checkDenseRecord(fieldsOf(dense, 'dense', refuse), refuse)
  if (lexical !== undefined) checkLexicalRecord(fieldsOf(lexical, 'lexical', refuse), refuse)
  if (model !== undefined) checkModel(fieldsOf(model, 'model', refuse), refuse)
}

function checkModel(model: Record<string, unknown>, refuse: RefuseFile): void {
  for (const name of ['source', 'name', 'vocabularyFingerprint', 'weightsFingerprint']) {
    if (typeof model[name] !== 'string') refuse(`the model has no ${name}`)
  }
  const { revision } = model
  if (revision !== undefined && !/^[0-9a-f]{40}$/.test(String(revision))) {
    refuse(`the revision of the model is ${JSON.stringify(revision)}`, 'a commit')
  }
  const { queryModel } = model
  if (queryModel !== undefined && typeof queryModel !== 'string') {
    refuse(`the model of queries is ${JSON.stringify(queryModel)}`, 'a string')
  }
  oneOf(model, 'pooling', ['max', 'sum'], refuse)
  oneOf(model, 'precision', ['float32', 'mixed', 'int8', 'as-exported'], refuse)
  atLeast(model, 'maxTokens', 1, refuse)
}

function fieldsOf(value: unknown, name: string, refuse: RefuseFile): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  return refuse(`${name} is ${JSON.stringify(value)}`, 'an object')
}

function oneOf(
  fields: Record<string, unknown>,
  name: string,
  choices: readonly string[],
  refuse: RefuseFile
): void {
  if (choices.includes(fields[name] as string)) return
  refuse(`${name} is ${JSON.stringify(fields[name])}`, choices.join(' or '))
}

function atLeast(
  fields: Record<string, unknown>,
  name: string,
  least: number,
  refuse: RefuseFile
): void {
  const value = fields[name]
  if (Number.isSafeInteger(value) && (value as number) >= least) return
  refuse(`${name} is ${JSON.stringify(value)}`, `a whole number from ${least}`)
}

/** What is asked for when a collection is opened; what is absent is taken as recorded. */
export type WantedSettings = Partial<Omit<CollectionSettings, 'model' | 'lexical' | 'dense'>> & {
  /** Null: the vectors are made elsewhere. */
  readonly model?: ModelRecord | null
  readonly dense?: DenseOptions
  /** Null: no model makes dense vectors. */
  readonly denseModel?: DenseModelRecord | null
  readonly lexical?: boolean | WordTermOptions
}

/** What makes two models give other vectors; where they lie and what they are called does not. */
const MODEL_FIELDS = [
  ['vocabularyFingerprint', 'another vocabulary'],
  ['weightsFingerprint', 'other weights'],
  ['pooling', 'another pooling'],
  ['maxTokens', 'another limit of tokens']
] as const

/** What is compared as it is. */
const SETTINGS_FIELDS = [
  'metric',
  'precision',
  'passageTokens',
  'topTokens',
  'minWeight',
  'pruneMass'
] as const

/**
 * Refuses settings that a collection was not made with.
 *
 * @param place - the directory of the collection
 * @throws EsplanadeError `COLLECTION_MISMATCH`, which says what differs
 */
export function refuseMismatch(
  recorded: CollectionSettings,
  wanted: WantedSettings,
  place: string
): void {
  if (wanted.model !== undefined) refuseModel(recorded.model, wanted.model, place)
  for (const name of SETTINGS_FIELDS) {
    if (wanted[name] === undefined || wanted[name] === recorded[name]) continue
    // Not said and 0 are the same: nothing is split.
    if (name === 'passageTokens' && wanted[name] === 0 && recorded[name] === undefined) continue
    throw mismatch(place, `${name} ${recorded[name] ?? 'not set'}`, `${wanted[name]} was asked for`)
  }
  const { dense, denseModel, lexical } = wanted
  const other = lexical === undefined ? undefined : lexicalDifference(recorded.lexical, lexical)
  if (other !== undefined) throw mismatch(place, lexicalName(recorded.lexical), other)
  const difference =
    (dense && denseDifference(recorded.dense, dense)) ??
    (denseModel === undefined ? undefined : denseModelDifference(recorded.dense?.model, denseModel))
  if (difference !== undefined) throw mismatch(place, denseName(recorded.dense), difference)
}

function refuseModel(
  recorded: ModelRecord | undefined,
  wanted: ModelRecord | null,
  place: string
): void {
  if (recorded === undefined || wanted === null) {
    if (recorded === undefined && wanted === null) return
    const asked = wanted === null ? 'no model was asked for' : `${wanted.name} was asked for`
    throw mismatch(place, recorded === undefined ? 'no model' : `model ${recorded.name}`, asked)
  }
  for (const [field, what] of MODEL_FIELDS) {
    if (recorded[field] === wanted[field]) continue
    const detail = `${what}: ${wanted[field]}, not ${recorded[field]}`
    throw mismatch(place, `model ${recorded.name}`, `${wanted.name} has ${detail}`)
  }
  if ((recorded.precision === 'int8') !== (wanted.precision === 'int8')) {
    const [made, asked] = [`precision ${recorded.precision}`, `${wanted.precision} was asked for`]
    throw mismatch(place, made, asked)
  }
}

function mismatch(place: string, made: string, asked: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_MISMATCH', {
    place,
    problem: `the collection was made with ${made}; ${asked}`,
    remedy: 'Open it as it was made, or encode it anew: esplanade reencode DIR'
  })
}
