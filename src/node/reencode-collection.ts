import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Collection } from '../collection/collection.ts'
import {
  type DenseOptions,
  type DenseSettings,
  newDenseSettings
} from '../collection/dense-settings.ts'
import { Pace } from '../collection/pace.ts'
import {
  type CountedWords,
  countWords,
  type Encoded,
  type NewModels,
  reencodeStore,
  refuseVectorsOnly
} from '../collection/reencode.ts'
import { emptySegmentManifest, type SegmentManifest } from '../collection/segment-manifest.ts'
import { type CollectionSettings, generationNumber } from '../collection/settings.ts'
import type { StoreSnapshot } from '../collection/store.ts'
import type { DenseLoadOptions } from '../encoder/dense-encoder.ts'
import type { LoadOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { WordTerms } from '../lexical/word-terms.ts'
import type { Progress, TaskOptions } from '../progress.ts'
import { syncFolder } from './atomic-file.ts'
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
import { loadDense } from './dense-model.ts'
import { fileError } from './file-error.ts'
import { GenerationStorage } from './generation-storage.ts'
import { partialName, tidyGenerations } from './generations.ts'
import { LmdbStore } from './lmdb-store.ts'
import { loadModel, queryModelSource } from './load-model.ts'
import { findModel } from './model-folder.ts'
import { openCollection, recordOf } from './open-collection.ts'
import { WriterLock } from './writer-lock.ts'

/** How far a re-encoding has come: `done` counts documents, those of a call before among them. */
export interface ReencodeProgress extends Progress {
  /** Passages that the model has encoded in this call. */
  readonly numEncoded: number
  /** Of these, passages that it read in part only. */
  readonly numTruncated: number
}

/** Options of a re-encoding. */
export interface ReencodeOptions extends TaskOptions<ReencodeProgress> {
  /**
   * The new model: a shipped one's name, a folder, or `org/name` on the hub. Default: terms and their
   * weights stay as they are.
   */
  readonly model?: string
  /** How it is loaded. */
  readonly load?: LoadOptions
  /**
   * The new dense model: a folder, or `org/name` on the hub. A collection without dense vectors gets
   * some. Default: dense vectors stay as they are.
   */
  readonly denseModel?: string
  /** How it is loaded; default: hub, device and threads as `load` has them. */
  readonly denseLoad?: DenseLoadOptions
  /** How dense vectors of the new dense model are compared; default: as before, else `'cosine'`. */
  readonly dense?: Pick<DenseOptions, 'metric'>
}

/** What a re-encoding did. */
export interface ReencodeResult {
  /** The generation that is read and written now, for instance `g2`. */
  readonly generation: string
  readonly numDocuments: number
  /** Passages that this call encoded; fewer than there are after one that was stopped. */
  readonly numEncoded: number
  /** Of these, passages that the model read in part only. */
  readonly numTruncated: number
}

/** Entries of a segment that is built on the way. */
const SEGMENT_ENTRIES = 2 ** 17
/** Numbers of the dense vectors of such a segment: each takes five bytes. */
const SEGMENT_DENSE_NUMBERS = 2 ** 28

/** Rounds of catching up with writes before they have to wait. */
const MAX_ROUNDS = 5
/** Documents that writes may wait for. */
const FEW_DOCUMENTS = 500

/**
 * Encodes all documents of a collection with another model, or another dense model, or both. Their
 * numbers, and so their order, stay; so do passages, metadata, and vectors of the other kind. The new generation is built beside the old one and takes
 * its place in one step, in which writes wait for a moment; one that was stopped or killed before is
 * gone on with by the next call with the same model.
 *
 * Given an open collection, searches and writes go on in it, by the old model until the end and by
 * the new one from then on. Given a directory, this process holds it as its writer meanwhile. Readers in
 * other processes move to the new generation with their next search; those that were opened with a
 * model of their own choice are refused then. The old generation is removed at the end; that of an
 * open collection, when it is opened for writing the next time. Until then both take their room.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where no model is named, or documents have vectors of its
 *   kind and no text: it names the first; `COLLECTION_LOCKED`, `COLLECTION_NOT_FOUND`, `COLLECTION_CORRUPT`, `FILE_UNWRITABLE`,
 *   `ABORTED`, and what loading a model throws
 */
export async function reencodeCollection(
  collection: string | Collection,
  options: ReencodeOptions
): Promise<ReencodeResult> {
  if (typeof collection === 'string') {
    const result = await reencodeDirectory(collection, options)
    await removeOld(collection)
    return result
  }
  const { directory, settings } = collection
  if (collection.readOnly) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: directory,
      problem: 'the collection was opened for reading only',
      remedy: 'Open it without readOnly'
    })
  }
  const { models, changes } = await loadModels(settings, options)
  try {
    const wanted = { ...settings, ...changes }
    const { active } = await readCollectionFile(directory)
    if (isSame(wanted, settings)) {
      const { numDocuments } = await collection.stats()
      return { generation: active, numDocuments, numEncoded: 0, numTruncated: 0 }
    }
    await using work = await Reencoding.begin(collection, active, wanted, models, options)
    return await work.run()
  } finally {
    await closeAll(models)
  }
}

/** The new models, and what they change in the settings. */
async function loadModels(
  settings: CollectionSettings,
  options: ReencodeOptions
): Promise<{ readonly models: NewModels; readonly changes: Partial<CollectionSettings> }> {
  const { model, load, denseModel, denseLoad, signal } = options
  if (model === undefined && denseModel === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'model',
      problem: 'no new model is named',
      expected: 'model, denseModel, or both'
    })
  }
  const dense =
    denseModel === undefined
      ? undefined
      : await loadDense(denseModel, {
          ...(load && { load }),
          denseLoad: { ...denseLoad, ...(signal && { signal }) }
        })
  const changes = dense && {
    dense: newDenseSettings(
      {
        metric: options.dense?.metric ?? settings.dense?.metric ?? 'cosine',
        index: settings.dense?.index ?? 'flat'
      },
      { dimensions: dense.encoder.dimensions, record: dense.record }
    )!
  }
  if (model === undefined) {
    return { models: { sparse: undefined, dense: dense?.encoder }, changes: { ...changes } }
  }
  try {
    const files = await findModel(model, { ...load, ...(signal && { signal }) })
    const sparse = await loadModel(files, load)
    const firstTermId = sparse.vocabulary.size
    return {
      models: { sparse, dense: dense?.encoder },
      changes: {
        ...changes,
        model: recordOf(sparse, files, await queryModelSource(load)),
        ...(settings.lexical && { lexical: { ...settings.lexical, firstTermId } })
      }
    }
  } catch (error) {
    await dense?.encoder.close()
    throw error
  }
}

async function closeAll({ sparse, dense }: NewModels): Promise<void> {
  await Promise.all([sparse?.close(), dense?.close()])
}

async function reencodeDirectory(
  directory: string,
  options: ReencodeOptions
): Promise<ReencodeResult> {
  await using opened = await openCollection(directory, { create: false })
  return await reencodeCollection(opened, options)
}

/** Removes the generation that was left, which a writer does when it comes. */
async function removeOld(directory: string): Promise<void> {
  let lock: WriterLock
  try {
    lock = await WriterLock.acquire(join(directory, 'writer.lock'))
  } catch (error) {
    // A writer has come.
    if (error instanceof EsplanadeError && error.code === 'COLLECTION_LOCKED') return
    throw error
  }
  try {
    const { active } = await readCollectionFile(directory)
    await tidyGenerations(directory, active)
  } finally {
    await lock.release()
  }
}

/** Where a model lies and what it is called changes no vector. */
const PLACES = ['source', 'name', 'revision', 'queryModel']

function isSame(a: CollectionSettings, b: CollectionSettings): boolean {
  const text = ({ model, dense = {} as DenseSettings, ...rest }: CollectionSettings): string => {
    const { model: denseModel, ...denseRest } = dense
    return JSON.stringify(
      [rest, model ?? {}, denseRest, denseModel ?? {}].map(fields =>
        Object.entries(fields)
          .filter(([name]) => !PLACES.includes(name))
          .sort()
      )
    )
  }
  return text(a) === text(b)
}

class Reencoding {
  readonly #collection: Collection
  readonly #active: string
  readonly #next: string
  readonly #paths: GenerationPaths
  readonly #settings: CollectionSettings
  readonly #models: NewModels
  readonly #options: ReencodeOptions
  readonly #pace: Pace
  readonly #from: LmdbStore
  readonly #to: LmdbStore
  readonly #storage: GenerationStorage
  #manifest: SegmentManifest
  /** What was counted of the words of all documents up to a number. */
  #words: CountedWords | undefined
  #countedSeq = 0
  #numUnflushed = 0
  #done = 0
  #total = 0
  #numEncoded = 0
  #numTruncated = 0

  private constructor(parts: {
    collection: Collection
    active: string
    next: string
    paths: GenerationPaths
    settings: CollectionSettings
    models: NewModels
    options: ReencodeOptions
    from: LmdbStore
    to: LmdbStore
    manifest: SegmentManifest
  }) {
    this.#collection = parts.collection
    this.#active = parts.active
    this.#next = parts.next
    this.#paths = parts.paths
    this.#settings = parts.settings
    this.#models = parts.models
    this.#options = parts.options
    this.#pace = new Pace('the re-encoding', parts.options.signal)
    this.#from = parts.from
    this.#to = parts.to
    this.#storage = new GenerationStorage(parts.paths, parts.settings)
    this.#manifest = parts.manifest
    const { lexical } = parts.settings
    // Words that are kept are in the vectors.
    if (lexical !== undefined && parts.models.sparse !== undefined) {
      const statistics = { numEntries: 0, numWords: 0 }
      this.#words = { terms: new WordTerms(lexical), statistics }
    }
  }

  /** Goes on with the generation that a call before has begun, or begins a new one. */
  static async begin(
    collection: Collection,
    active: string,
    settings: CollectionSettings,
    models: NewModels,
    options: ReencodeOptions
  ): Promise<Reencoding> {
    const { directory } = collection
    // The writer's own store is read: this is no second writer.
    const from = await LmdbStore.open(generationPaths(directory, active).store, { readOnly: true })
    let to: LmdbStore | undefined
    try {
      const pace = new Pace('the re-encoding', options.signal)
      const snapshot = from.snapshot()
      const before = collection.settings
      await refuseVectorsOnly(snapshot, models, before, pace).finally(() => snapshot.close())
      const next = `g${generationNumber(active)! + 1}`
      const paths = generationPaths(directory, partialName(next))
      // Complete, but something kept it from becoming the active one.
      const complete = join(directory, next)
      if (existsSync(complete)) {
        await rm(paths.folder, { recursive: true, force: true })
        await rename(complete, paths.folder)
      }
      to = (await openBegun(paths, settings)) ?? (await createBeside(paths, settings))
      const manifest = await readManifest(paths)
      await removeOrphans(paths, manifest)
      const parts = { collection, active, next, paths, settings, models, options }
      return new Reencoding({ ...parts, from, to, manifest })
    } catch (error) {
      await to?.close()
      await from.close()
      throw error
    }
  }

  async run(): Promise<ReencodeResult> {
    const begun = this.#to.snapshot()
    this.#done = begun.state.numDocuments
    this.#numUnflushed = [...begun.seqs(this.#manifest.flushedSeq + 1, begun.state.lastSeq)].length
    begun.close()
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      if ((await this.#round()) <= FEW_DOCUMENTS) break
    }
    await this.#flush()
    let numDocuments = 0
    await this.#collection.moveTo(
      async () => {
        await this.#round()
        numDocuments = this.#checkComplete()
        await this.#close()
        const folder = join(this.#collection.directory, this.#next)
        await rename(this.#paths.folder, folder).catch(cause => {
          throw fileError(cause, folder, 'write')
        })
        await syncFolder(this.#collection.directory)
        return this.#next
      },
      () => this.#commit()
    )
    const [numEncoded, numTruncated] = [this.#numEncoded, this.#numTruncated]
    return { generation: this.#next, numDocuments, numEncoded, numTruncated }
  }

  /** Catches up with the old generation as it is now; says how many documents it encoded. */
  async #round(): Promise<number> {
    this.#pace.throwIfAborted()
    const snapshot = this.#from.snapshot()
    this.#total = snapshot.state.numDocuments
    this.#report()
    let count = 0
    try {
      await this.#countWords(snapshot)
      await reencodeStore(snapshot, this.#to, this.#models, {
        settings: this.#settings,
        before: this.#collection.settings,
        words: this.#words,
        pace: this.#pace,
        signal: this.#options.signal,
        after: encoded => {
          count += encoded.numDocuments
          return this.#after(encoded)
        }
      })
    } finally {
      snapshot.close()
    }
    return count
  }

  async #countWords(snapshot: StoreSnapshot): Promise<void> {
    if (this.#words === undefined) return
    const { terms, statistics: before } = this.#words
    const statistics = await countWords(snapshot, terms, before, this.#countedSeq, this.#pace)
    this.#words = { terms, statistics }
    this.#countedSeq = snapshot.state.lastSeq
  }

  async #after({ numDocuments, numPassages, numTruncated }: Encoded): Promise<void> {
    this.#done += numDocuments
    this.#numUnflushed += numPassages
    this.#numEncoded += numPassages
    this.#numTruncated += numTruncated
    this.#report()
    const numDense = this.#numUnflushed * (this.#settings.dense?.dimensions ?? 0)
    const isFull = this.#numUnflushed >= SEGMENT_ENTRIES || numDense >= SEGMENT_DENSE_NUMBERS
    if (isFull) await this.#flush()
    this.#pace.throwIfAborted()
  }

  #report(): void {
    this.#options.onProgress?.({
      done: this.#done,
      total: Math.max(this.#total, this.#done),
      numEncoded: this.#numEncoded,
      numTruncated: this.#numTruncated
    })
  }

  /** Makes a segment of the documents that are in none. */
  async #flush(): Promise<void> {
    const snapshot = this.#to.snapshot()
    const { lastSeq } = snapshot.state
    snapshot.close()
    const firstSeq = this.#manifest.flushedSeq + 1
    if (lastSeq < firstSeq) return
    const { nextFile, generation, segments } = this.#manifest
    const { signal = new AbortController().signal } = this.#options
    const built = await this.#storage.build({ firstSeq, lastSeq, file: nextFile, signal }, 'flush')
    this.#manifest = {
      ...this.#manifest,
      generation: generation + 1,
      flushedSeq: lastSeq,
      nextFile: nextFile + 1,
      segments: built === undefined ? segments : [...segments, built.record]
    }
    await writeManifest(this.#paths, this.#manifest)
    this.#numUnflushed = 0
  }

  /** The last look before the old generation is left. */
  #checkComplete(): number {
    const [old, made] = [this.#from.snapshot(), this.#to.snapshot()]
    const [due, count] = [old.state.numDocuments, made.state.numDocuments]
    old.close()
    made.close()
    if (due === count) return count
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place: this.#collection.directory,
      problem: `${count} documents were encoded of ${due}`,
      remedy: 'Look what is wrong: esplanade check DIR'
    })
  }

  async #commit(): Promise<void> {
    const { directory } = this.#collection
    try {
      await writeCollectionFile(directory, { active: this.#next })
    } catch (error) {
      // The disk may have either; writes go on in the old one, so that must be the one.
      await writeCollectionFile(directory, { active: this.#active }).catch(() => {
        // No write is acknowledged that a restart could not find.
        void this.#collection.close()
      })
      throw error
    }
  }

  async #close(): Promise<void> {
    await this.#storage.close()
    await this.#to.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
    await this.#from.close()
  }
}

/** The generation that a call before has begun with the same settings. */
async function openBegun(
  paths: GenerationPaths,
  settings: CollectionSettings
): Promise<LmdbStore | undefined> {
  try {
    const begun = await readSettings(paths)
    if (!isSame(begun, settings)) return undefined
    await readManifest(paths)
    return await LmdbStore.open(paths.store)
  } catch {
    // Damaged or never finished: it is made anew, of what is there.
    return undefined
  }
}

async function createBeside(
  paths: GenerationPaths,
  settings: CollectionSettings
): Promise<LmdbStore> {
  try {
    if (existsSync(paths.folder)) await rm(paths.folder, { recursive: true })
    await mkdir(paths.segments, { recursive: true })
  } catch (cause) {
    throw fileError(cause, paths.folder, 'write')
  }
  await writeManifest(paths, emptySegmentManifest())
  const store = await LmdbStore.open(paths.store, { create: true })
  // Last: what has settings can be gone on with.
  await writeSettings(paths, settings)
  return store
}
