import { crc32 } from 'node:zlib'
import type { Database, Transaction } from 'lmdb'
import type {
  StoredDocument,
  StoredVectors,
  StoreSnapshot,
  StoreState,
  Tombstone,
  WordStatistics
} from '../collection/store.ts'
import type { VectorScratch } from '../collection/vector-scratch.ts'
import { EsplanadeError } from '../errors.ts'
import {
  decodeDocument,
  decodeVectors,
  keyOfRecord,
  readUint64,
  writeUint64
} from './document-records.ts'
import type { StoreDatabases } from './lmdb-environment.ts'

/** Entries read at once. No cursor stays open while a caller has the control. */
const CHUNK = 512

export const STATE_KEY: Buffer = Buffer.from('state')
const STATE_BYTES = 48
export const WORDS_KEY: Buffer = Buffer.from('words')
const WORDS_BYTES = 24
const EMPTY_STATE: StoreState = {
  commit: 0,
  lastSeq: 0,
  lastTombstone: 0,
  forgottenFor: 0,
  numDocuments: 0
}

/** The counters as bytes: a CRC-32, four zero bytes, five u64. */
export function encodeState(state: StoreState): Buffer {
  const bytes = Buffer.alloc(STATE_BYTES)
  const { commit, lastSeq, lastTombstone, forgottenFor, numDocuments } = state
  const numbers = [commit, lastSeq, lastTombstone, forgottenFor, numDocuments]
  for (const [i, value] of numbers.entries()) writeUint64(bytes, value, 8 + 8 * i)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

function decodeState(bytes: Buffer | undefined, place: string): StoreState {
  if (bytes === undefined) return EMPTY_STATE
  const { length } = bytes
  if (length !== STATE_BYTES || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place,
      problem: 'the counters of the store are damaged',
      remedy: 'Restore the collection from a backup'
    })
  }
  const [commit, lastSeq, lastTombstone, forgottenFor, numDocuments] = [8, 16, 24, 32, 40].map(at =>
    readUint64(bytes, at)
  ) as [number, number, number, number, number]
  return { commit, lastSeq, lastTombstone, forgottenFor, numDocuments }
}

/** The counts of words as bytes: a CRC-32, four zero bytes, two u64. */
export function encodeWords({ numEntries, numWords }: WordStatistics): Buffer {
  const bytes = Buffer.alloc(WORDS_BYTES)
  writeUint64(bytes, numEntries, 8)
  writeUint64(bytes, numWords, 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

function decodeWords(bytes: Buffer | undefined, place: string): WordStatistics {
  if (bytes === undefined) return { numEntries: 0, numWords: 0 }
  if (bytes.length !== WORDS_BYTES || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place,
      problem: 'the counts of words of the store are damaged',
      remedy: 'Restore the collection from a backup'
    })
  }
  return { numEntries: readUint64(bytes, 8), numWords: readUint64(bytes, 16) }
}

/** Half a pair of UTF-16, which UTF-8 has no bytes for: no key or namespace holds one. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** The bytes under which a key is found: keys of one namespace lie together, by their UTF-8. */
export function keyBytes(namespace: string, key: string): Buffer {
  return Buffer.from(`${namespace}\0${key}`)
}

export function uint64Bytes(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  writeUint64(bytes, value, 0)
  return bytes
}

/** A point in time of a store: an LMDB read transaction, which all of its reads go through. */
export class LmdbSnapshot implements StoreSnapshot {
  readonly state: StoreState
  readonly #databases: StoreDatabases
  readonly #place: string
  readonly #onClose: (snapshot: LmdbSnapshot) => void
  #transaction: Transaction | undefined

  constructor(
    databases: StoreDatabases,
    place: string,
    onClose: (snapshot: LmdbSnapshot) => void = () => {}
  ) {
    this.#databases = databases
    this.#place = place
    this.#onClose = onClose
    // lmdb would go on with the transaction of earlier reads in this turn of the event loop.
    databases.root.resetReadTxn()
    this.#transaction = databases.root.useReadTransaction()
    try {
      this.state = this.#read(() => decodeState(this.#meta(STATE_KEY), place))
    } catch (error) {
      this.close()
      throw error
    }
  }

  wordStatistics(): WordStatistics {
    return this.#read(() => decodeWords(this.#meta(WORDS_KEY), this.#place))
  }

  seqOf(namespace: string, key: string): number | undefined {
    if (LONE_SURROGATE.test(namespace) || LONE_SURROGATE.test(key)) return undefined
    const found = this.#read(transaction =>
      this.#databases.keys.get(keyBytes(namespace, key), { transaction })
    )
    return found === undefined ? undefined : this.#uint64(found)
  }

  document(seq: number): StoredDocument | undefined {
    return this.#read(transaction => {
      const record = this.#databases.documents.get(seq, { transaction })
      if (record !== undefined) return decodeDocument(record, seq, this.#place)
      if (this.#databases.vectors.get(seq, { transaction }) === undefined) return undefined
      throw this.#missing(`document ${seq}`)
    })
  }

  vectors(seq: number, scratch?: VectorScratch): StoredVectors | undefined {
    return this.#read(transaction => {
      const record = this.#databases.vectors.get(seq, { transaction })
      const document = () => this.#databases.documents.get(seq, { transaction })
      if (record === undefined) {
        if (document() === undefined) return undefined
        throw this.#missing(`the vectors of document ${seq}`)
      }
      const key = () => {
        const found = document()
        return found === undefined ? undefined : keyOfRecord(found)
      }
      return decodeVectors(record, seq, this.#place, key, scratch)
    })
  }

  *seqs(first: number, last: number): Iterable<number> {
    yield* this.#numbers(this.#databases.documents, first, last)
  }

  /** The numbers under which there are vectors: the same as those of documents, unless damaged. */
  vectorSeqs(first: number, last: number): Iterable<number> {
    return this.#numbers(this.#databases.vectors, first, last)
  }

  *#numbers(database: Database<Buffer, number>, first: number, last: number): Iterable<number> {
    let start = Math.max(first, 0)
    while (start <= last) {
      const chunk = this.#read(transaction => [
        ...database.getKeys({ start, limit: CHUNK, transaction })
      ])
      for (const seq of chunk) {
        if (seq > last) return
        yield seq
      }
      if (chunk.length < CHUNK) return
      start = chunk[CHUNK - 1]! + 1
    }
  }

  /** Every key of every namespace, ascending; a number that cannot be read is NaN. */
  *allKeys(): Iterable<{ readonly namespace: string; readonly key: string; readonly seq: number }> {
    let start = Buffer.alloc(0)
    for (;;) {
      // NUL behind the last key is the least of all that follow it.
      const from = start.length === 0 ? Buffer.of(0) : Buffer.concat([start, Buffer.of(0)])
      const chunk = this.#read(transaction => [
        ...this.#databases.keys.getRange({ start: from, limit: CHUNK, transaction })
      ])
      for (const { key, value } of chunk) {
        const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8')
        const nul = name.indexOf('\0')
        const seq = value.length === 8 ? readUint64(value, 0) : Number.NaN
        yield { namespace: name.slice(0, Math.max(nul, 0)), key: name.slice(nul + 1), seq }
      }
      if (chunk.length < CHUNK) return
      start = Buffer.from(chunk[CHUNK - 1]!.key)
    }
  }

  *keys(
    namespace: string,
    options: { readonly prefix?: string | undefined; readonly after?: string | undefined } = {}
  ): Iterable<{ readonly key: string; readonly seq: number }> {
    if (LONE_SURROGATE.test(`${namespace}\0${options.prefix ?? ''}`)) return
    const prefix = keyBytes(namespace, options.prefix ?? '')
    const skipped = Buffer.byteLength(namespace) + 1
    let start = prefix
    let exclusiveStart = false
    if (options.after !== undefined) {
      const after = keyBytes(namespace, options.after)
      exclusiveStart = Buffer.compare(after, prefix) >= 0
      if (exclusiveStart) start = after
    }
    for (;;) {
      // NUL behind the last key is the least of all that follow it.
      const from = exclusiveStart ? Buffer.concat([start, Buffer.of(0)]) : start
      const chunk = this.#read(transaction => [
        ...this.#databases.keys.getRange({ start: from, limit: CHUNK, transaction })
      ])
      for (const { key, value } of chunk) {
        if (Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) return
        const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8', skipped)
        yield { key: name, seq: this.#uint64(value) }
      }
      if (chunk.length < CHUNK) return
      start = Buffer.from(chunk[CHUNK - 1]!.key)
      exclusiveStart = true
    }
  }

  namespaces(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    this.#read(transaction => {
      const start = Buffer.of(0)
      for (const { key, value } of this.#databases.namespaces.getRange({ start, transaction })) {
        const name = Buffer.from(key.buffer, key.byteOffset, key.length - 1).toString('utf8')
        counts.set(name, this.#uint64(value))
      }
    })
    return counts
  }

  *tombstones(after: number): Iterable<Tombstone> {
    let start = after + 1
    for (;;) {
      const chunk = this.#read(transaction => [
        ...this.#databases.tombstones.getRange({ start, limit: CHUNK, transaction })
      ])
      for (const { key, value } of chunk) yield { number: key, seq: this.#uint64(value) }
      if (chunk.length < CHUNK) return
      start = chunk[CHUNK - 1]!.key + 1
    }
  }

  /** What the store says of itself under a name; for the store. */
  meta(name: Buffer): Buffer | undefined {
    return this.#read(() => this.#meta(name))
  }

  close(): void {
    const transaction = this.#transaction
    if (transaction === undefined) return
    this.#transaction = undefined
    this.#onClose(this)
    transaction.done()
  }

  /** Of a document, the record or the vectors are there, but not both. */
  #missing(what: string): EsplanadeError {
    return new EsplanadeError('COLLECTION_CORRUPT', {
      place: this.#place,
      problem: `the record of ${what} is missing`,
      remedy: 'Write the document again, or restore the collection from a backup'
    })
  }

  #meta(name: Buffer): Buffer | undefined {
    return this.#databases.meta.get(name, { transaction: this.#transaction! })
  }

  #uint64(bytes: Buffer): number {
    if (bytes.length !== 8) {
      throw new EsplanadeError('COLLECTION_CORRUPT', {
        place: this.#place,
        problem: `a number of ${bytes.length} bytes where 8 are due`,
        remedy: 'Restore the collection from a backup'
      })
    }
    return readUint64(bytes, 0)
  }

  /** Runs a read; what LMDB finds wrong with its own pages is our error. */
  #read<T>(read: (transaction: Transaction) => T): T {
    if (this.#transaction === undefined) {
      throw new EsplanadeError('COLLECTION_CLOSED', {
        place: this.#place,
        problem: 'the snapshot is closed',
        remedy: 'Take another with snapshot()'
      })
    }
    try {
      return read(this.#transaction)
    } catch (cause) {
      if (cause instanceof EsplanadeError) throw cause
      throw new EsplanadeError('COLLECTION_CORRUPT', {
        place: this.#place,
        problem: `the store cannot be read: ${(cause as Error).message}`,
        remedy: 'Restore the collection from a backup',
        cause
      })
    }
  }
}
