import { mkdirSync } from 'node:fs'
import { mkdir, open as openFile, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { checkKey } from '../collection/document-limits.ts'
import type {
  DocumentStore,
  Durability,
  EncodedDocument,
  StoredDocument,
  StoredVectors,
  StoreState,
  WriteBatch
} from '../collection/store.ts'
import { EsplanadeError } from '../errors.ts'
import { syncFolder } from './atomic-file.ts'
import { type DocumentRecords, encodeRecords } from './document-records.ts'
import { fileError } from './file-error.ts'
import {
  commitFailure,
  environmentOptions,
  flushEnvironment,
  fullDisk,
  openDatabases,
  type StoreDatabases,
  storeWriteError
} from './lmdb-environment.ts'
import { checkLmdbFile } from './lmdb-file-check.ts'
import {
  encodeState,
  encodeWords,
  keyBytes,
  LmdbSnapshot,
  STATE_KEY,
  uint64Bytes,
  WORDS_KEY
} from './lmdb-snapshot.ts'

/** The version of the layout in `docs/formats/store-v1.md`. */
const STORE_VERSION = 1

/** Longest time that an acknowledged batch of durability `group` waits for the disk. */
export const GROUP_FLUSH_MS = 50

/** Keys that are looked up before the event loop gets a turn: some 0.5 ms. */
const TURN_KEYS = 200

const FORMAT_KEY = Buffer.from('format')

/** Options of {@link LmdbStore.open}. */
export interface StoreOptions {
  /** Reads only: nothing is written but which points in time are being read. Default false. */
  readonly readOnly?: boolean
  /** When a write is acknowledged; default `'sync'`. */
  readonly durability?: Durability
  /** Makes the store where there is none; default false. */
  readonly create?: boolean
  /** Looks at the structure of all pages, not only of those that lead to others; default false. */
  readonly checkPages?: boolean
}

/**
 * How this process has opened each directory. LMDB keeps one environment a file and process, which
 * has the flags of whoever opened it first.
 */
const opened = new Map<string, { mode: string; count: number }>()

/**
 * The documents of a collection in LMDB: https://www.symas.com/lmdb, memory-mapped B+ trees with
 * copy on write, one writer and many readers, by way of lmdb-js.
 */
export class LmdbStore implements DocumentStore {
  readonly #directory: string
  readonly #databases: StoreDatabases
  readonly #durability: Durability
  readonly #readOnly: boolean
  readonly #snapshots = new Set<LmdbSnapshot>()
  /** What the last batch left; only the writer keeps it. */
  #state: StoreState
  #namespaces: Map<string, number>
  #writing: Promise<void> | undefined
  readonly #copying = new Set<Promise<void>>()
  #flushTimer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #flushFailure: unknown
  #isBroken = false
  #isClosed = false

  private constructor(directory: string, databases: StoreDatabases, options: StoreOptions) {
    this.#directory = directory
    this.#databases = databases
    this.#durability = options.durability ?? 'sync'
    this.#readOnly = options.readOnly ?? false
    const snapshot = this.snapshot()
    try {
      checkVersion(snapshot.meta(FORMAT_KEY), directory, this.#readOnly)
      this.#state = snapshot.state
      this.#namespaces = new Map(snapshot.namespaces())
    } finally {
      snapshot.close()
    }
  }

  /**
   * Opens the store in a directory.
   *
   * @throws EsplanadeError `COLLECTION_NOT_FOUND`, `COLLECTION_CORRUPT`, `COLLECTION_VERSION`,
   *   `COLLECTION_LOCKED` (open in this process in another mode), `FILE_UNREADABLE`,
   *   `FILE_UNWRITABLE`
   */
  static async open(directory: string, options: StoreOptions = {}): Promise<LmdbStore> {
    const path = resolve(directory)
    const { readOnly = false, durability = 'sync', create = false } = options
    const { checkPages: allPages = false } = options
    const isNew = !(await checkLmdbFile(join(path, 'data.mdb'), { allPages }))
    if (isNew && (readOnly || !create)) {
      throw new EsplanadeError('COLLECTION_NOT_FOUND', {
        place: directory,
        problem: 'there is no store',
        remedy: 'Check the path'
      })
    }
    takePlace(path, readOnly ? 'read' : durability)
    let databases: StoreDatabases | undefined
    try {
      if (isNew) mkdirSync(path, { recursive: true })
      databases = openDatabases(environmentOptions(path, durability, readOnly))
      if (databases === undefined) throw notAStore(directory, 'it was never finished')
      const store = new LmdbStore(path, databases, options)
      if (!readOnly) await store.#writeFormat()
      if (isNew) await syncFolder(path)
      return store
    } catch (error) {
      await databases?.root.close()
      leavePlace(path)
      if (error instanceof EsplanadeError) throw error
      throw openError(error, directory, readOnly)
    }
  }

  snapshot(): LmdbSnapshot {
    this.#checkOpen()
    const snapshot = new LmdbSnapshot(this.#databases, this.#directory, closed =>
      this.#snapshots.delete(closed)
    )
    this.#snapshots.add(snapshot)
    return snapshot
  }

  encode(document: StoredDocument, vectors: StoredVectors): EncodedDocument {
    return encodeRecords(document, vectors)
  }

  async write(batch: WriteBatch): Promise<void> {
    this.#checkOpen()
    if (this.#readOnly) throw misuse('the store was opened for reading only')
    if (this.#writing !== undefined) throw misuse('a write is under way; wait for its promise')
    this.#writing = this.#commit(batch)
    try {
      await this.#writing
    } finally {
      this.#writing = undefined
    }
  }

  /** Flushes all that was acknowledged to the disk, for durability `group`. */
  async flush(): Promise<void> {
    this.#checkOpen()
    await this.#flush()
  }

  async copyTo(directory: string): Promise<void> {
    this.#checkOpen()
    const copying = this.#copyTo(directory)
    this.#copying.add(copying)
    try {
      await copying
    } finally {
      this.#copying.delete(copying)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // LMDB must not be closed under a thread that works on it.
    await Promise.allSettled([this.#writing, ...this.#copying])
    for (const snapshot of this.#snapshots) snapshot.close()
    try {
      if (!this.#readOnly && this.#durability === 'group') await this.#flush()
    } finally {
      clearTimeout(this.#flushTimer)
      await this.#databases.root.close()
      leavePlace(this.#directory)
    }
  }

  async #copyTo(directory: string): Promise<void> {
    const path = resolve(directory)
    try {
      await mkdir(path, { recursive: true })
      if ((await readdir(path)).length > 0) {
        throw new EsplanadeError('COLLECTION_EXISTS', {
          place: directory,
          problem: 'the folder is not empty',
          remedy: 'Choose another place'
        })
      }
      // LMDB copies the pages that are in use in another thread, as of one point in time.
      await this.#databases.root.backup(path, true)
      const file = await openFile(join(path, 'data.mdb'), 'r+')
      await file.sync().finally(() => file.close())
      await syncFolder(path)
    } catch (error) {
      throw storeWriteError(error, directory)
    }
  }

  async #commit(batch: WriteBatch): Promise<void> {
    if (this.#isBroken) {
      throw new EsplanadeError('FILE_UNWRITABLE', {
        place: this.#directory,
        problem: 'the disk refused to write a page that says what the store holds',
        remedy: 'Close it and open it again: all that was acknowledged is there'
      })
    }
    if (this.#flushFailure !== undefined) {
      const failure = this.#flushFailure
      this.#flushFailure = undefined
      throw storeWriteError(failure, this.#directory)
    }
    const { state, namespaces } = await this.#stateAfter(batch)
    const { root } = this.#databases
    try {
      await root.batch(() => this.#put(batch, state, namespaces))
    } catch (error) {
      this.#isBroken = !this.#canRead()
      throw storeWriteError(
        await fullDisk(await commitFailure(error), this.#directory),
        this.#directory
      )
    }
    this.#state = state
    for (const [name, count] of namespaces) this.#namespaces.set(name, count)
    if (this.#durability === 'group') this.#flushSoon()
  }

  /** Nothing in here may fail: lmdb would write what went before it. */
  #put(batch: WriteBatch, state: StoreState, namespaces: ReadonlyMap<string, number>): void {
    const { documents, vectors, keys, tombstones, meta } = this.#databases
    let number = this.#state.lastTombstone
    for (const { seq, namespace, key } of batch.removed) {
      documents.remove(seq)
      vectors.remove(seq)
      keys.remove(keyBytes(namespace, key))
      tombstones.put(++number, uint64Bytes(seq))
    }
    // One database after the other: LMDB gives out pages in the order of the writes, and a read of a
    // document maps the pages beside it, which had better hold documents than vectors.
    const added = batch.added as readonly DocumentRecords[]
    for (const { seq, document } of added) documents.put(seq, document)
    for (const { seq, vectors: record } of added) vectors.put(seq, record)
    for (const { seq, namespace, key } of added) {
      keys.put(keyBytes(namespace, key), uint64Bytes(seq))
    }
    for (const forgotten of batch.forgotten ?? []) tombstones.remove(forgotten)
    for (const [name, count] of namespaces) {
      const key = keyBytes(name, '')
      if (count > 0) this.#databases.namespaces.put(key, uint64Bytes(count))
      else this.#databases.namespaces.remove(key)
    }
    if (batch.words !== undefined) meta.put(WORDS_KEY, encodeWords(batch.words))
    meta.put(STATE_KEY, encodeState(state))
  }

  /** The counters after a batch, and the counts of the namespaces that it changes. Checks it. */
  async #stateAfter(
    batch: WriteBatch
  ): Promise<{ state: StoreState; namespaces: Map<string, number> }> {
    const { commit, lastTombstone, forgottenFor, numDocuments } = this.#state
    let { lastSeq } = this.#state
    const namespaces = new Map<string, number>()
    const count = (name: string, change: number) => {
      const before = namespaces.get(name) ?? this.#namespaces.get(name) ?? 0
      namespaces.set(name, before + change)
    }
    const removed = new Set<number>()
    const snapshot = this.snapshot()
    try {
      if (snapshot.state.commit !== commit) throw writtenByAnother(this.#directory)
      for (const { seq, namespace, key } of batch.removed) {
        checkKey(namespace, key)
        if (snapshot.seqOf(namespace, key) !== seq || removed.has(seq)) {
          throw misuse(`document ${seq} is not there to be removed`)
        }
        removed.add(seq)
        count(namespace, -1)
        if (removed.size % TURN_KEYS === 0) await setImmediate()
      }
      const added = new Set<string>()
      for (const { seq, namespace, key } of batch.added) {
        if (!(seq > lastSeq)) throw misuse(`document ${seq} follows document ${lastSeq}`)
        const before = snapshot.seqOf(namespace, key)
        const name = `${namespace}\0${key}`
        if (added.has(name) || (before !== undefined && !removed.has(before))) {
          throw misuse(`the key of document ${seq} is taken`)
        }
        added.add(name)
        lastSeq = seq
        count(namespace, 1)
        if (added.size % TURN_KEYS === 0) await setImmediate()
      }
    } finally {
      snapshot.close()
    }
    const state = {
      commit: commit + 1,
      lastSeq,
      lastTombstone: lastTombstone + batch.removed.length,
      forgottenFor: batch.forgottenFor ?? forgottenFor,
      numDocuments: numDocuments + batch.added.length - batch.removed.length
    }
    return { state, namespaces }
  }

  /**
   * Whether LMDB still works. When the write of a meta page fails it gives up until it is opened
   * again; reads then say so, while lmdb would wait for ever to write.
   */
  #canRead(): boolean {
    try {
      this.snapshot().close()
      return true
    } catch {
      return false
    }
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    // A flush that is under way may have begun before the last commit.
    await this.#flushing?.catch(() => {})
    this.#flushing = flushEnvironment(this.#databases.root)
    try {
      await this.#flushing
    } catch (error) {
      throw storeWriteError(error, this.#directory)
    }
  }

  #flushSoon(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flush().catch((error: unknown) => {
        // Nobody waits for this flush: the next write reports it.
        this.#flushFailure = error
      })
    }, GROUP_FLUSH_MS / 2).unref()
  }

  async #writeFormat(): Promise<void> {
    const snapshot = this.snapshot()
    const isThere = snapshot.meta(FORMAT_KEY) !== undefined
    snapshot.close()
    if (!isThere) await this.#databases.meta.put(FORMAT_KEY, uint64Bytes(STORE_VERSION))
  }

  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new EsplanadeError('COLLECTION_CLOSED', {
      place: this.#directory,
      problem: 'the store is closed',
      remedy: 'Open it again'
    })
  }
}

function checkVersion(format: Buffer | undefined, directory: string, readOnly: boolean): void {
  if (format === undefined) {
    // A writer that was killed while it made the store; the next one finishes it.
    if (readOnly) throw notAStore(directory, 'it was never finished')
    return
  }
  if (format.length !== 8) throw notAStore(directory, 'it does not say its format version')
  const version = format.readUInt32LE(0)
  if (version === STORE_VERSION) return
  throw new EsplanadeError('COLLECTION_VERSION', {
    place: directory,
    problem: `the store has format version ${version}`,
    expected: `version ${STORE_VERSION}`,
    remedy: 'Use the release of esplanade that wrote it'
  })
}

function notAStore(directory: string, problem: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', {
    place: directory,
    problem: `this is not a whole store: ${problem}`,
    remedy: 'Restore the collection from a backup'
  })
}

/** What lmdb said when it could not open: a system error, or a number of LMDB's own. */
function openError(error: unknown, directory: string, readOnly: boolean): Error {
  const { code, message } = error as { code?: unknown; message: string }
  const isOfLmdb = typeof code === 'number' && code < 0
  if (isOfLmdb) return notAStore(directory, message)
  return fileError(storeWriteError(error, directory), directory, readOnly ? 'read' : 'write')
}

function misuse(problem: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place: 'store', problem })
}

/** The writer's lock was taken away by hand, and there was a second writer. */
function writtenByAnother(directory: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_LOCKED', {
    place: directory,
    problem: 'another process has written to it since this one opened it',
    expected: 'one writer at a time',
    remedy: 'Close it and open it again; do not delete the lock of a process that runs'
  })
}

function takePlace(path: string, mode: string): void {
  const there = opened.get(path)
  if (there === undefined) {
    opened.set(path, { mode, count: 1 })
    return
  }
  // A reader beside the writer is fine: it reads through the writer's environment.
  if (mode !== 'read' && there.mode !== mode) {
    throw new EsplanadeError('COLLECTION_LOCKED', {
      place: path,
      problem: `this process (pid ${process.pid}) has it open for another purpose`,
      remedy: 'Close it first'
    })
  }
  there.count++
}

function leavePlace(path: string): void {
  const there = opened.get(path)
  if (there !== undefined && --there.count === 0) opened.delete(path)
}
