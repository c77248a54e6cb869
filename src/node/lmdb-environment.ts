import { statfs } from 'node:fs/promises'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { type Database, open, type RootDatabase, type RootDatabaseOptions } from 'lmdb'
import type { Durability } from '../collection/store.ts'
import { fileError } from './file-error.ts'

/** The databases of a store; `docs/formats/store-v1.md` says what each holds. */
export interface StoreDatabases {
  readonly root: RootDatabase<Buffer>
  /** seq → document record. */
  readonly documents: Database<Buffer, number>
  /** seq → vectors record. */
  readonly vectors: Database<Buffer, number>
  /** namespace NUL key → seq. */
  readonly keys: Database<Buffer, Uint8Array>
  /** number → seq. */
  readonly tombstones: Database<Buffer, number>
  /** namespace NUL → its documents. */
  readonly namespaces: Database<Buffer, Uint8Array>
  /** `format` and `state`. */
  readonly meta: Database<Buffer, Uint8Array>
}

/**
 * Numbers as eight bytes, the highest first: LMDB sorts keys by their bytes. lmdb's own encoding
 * (doubles with a flipped sign) sorts as well, but is described nowhere.
 */
const numberKeys = {
  writeKey(value: number, target: Uint8Array, start: number): number {
    const high = Math.floor(value / 2 ** 32)
    for (let i = 0; i < 4; i++) {
      target[start + i] = high >>> (24 - 8 * i)
      target[start + 4 + i] = value >>> (24 - 8 * i)
    }
    return start + 8
  },
  readKey(source: Uint8Array, start: number): number {
    let value = 0
    for (let i = 0; i < 8; i++) value = value * 256 + source[start + i]!
    return value
  }
}

/**
 * Snapshots that may be open at the same time, in all processes together. Each takes 64 bytes of
 * `lock.mdb`.
 */
const MAX_SNAPSHOTS = 2000

/** Options of lmdb; two of them are missing in its types. */
export interface EnvironmentOptions extends RootDatabaseOptions {
  readonly path: string
  readonly batchStartThreshold: number
}

const ALMOST_FULL_BYTES = 1 << 16

/** How lmdb is opened; exported so that a test sees that nothing weakens what `sync` promises. */
export function environmentOptions(
  directory: string,
  durability: Durability,
  readOnly: boolean
): EnvironmentOptions {
  return {
    path: directory,
    // Otherwise a dot in the name of the directory makes it the name of a file.
    noSubdir: false,
    encoding: 'binary',
    maxDbs: 8,
    maxReaders: MAX_SNAPSHOTS,
    // lmdb's default lets a promise resolve at the commit and flushes afterwards. Without, LMDB
    // flushes the pages, then writes the meta page through a descriptor opened with O_DSYNC, and
    // only then is the batch committed and the promise resolved.
    overlappingSync: false,
    noSync: false,
    // `group`: the pages are flushed, so that no power cut damages the store, but the meta page that
    // makes them the current ones stays with the operating system until the next flush.
    noMetaSync: durability === 'group',
    // A batch is what we say it is, not what happens to be written in one turn of the event loop.
    eventTurnBatching: false,
    // lmdb's writer is to begin when all of a batch is queued, not beside us: on one core the event
    // loop would wait for it (measured: 3 to 4 ms a batch of 1,000 documents instead of 5 to 6).
    batchStartThreshold: 1e9,
    readOnly
  }
}

/** Opens the databases, which a writer creates where they are absent; undefined: one is absent. */
export function openDatabases(options: EnvironmentOptions): StoreDatabases | undefined {
  const root = open<Buffer>(options)
  try {
    const databases = namedDatabases(root)
    // lmdb gives undefined for a database that a reader does not find; its types do not say so.
    if (Object.values(databases).every(database => database !== undefined)) return databases
  } catch (error) {
    void root.close()
    throw error
  }
  void root.close()
  return undefined
}

function namedDatabases(root: RootDatabase<Buffer>): StoreDatabases {
  const numbers = { encoding: 'binary', keyEncoder: numberKeys } as const
  const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const
  return {
    root,
    documents: root.openDB<Buffer, number>('documents', numbers),
    vectors: root.openDB<Buffer, number>('vectors', numbers),
    keys: root.openDB<Buffer, Uint8Array>('keys', bytes),
    tombstones: root.openDB<Buffer, number>('tombstones', numbers),
    namespaces: root.openDB<Buffer, Uint8Array>('namespaces', bytes),
    meta: root.openDB<Buffer, Uint8Array>('meta', bytes)
  }
}

/** Flushes what is committed to the disk. */
export function flushEnvironment(root: RootDatabase<Buffer>): Promise<void> {
  const { sync } = root as unknown as { sync(callback: (error?: Error) => void): void }
  return new Promise((resolve, reject) => {
    sync.call(root, error => (error ? reject(error) : resolve()))
  })
}

/**
 * What lmdb made of a failed commit: its promise carries another promise with the reason, which must
 * be waited for, or Node ends the process because of it.
 */
export async function commitFailure(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> }
  if (commitError === undefined) return error
  return commitError.catch((reason: unknown) => reason)
}

/** LMDB takes a write that was cut short, as the last one before a disk is full, for an I/O error. */
export async function fullDisk(error: unknown, directory: string): Promise<unknown> {
  if ((error as { code?: unknown }).code !== constants.errno.EIO) return error
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize > ALMOST_FULL_BYTES) return error
  return Object.assign(new Error('no space left on device', { cause: error }), { code: 'ENOSPC' })
}

/** An error of lmdb as ours; lmdb gives an operating system's error as its number. */
export function storeWriteError(cause: unknown, path: string): Error {
  const { code, message } = cause as { code?: unknown; message?: string }
  const isSystemError = typeof code === 'number' && code > 0 && code < 4096
  // Windows has other numbers: 112 is its full disk.
  const isFull = code === constants.errno.ENOSPC || (process.platform === 'win32' && code === 112)
  const name = isFull ? 'ENOSPC' : isSystemError ? getSystemErrorName(-code) : undefined
  if (name === undefined) return fileError(cause, path, 'write')
  return fileError(Object.assign(new Error(message, { cause }), { code: name }), path, 'write')
}
