import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Collection, type CollectionParts } from '../collection/collection.ts'
import { closeModels } from '../collection/collection-context.ts'
import { CollectionEncoder, type ModelLoader } from '../collection/collection-encoder.ts'
import { checkDenseOptions } from '../collection/dense-settings.ts'
import { checkLexicalOptions, newLexicalSettings } from '../collection/lexical-settings.ts'
import type { FlushLimits } from '../collection/maintenance.ts'
import { checkPassageTokens } from '../collection/passage-spans.ts'
import { emptySegmentManifest } from '../collection/segment-manifest.ts'
import {
  type CollectionSettings,
  generationNumber,
  type ModelRecord,
  refuseMismatch
} from '../collection/settings.ts'
import type { Durability } from '../collection/store.ts'
import { checkQueryMode, type QueryMode } from '../encoder/query-modes.ts'
import type { LoadOptions, SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { type WordTermOptions, WordTerms } from '../lexical/word-terms.ts'
import type { Metric } from '../vector/similarity.ts'
import { checkPruning } from '../vector/sparse-vector.ts'
import { backupCollection } from './backup.ts'
import {
  type GenerationPaths,
  generationPaths,
  readCollectionFile,
  readManifest,
  readSettings,
  removeOrphans,
  writeCollectionFile,
  writeManifest,
  writeSettings
} from './collection-files.ts'
import { type DenseModelOptions, denseEncoderFor, denseSettingsOf } from './dense-model.ts'
import { fileError } from './file-error.ts'
import { GenerationStorage } from './generation-storage.ts'
import { activeAfter, tidyGenerations } from './generations.ts'
import { LmdbStore } from './lmdb-store.ts'
import { loadInferenceFree, loadModel, queryModelSource } from './load-model.ts'
import { type FoundModel, findModel, hubModel } from './model-folder.ts'
import { tunedFusionOf } from './tuning-file.ts'
import { loadUsearch } from './usearch-graph.ts'
import { WriterLock } from './writer-lock.ts'

/** How a collection is opened, and, where there is none, made. */
export interface OpenOptions extends DenseModelOptions {
  /**
   * The model that turns texts into vectors: a shipped one's name, a folder, or `org/name` on the
   * hub. Null: the vectors are made elsewhere. Default: the one that the collection was made with;
   * `'splade-tiny'` for a new one. For a collection that is there it must be the same model, but may
   * lie elsewhere by now. Of a model on the hub the commit is recorded, and fetched with the first
   * text that is encoded.
   */
  readonly model?: string | null
  /** How the model is loaded. */
  readonly load?: LoadOptions
  /**
   * How the texts of queries become vectors, unless a search says otherwise; default `'full'`. With
   * `'inference-free'` searches never load the model. Not recorded: each opener chooses.
   */
  readonly queryMode?: QueryMode
  /** How vectors are compared; default `'dot'`. Fixed when the collection is made. */
  readonly metric?: Metric
  /**
   * Splits texts of more tokens than this into passages; 0, the default, splits none. Fixed when the
   * collection is made.
   */
  readonly passageTokens?: number
  /** Keeps the heaviest terms of each vector; default all. Fixed when the collection is made. */
  readonly topTokens?: number
  /** Keeps terms of at least this weight. Fixed when the collection is made. */
  readonly minWeight?: number
  /**
   * Keeps the fewest terms that hold this share of the sum of a vector's weights, above 0, at most 1.
   * Fixed when the collection is made.
   */
  readonly pruneMass?: number
  /**
   * Makes the words of each text terms of its vector, weighted as BM25 does, beside those of the model:
   * a search compares both, or either (`mode`). Options name the variant and its parameters. Default
   * for a new collection: true where it has a model and compares by the dot product, else false.
   * Fixed when the collection is made.
   */
  readonly lexical?: boolean | WordTermOptions
  /** When a write is acknowledged; default `'sync'`: when the disk has it. */
  readonly durability?: Durability
  /** Only reads, beside any process that writes; default false. */
  readonly readOnly?: boolean
  /** Makes a collection where there is none; default true, unless it is opened for reading only. */
  readonly create?: boolean
  /** When documents in memory become a segment. */
  readonly flushLimits?: FlushLimits
}

const DEFAULT_MODEL = 'splade-tiny'
const FIRST_GENERATION = 'g1'
const LOCK_FILE = 'writer.lock'

/**
 * Opens the collection in a directory, or makes one.
 *
 * One process at a time writes; any number read (`readOnly`), and see what it writes.
 *
 * @throws EsplanadeError `COLLECTION_LOCKED` when another process writes (it names its pid);
 *   `COLLECTION_MISMATCH` when it was made with another model or setting; `COLLECTION_CORRUPT`,
 *   `COLLECTION_VERSION`, `COLLECTION_NOT_FOUND`, `COLLECTION_EXISTS` (the directory holds something
 *   else), `FILE_UNREADABLE`, `FILE_UNWRITABLE`, `INVALID_ARGUMENT`, and what loading a model throws
 */
export async function openCollection(
  directory: string,
  options: OpenOptions = {}
): Promise<Collection> {
  checkPassageTokens(options.passageTokens)
  checkQueryMode(queryModeOf(options))
  checkPruning(options)
  checkLexicalOptions(options.lexical)
  checkDenseOptions(options.dense)
  const path = resolve(directory)
  const { readOnly = false, create = !readOnly } = options
  if (!create || readOnly) return openExisting(path, options)
  const isNew = !existsSync(path)
  await prepareDirectory(path)
  const lock = await WriterLock.acquire(join(path, LOCK_FILE))
  try {
    if (!existsSync(join(path, 'collection.json'))) await createGeneration(path, options)
    return await openLocked(path, options, lock)
  } catch (error) {
    await lock.release()
    // Only where it is empty: what was begun is gone on with by the next call.
    if (isNew) await rmdir(path).catch(() => undefined)
    throw error
  }
}

async function openExisting(path: string, options: OpenOptions): Promise<Collection> {
  if (!existsSync(join(path, 'collection.json'))) throw await notFound(path)
  if (options.readOnly) return openLocked(path, options, undefined)
  const lock = await WriterLock.acquire(join(path, LOCK_FILE))
  try {
    return await openLocked(path, options, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Opens what is there; the lock is held by whoever writes. */
async function openLocked(
  path: string,
  options: OpenOptions,
  lock: WriterLock | undefined
): Promise<Collection> {
  const { active } = await readCollectionFile(path)
  if (lock !== undefined) await tidyGenerations(path, active)
  try {
    const parts = await openGeneration(path, active, options, async () => lock?.release())
    try {
      return await Collection.load(parts)
    } catch (error) {
      await parts.storage.close()
      await parts.store.close()
      await closeModels(parts.context)
      throw error
    }
  } catch (error) {
    // Another generation may have followed, and this one may be gone.
    const now = lock ? undefined : await readCollectionFile(path).catch(() => undefined)
    if (now !== undefined && now.active !== active) return openLocked(path, options, lock)
    throw error
  }
}

/** What a collection is made of, by one of its generations. */
async function openGeneration(
  path: string,
  generation: string,
  options: OpenOptions,
  onClose: () => Promise<void>
): Promise<CollectionParts> {
  const paths = generationPaths(path, generation)
  const settings = await readSettings(paths)
  const { durability, readOnly = false, flushLimits } = options
  // Rather than when the first graph is due.
  if (!readOnly && settings.dense?.index === 'hnsw') await loadUsearch()
  const denseEncoder = await denseEncoderFor(path, settings, options)
  const encoder = await encoderFor(path, settings, options).catch(async error => {
    await denseEncoder?.close()
    throw error
  })
  let store: LmdbStore | undefined
  try {
    store = await LmdbStore.open(paths.store, { readOnly, ...(durability && { durability }) })
    if (!readOnly) await removeOrphans(paths, await readManifest(paths))
    const opened = store
    return {
      directory: path,
      context: {
        settings,
        encoder,
        denseEncoder,
        words: settings.lexical && new WordTerms(settings.lexical),
        queryMode: queryModeOf(options),
        tunedFusion: tunedFusionOf(paths)
      },
      store,
      storage: new GenerationStorage(paths, settings),
      readOnly,
      flushLimits,
      backup: (to, manifest) => backupCollection(paths, opened, manifest, to),
      pause: () => new Promise(resolve => setImmediate(resolve)),
      generations: {
        successor: activeAfter(path, generation),
        // The writer knows which model it has taken; a reader that asked for another hears of it.
        open: next => {
          const { model: _model, load: _load, ...others } = options
          const { denseModel: _denseModel, denseLoad: _denseLoad, dense: _dense, ...rest } = others
          return openGeneration(path, next, readOnly ? options : rest, onClose)
        }
      },
      onClose
    }
  } catch (error) {
    await store?.close()
    await closeModels({ encoder, denseEncoder })
    throw error
  }
}

/** The collection's model; a model that was asked for is compared with it at once. */
async function encoderFor(
  path: string,
  settings: CollectionSettings,
  options: OpenOptions
): Promise<CollectionEncoder> {
  const { model, metric, passageTokens, topTokens, minWeight, pruneMass, lexical, load } = options
  const wanted = { metric, passageTokens, topTokens, minWeight, pruneMass, lexical }
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
  refuseMismatch(settings, Object.fromEntries(given), path)
  if (model === null) refuseMismatch(settings, { model }, path)
  if (settings.model !== undefined && load !== undefined) {
    const made = settings.model
    const { pooling = made.pooling, maxTokens = made.maxTokens, precision = made.precision } = load
    refuseMismatch(settings, { model: { ...made, pooling, maxTokens, precision } }, path)
  }
  const source = model ?? undefined
  const loader = loaderOf(path, source, load)
  const isRecorded = source === undefined || source === settings.model?.source
  // Who searches without inference may never need the model; it is compared when somebody does.
  const isLazy = settings.model !== undefined && queryModeOf(options) === 'inference-free'
  if (isRecorded || isLazy) return new CollectionEncoder(settings.model, loader)
  const files = await findModel(source, load)
  const encoder = await loadModel(files, {
    ...load,
    ...(settings.model && recorded(settings.model, load))
  })
  try {
    refuseMismatch(settings, { model: recordOf(encoder, files) }, path)
  } catch (error) {
    await encoder.close()
    throw error
  }
  return new CollectionEncoder(settings.model, { ...loader, encoder: async () => encoder })
}

function queryModeOf({ queryMode, load }: OpenOptions): QueryMode {
  return queryMode ?? load?.queryMode ?? 'full'
}

/** @param moved - where the model is by now, where that is not the recorded place */
function loaderOf(
  path: string,
  moved: string | undefined,
  load: LoadOptions | undefined
): ModelLoader {
  const filesOf = ({ source, revision }: ModelRecord): Promise<FoundModel> => {
    if (moved !== undefined && moved !== source) return findModel(moved, load)
    // What was on the hub is meant, whatever folder of that name lies in the working directory.
    return revision === undefined
      ? findModel(source, load)
      : hubModel(source, { revision, ...load })
  }
  return {
    encoder: async record => {
      const files = await explaining(path, record, filesOf)
      return loadModel(files, { ...load, ...recorded(record, load) })
    },
    inferenceFree: async record => {
      const files = await explaining(path, record, filesOf)
      return loadInferenceFree(files, { ...load, ...recorded(record, load) })
    }
  }
}

/** What a record says of how its model is loaded; the model of queries may have moved. */
function recorded(record: ModelRecord, load: LoadOptions | undefined): LoadOptions {
  const { pooling, maxTokens } = record
  const queryModel = load?.queryModel ?? record.queryModel
  return {
    pooling,
    maxTokens,
    // The others give the same vectors, and the default is the fastest of them.
    ...(record.precision === 'int8' && { precision: record.precision }),
    ...(queryModel !== undefined && { queryModel })
  }
}

/** Says of a model that is not found what to do about it. */
async function explaining<T>(
  path: string,
  record: ModelRecord,
  find: (record: ModelRecord) => Promise<T>
): Promise<T> {
  try {
    return await find(record)
  } catch (cause) {
    if (!(cause instanceof EsplanadeError && cause.code === 'MODEL_NOT_FOUND')) throw cause
    const { source, revision } = record
    // What the hub, or the cache of its models, has to say is more exact.
    if (revision !== undefined) throw cause
    throw new EsplanadeError('MODEL_NOT_FOUND', {
      place: path,
      problem: `the collection was made with the model in ${source}, which is not there any more`,
      remedy: 'Say where it is now: --model, or open(directory, { model })',
      cause
    })
  }
}

/** Makes sure that a collection may be made here. */
async function prepareDirectory(path: string): Promise<void> {
  try {
    // Not by `recursive` alone: where nothing can be made, as in /proc, that never returns.
    if (!existsSync(path)) {
      if (!existsSync(join(path, '..'))) await mkdir(join(path, '..'), { recursive: true })
      await mkdir(path)
    }
    const names = await readdir(path)
    if (names.includes('collection.json')) return
    if (names.every(isOurs) && (await holdOnlyOurs(path, names))) return
    if (await isOldIndex(path)) throw oldIndex(path)
  } catch (cause) {
    throw fileError(cause, path, 'write')
  }
  throw new EsplanadeError('COLLECTION_EXISTS', {
    place: path,
    problem: 'a folder that holds something else is here',
    remedy: 'Choose a place that is not there yet; nothing of this is replaced'
  })
}

/** What a collection that was being made may have left. */
function isOurs(name: string): boolean {
  return (
    name.startsWith(LOCK_FILE) || generationNumber(name) !== undefined || /\.partial/.test(name)
  )
}

const GENERATION_NAMES: ReadonlySet<string> = new Set([
  'settings.json',
  'manifest.json',
  'store',
  'segments'
])

/** Whether the folders that are called like generations are some: a `g1` may be anybody's. */
async function holdOnlyOurs(path: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    if (generationNumber(name) === undefined) continue
    const inside = await readdir(join(path, name))
    if (!inside.every(file => GENERATION_NAMES.has(file) || file.endsWith('.partial'))) return false
  }
  return true
}

async function createGeneration(path: string, options: OpenOptions): Promise<void> {
  const paths = generationPaths(path, FIRST_GENERATION)
  await refuseToReplace(path)
  const settings = await newSettings(options)
  try {
    await rm(paths.folder, { recursive: true, force: true })
    await mkdir(paths.segments, { recursive: true })
  } catch (cause) {
    throw fileError(cause, paths.folder, 'write')
  }
  await writeSettings(paths, settings)
  await writeManifest(paths, emptySegmentManifest())
  const store = await LmdbStore.open(paths.store, { create: true })
  await store.close()
  // From here on it is a collection.
  await writeCollectionFile(path, { active: FIRST_GENERATION })
}

/** A collection whose `collection.json` was lost must not be taken for one that was never finished. */
async function refuseToReplace(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (generationNumber(name) === undefined) continue
    if (!(await holdsDocuments(generationPaths(path, name)))) continue
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place: join(path, 'collection.json'),
      problem: 'the file is missing, and the documents of a collection are here',
      remedy: `Write it anew: esplanade repair ${path}`
    })
  }
}

async function holdsDocuments(paths: GenerationPaths): Promise<boolean> {
  if (!existsSync(join(paths.store, 'data.mdb'))) return false
  const store = await LmdbStore.open(paths.store)
  try {
    const snapshot = store.snapshot()
    const { commit } = snapshot.state
    snapshot.close()
    return commit > 0
  } finally {
    await store.close()
  }
}

async function newSettings(options: OpenOptions): Promise<CollectionSettings> {
  const { model = DEFAULT_MODEL, metric = 'dot' } = options
  const { passageTokens, topTokens, minWeight, pruneMass } = options
  let record: ModelRecord | undefined
  let vocabularySize: number | undefined
  if (model !== null) {
    const files = await findModel(model, options.load)
    const encoder = await loadModel(files, options.load)
    record = recordOf(encoder, files, await queryModelSource(options.load))
    vocabularySize = encoder.vocabulary.size
    await encoder.close()
  }
  const lexical = newLexicalSettings(options.lexical, vocabularySize, metric)
  const dense = await denseSettingsOf(options)
  return {
    ...(record && { model: record }),
    metric,
    precision: 'float32',
    // 0 is kept: it says that not even files are to be split.
    ...(passageTokens !== undefined && { passageTokens }),
    ...(topTokens !== undefined && { topTokens }),
    ...(minWeight !== undefined && { minWeight }),
    ...(pruneMass !== undefined && { pruneMass }),
    ...(lexical && { lexical }),
    ...(dense && { dense })
  }
}

export function recordOf(
  encoder: SparseEncoder,
  { source, revision }: Pick<FoundModel, 'source' | 'revision'>,
  queryModel?: string
): ModelRecord {
  return {
    source,
    ...(revision !== undefined && { revision }),
    ...(queryModel !== undefined && { queryModel }),
    name: encoder.name,
    vocabularyFingerprint: encoder.vocabulary.fingerprint,
    weightsFingerprint: encoder.fingerprint,
    pooling: encoder.pooling,
    precision: encoder.precision,
    maxTokens: encoder.maxTokens
  }
}

async function notFound(path: string): Promise<EsplanadeError> {
  if (await isOldIndex(path)) return oldIndex(path)
  const isFile = existsSync(path) && (await readdir(path).catch(() => undefined)) === undefined
  return new EsplanadeError('COLLECTION_NOT_FOUND', {
    place: path,
    problem: isFile ? 'a file, not the directory of a collection' : 'there is no collection here',
    remedy: `Make one: esplanade index ${isFile ? 'FILE --to DIR' : `IN --to ${path}`}`
  })
}

/** Version 0.1 of the package wrote directories of another layout. */
async function isOldIndex(path: string): Promise<boolean> {
  const json = await readFile(join(path, 'manifest.json'), 'utf8').catch(() => '')
  return json.includes('"esplanade-index"')
}

function oldIndex(path: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_VERSION', {
    place: path,
    problem: 'an index of format version 0, which was provisional',
    expected: 'a collection of format version 1',
    remedy: 'Index the documents again into another directory'
  })
}
