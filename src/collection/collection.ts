import type { DenseEncoder } from '../encoder/dense-encoder.ts'
import type { SparseEncoder } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import type { Progress, TaskOptions } from '../progress.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { type CollectionContext, closeModels } from './collection-context.ts'
import type { CollectionQuery } from './collection-query.ts'
import { CollectionState } from './collection-state.ts'
import type { DenseStats } from './dense-stats.ts'
import { isInScope } from './entry-search.ts'
import { type FlushLimits, Maintenance } from './maintenance.ts'
import type { DocumentScope, OpenSegment } from './open-segment.ts'
import type { QueryVectorOptions } from './query-vector.ts'
import {
  type CollectionResult,
  type CollectionSearchOptions,
  checkFilterTypes
} from './search-request.ts'
import type { SegmentManifest } from './segment-manifest.ts'
import type { SegmentStorage } from './segment-storage.ts'
import type { CollectionSettings } from './settings.ts'
import {
  type CollectionDocument,
  CollectionSnapshot,
  type CollectionStats,
  type ExplainOptions,
  type GetOptions,
  type KeyPage,
  type LexicalStats,
  type ListOptions
} from './snapshot.ts'
import type { DocumentStore, Removal, WordStatistics } from './store.ts'
import { type UpsertOptions, type UpsertResult, upsertAll } from './upsert.ts'
import type { UpsertDocument } from './upsert-documents.ts'
import type { View } from './view.ts'
import { type Commit, type DocumentToWrite, Writer } from './writer.ts'

/** Which documents are deleted. */
export type DeleteSelection =
  | string
  | readonly string[]
  | {
      /** Documents whose metadata pass; `{}` for all of the namespace. */
      readonly filter: unknown
    }

/** How far compaction has come: `done` counts segments that were rewritten. */
export type CompactOptions = TaskOptions<Progress>

/** What a {@link Collection} is made of; the platform brings it together. */
export interface CollectionParts {
  readonly directory: string
  readonly context: CollectionContext
  readonly store: DocumentStore
  readonly storage: SegmentStorage
  readonly readOnly: boolean
  readonly flushLimits?: FlushLimits | undefined
  /** Copies the whole collection, with the segments of a manifest that stays in place meanwhile. */
  readonly backup: (to: string, manifest: SegmentManifest) => Promise<void>
  /** Lets the event loop have a turn. */
  readonly pause: () => Promise<void>
  /** What else the directory may hold by now: the documents encoded anew, by another model. */
  readonly generations?: Generations
  /** Called last when the collection closes. */
  readonly onClose: () => Promise<void>
}

/** The generations of a collection, of which one is active. */
export interface Generations {
  /** The one that is active by now, where that is not the one that is open; costs next to nothing. */
  successor(): Promise<string | undefined>
  /** Opens one, to go on in it as the collection was opened. */
  open(generation: string): Promise<CollectionParts>
}

/**
 * A durable collection of documents with their vectors, in a directory. What was acknowledged is kept
 * whatever happens, and is searchable from then on; searches see one point in time each.
 *
 * Made by `open`. Close it, or declare it with `await using`.
 */
export class Collection {
  readonly directory: string
  readonly readOnly: boolean
  #parts: CollectionParts
  #state: CollectionState
  #writer: Writer
  #maintenance: Maintenance
  #reloading: Promise<void> | undefined
  /** Writes that were begun and have not ended. */
  readonly #writes = new Set<Promise<unknown>>()
  /** While the collection moves to another generation; writes wait for its end. */
  #moving: Promise<void> | undefined
  /** Generations that were left: snapshots may still read them. */
  readonly #left: CollectionParts[] = []
  #closing: Promise<void> | undefined

  private constructor(parts: CollectionParts, state: CollectionState) {
    this.directory = parts.directory
    this.readOnly = parts.readOnly
    this.#parts = parts
    this.#state = state
    this.#writer = this.#newWriter()
    this.#maintenance = this.#newMaintenance()
    this.#begin()
  }

  /** What every vector was made with. */
  get settings(): CollectionSettings {
    return this.#parts.context.settings
  }

  /** @internal Loads what `parts` names. */
  static async load(parts: CollectionParts): Promise<Collection> {
    return new Collection(parts, await loadState(parts))
  }

  /**
   * Writes documents: new ones, and in the place of those that have the same key and namespace. Texts
   * are encoded by the collection's model. The promise resolves when all are as durable as the
   * collection was opened for; they are found from then on.
   *
   * Documents are written in batches of up to 1,000, each of which is written whole or not at all. An
   * array is checked before anything is written; of a stream, what came before a mistake stays.
   *
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY` (twice in one call), `INVALID_VECTOR`,
   *   `INVALID_ARGUMENT`, `FILE_UNWRITABLE`, `COLLECTION_MISMATCH`, `COLLECTION_CLOSED`, `ABORTED`
   */
  async upsert(
    documents: Iterable<UpsertDocument> | AsyncIterable<UpsertDocument>,
    options: UpsertOptions = {}
  ): Promise<UpsertResult> {
    return this.#write(() => {
      const target = {
        context: this.#parts.context,
        view: () => this.#state.view,
        room: () => this.#maintenance.room(),
        write: (items: readonly DocumentToWrite[], wordsAhead: WordStatistics) =>
          this.#writer.write({ kind: 'put', documents: items, wordsAhead }),
        pause: this.#parts.pause
      }
      return upsertAll(documents, target, options)
    })
  }

  /**
   * Deletes documents by key, or all of a namespace that pass a filter. Keys that no document has are
   * passed over.
   *
   * @returns how many documents there were
   * @throws EsplanadeError `FILTER_INVALID`, `FILE_UNWRITABLE`, `COLLECTION_CLOSED`
   */
  async delete(
    selection: DeleteSelection,
    options: { readonly namespace?: string } = {}
  ): Promise<number> {
    return this.#write(() => this.#delete(selection, options.namespace ?? ''))
  }

  async #delete(selection: DeleteSelection, namespace: string): Promise<number> {
    if (typeof selection === 'object' && !Array.isArray(selection)) {
      const filter = parseFilter((selection as { readonly filter: unknown }).filter)
      checkFilterTypes(filter, namespace, this.#state.view)
      const scope = { namespace, filter }
      return this.#writer.write({
        kind: 'removeWhere',
        find: () => documentsOf(this.#state.view, scope)
      })
    }
    const keys = typeof selection === 'string' ? [selection] : [...new Set<string>(selection)]
    for (const key of keys) {
      if (typeof key === 'string') continue
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'delete',
        problem: `given ${String(key)}`,
        expected: 'a key, several, or { filter }'
      })
    }
    return this.#writer.write({ kind: 'remove', namespace, keys })
  }

  /**
   * The model that makes the collection's vectors, loaded when it is asked for first. The collection
   * closes it.
   *
   * @throws EsplanadeError `COLLECTION_MISMATCH` where the model is another one by now;
   *   `INVALID_ARGUMENT` where the collection has none; what loading throws
   */
  async encoder(): Promise<SparseEncoder> {
    this.#checkOpen()
    return this.#parts.context.encoder.get()
  }

  /**
   * The model that makes the collection's dense vectors, loaded when it is asked for first. The collection
   * closes it.
   *
   * @throws EsplanadeError `COLLECTION_MISMATCH` where the model is another one by now;
   *   `INVALID_ARGUMENT` where the collection has none; what loading throws
   */
  async denseEncoder(): Promise<DenseEncoder> {
    this.#checkOpen()
    const { denseEncoder } = this.#parts.context
    if (denseEncoder !== undefined) return denseEncoder.get()
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'the collection has no dense model, so it cannot turn a text into a dense vector',
      expected: 'a dense vector',
      remedy: 'Give a vector, or make a collection with a dense model'
    })
  }

  /**
   * The tokenizer of the collection's model, for which the model itself is not loaded.
   *
   * @throws EsplanadeError as {@link encoder}
   */
  async tokenizer(): Promise<Tokenizer> {
    this.#checkOpen()
    return this.#parts.context.encoder.tokenizer()
  }

  /** {@inheritDoc CollectionSnapshot.search} */
  async search(
    query: CollectionQuery,
    options?: CollectionSearchOptions
  ): Promise<CollectionResult> {
    return this.#read(snapshot => snapshot.search(query, options))
  }

  /** {@inheritDoc CollectionSnapshot.explain} */
  async explain(
    query: CollectionQuery,
    key: string,
    options?: ExplainOptions
  ): Promise<HitExplanation> {
    return this.#read(snapshot => snapshot.explain(query, key, options))
  }

  /** {@inheritDoc CollectionSnapshot.queryVector} */
  async queryVector(query: CollectionQuery, options?: QueryVectorOptions): Promise<SparseVector> {
    return this.#read(snapshot => snapshot.queryVector(query, options))
  }

  /** {@inheritDoc CollectionSnapshot.lexicalStats} */
  async lexicalStats(): Promise<LexicalStats | undefined> {
    return this.#read(snapshot => snapshot.lexicalStats())
  }

  /** {@inheritDoc CollectionSnapshot.denseStats} */
  async denseStats(): Promise<DenseStats | undefined> {
    return this.#read(snapshot => snapshot.denseStats())
  }

  /** {@inheritDoc CollectionSnapshot.idf} */
  async idf(): Promise<Float32Array> {
    return this.#read(snapshot => snapshot.idf())
  }

  /** {@inheritDoc CollectionSnapshot.get} */
  async get(key: string, options?: GetOptions): Promise<CollectionDocument | undefined> {
    return this.#read(snapshot => snapshot.get(key, options))
  }

  /** {@inheritDoc CollectionSnapshot.list} */
  async list(options?: ListOptions): Promise<KeyPage> {
    return this.#read(snapshot => snapshot.list(options))
  }

  /** {@inheritDoc CollectionSnapshot.stats} */
  async stats(): Promise<CollectionStats> {
    return this.#read(snapshot => snapshot.stats())
  }

  /** The collection as it is now, to read from while it changes. Close it. */
  async snapshot(): Promise<CollectionSnapshot> {
    this.#checkOpen()
    await this.#follow()
    return new CollectionSnapshot(this.#state.view.hold(), this.#parts.context)
  }

  /**
   * Makes a segment of the documents in memory, so that the collection opens faster. Not needed for
   * safety. @throws EsplanadeError `FILE_UNWRITABLE`
   */
  async flush(): Promise<void> {
    await this.#write(() => this.#maintenance.flush())
  }

  /** Waits for the merges that go on in the background. */
  async settle(): Promise<void> {
    this.#checkWritable()
    await this.#maintenance.settle()
  }

  /**
   * Joins all segments into as few as can be, drops what was deleted, and stores documents of similar
   * terms together. Searches and writes go on meanwhile.
   *
   * @throws EsplanadeError `FILE_UNWRITABLE`, `ABORTED`
   */
  async compact(options: CompactOptions = {}): Promise<void> {
    this.#checkWritable()
    await this.#maintenance.compact(options.signal)
  }

  /**
   * Copies the collection as it is now into a directory that is not there yet; writes go on
   * meanwhile. The copy is a collection like any other.
   *
   * @throws EsplanadeError `COLLECTION_EXISTS`, `FILE_UNWRITABLE`
   */
  async backup(to: string): Promise<void> {
    this.#checkWritable()
    await this.#maintenance.whileManifestStays(manifest => this.#parts.backup(to, manifest))
  }

  /** Waits for the writes that were begun, and lets everything go. Closing again does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#moving?.catch(() => undefined)
    await Promise.allSettled(this.#writes)
    await this.#reloading?.catch(() => undefined)
    await this.#leave()
    for (const { store, context } of this.#left) {
      await store.close()
      await closeModels(context)
    }
    await this.#parts.onClose()
  }

  /** Ends all that works on the open generation; what snapshots need stays until the collection closes. */
  async #leave(): Promise<void> {
    const [parts, state, writer, maintenance] = [
      this.#parts,
      this.#state,
      this.#writer,
      this.#maintenance
    ]
    this.#left.push(parts)
    await writer.close()
    await maintenance.close()
    await parts.storage.close()
    state.close()
  }

  /**
   * @internal Goes on in another generation. Writes that were begun are waited for, and those that come
   * wait until it has moved; searches go on, and snapshots stay what they are.
   *
   * @param prepare - gives the generation; called once nobody writes any more
   * @param commit - makes it the active one
   */
  async moveTo(prepare: () => Promise<string>, commit: () => Promise<void>): Promise<void> {
    this.#checkWritable()
    while (this.#moving !== undefined) await this.#moving.catch(() => undefined)
    this.#checkWritable()
    this.#moving = this.#move(async () => {
      await Promise.allSettled(this.#writes)
      return prepare()
    }, commit).finally(() => {
      this.#moving = undefined
    })
    await this.#moving
  }

  async #move(prepare: () => Promise<string>, commit: () => Promise<void>): Promise<void> {
    const { generations } = this.#parts
    if (generations === undefined) throw new Error('this collection has one generation only')
    const parts = await generations.open(await prepare())
    let state: CollectionState
    try {
      state = await loadState(parts)
      await commit()
    } catch (error) {
      await parts.storage.close()
      await parts.store.close()
      throw error
    }
    const left = this.#leave()
    this.#parts = parts
    this.#state = state
    this.#writer = this.#newWriter()
    this.#maintenance = this.#newMaintenance()
    this.#begin()
    await left
  }

  #newWriter(): Writer {
    const { store, pause, context } = this.#parts
    const { store: snapshot } = this.#state.view
    return new Writer(
      {
        store,
        words: context.words,
        seqOf: (namespace, key) => this.#state.view.store.seqOf(namespace, key),
        delta: () => this.#state.delta,
        publish: commit => this.#publish(commit),
        pause
      },
      snapshot.state.lastSeq,
      snapshot.wordStatistics()
    )
  }

  #newMaintenance(): Maintenance {
    const { store, storage, flushLimits } = this.#parts
    const limits = flushLimits
    return new Maintenance({ state: this.#state, store, storage, writer: this.#writer, limits })
  }

  #begin(): void {
    if (!this.readOnly) this.#maintenance.forget(this.#state.forgettable())
  }

  /** Runs a write, once the collection does not move; it moves only while no write is under way. */
  async #write<T>(begin: () => Promise<T>): Promise<T> {
    this.#checkWritable()
    while (this.#moving !== undefined) {
      await this.#moving.catch(() => undefined)
      this.#checkWritable()
    }
    const write = begin()
    const done = (): boolean => this.#writes.delete(write)
    this.#writes.add(write)
    write.then(done, done)
    return write
  }

  async #read<T>(read: (snapshot: CollectionSnapshot) => Promise<T>): Promise<T> {
    await using snapshot = await this.snapshot()
    return await read(snapshot)
  }

  #publish({ removed }: Commit): void {
    this.#state.publish(removed)
    this.#maintenance.afterWrite()
  }

  /** A process that only reads looks for what the writer has done since. */
  async #follow(): Promise<void> {
    if (!this.readOnly) return
    const parts = this.#parts
    const successor = await parts.generations?.successor()
    // Another search may have moved there by now.
    if (successor !== undefined && parts === this.#parts) {
      this.#moving ??= this.#move(
        async () => successor,
        async () => undefined
      ).finally(() => {
        this.#moving = undefined
      })
      await this.#moving
    }
    try {
      await this.#catchUp()
    } catch (error) {
      // Its files may have gone because another generation has followed meanwhile.
      if ((await this.#parts.generations?.successor()) === undefined) throw error
      await this.#follow()
    }
  }

  async #catchUp(): Promise<void> {
    let isStale = this.#parts.storage.hasNewManifest()
    while (isStale || !this.#state.follow()) {
      this.#reloading ??= this.#reload().finally(() => {
        this.#reloading = undefined
      })
      await this.#reloading
      isStale = false
    }
  }

  async #reload(): Promise<void> {
    const parts = this.#parts
    const before = this.#state
    const known = before.view.segments.map(({ segment }) => segment)
    const state = await loadState(parts, known)
    // It may have moved to another generation meanwhile.
    if (parts !== this.#parts) return state.close()
    this.#state = state
    before.close()
  }

  #checkWritable(): void {
    this.#checkOpen()
    if (!this.readOnly) return
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: this.directory,
      problem: 'the collection was opened for reading only',
      remedy: 'Open it without readOnly'
    })
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new EsplanadeError('COLLECTION_CLOSED', {
      place: this.directory,
      problem: 'the collection was closed',
      remedy: 'Open it again'
    })
  }
}

function loadState(
  { store, storage, context }: CollectionParts,
  known?: readonly OpenSegment[]
): Promise<CollectionState> {
  return CollectionState.load(store, storage, context.settings.dense, known)
}

/** All documents of a scope. */
function documentsOf({ store }: View, scope: DocumentScope): Removal[] {
  const found: Removal[] = []
  for (const { seq, key } of store.keys(scope.namespace)) {
    if (!isInScope(store.document(seq)!, scope)) continue
    found.push({ seq, namespace: scope.namespace, key })
  }
  return found
}
