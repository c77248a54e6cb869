import type { Metadata } from '../corpus/metadata.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { VectorScratch } from './vector-scratch.ts'

/**
 * The source of truth of a collection: its documents with their vectors, and which numbers they
 * have. Declared here; the platform implements it (`src/node/lmdb-store.ts`).
 *
 * Every version of a document gets a number of its own, `seq`: counted from 1, never used again. All
 * order is by `seq`; a document that is written anew gets a new one.
 */

/** A document as a collection keeps it, without its vectors. */
export interface StoredDocument {
  readonly seq: number
  /** `''` is the namespace of those who named none. */
  readonly namespace: string
  readonly key: string
  /** `''` for a document that came as vectors only. */
  readonly text: string
  readonly metadata: Metadata
  /** Where each of its passages lies in `text`, `[start, end)`; absent for one undivided text. */
  readonly passages?: readonly (readonly [start: number, end: number])[]
}

/** The vectors of a document. */
export interface StoredVectors {
  /** One a passage, in their order; at least one. */
  readonly passages: readonly SparseVector[]
  /** The dense vectors of its passages, as `packDense` has them; absent where none has one. */
  readonly dense?: Float32Array
}

/** A document ready to be written; only the store that made it can read it. */
export interface EncodedDocument {
  readonly seq: number
  readonly namespace: string
  readonly key: string
  /** Bytes that it takes in the store. */
  readonly numBytes: number
}

/** A document that goes: it was deleted, or is replaced in the same batch. */
export interface Removal {
  readonly seq: number
  readonly namespace: string
  readonly key: string
}

/** What is written at once: all of it, or nothing. */
export interface WriteBatch {
  /** New documents, by ascending `seq`, each above all that the store has seen. */
  readonly added: readonly EncodedDocument[]
  /** Removed first. Each leaves a tombstone. */
  readonly removed: readonly Removal[]
  /** Numbers of tombstones that no segment needs any more. */
  readonly forgotten?: readonly number[]
  /** The generation of the manifest that made `forgotten` unnecessary. */
  readonly forgottenFor?: number
  /** What {@link StoreSnapshot.wordStatistics} is from then on; default: as before. */
  readonly words?: WordStatistics
}

/**
 * The words of all entries that were ever written, those of documents that were replaced or deleted
 * included: BM25 compares the length of an entry with their mean.
 */
export interface WordStatistics {
  /** Entries with words. */
  readonly numEntries: number
  readonly numWords: number
}

/** The record of a removal, from which it is known which entries of segments are dead. */
export interface Tombstone {
  /** Counted from 1, never used again. */
  readonly number: number
  readonly seq: number
}

/** Counters of a store at one point in time. */
export interface StoreState {
  /** The number of the last batch; 0 for an empty store. */
  readonly commit: number
  /** The largest `seq` ever given. */
  readonly lastSeq: number
  /** The number of the last tombstone. */
  readonly lastTombstone: number
  /** What `forgottenFor` was last: a reader with an older manifest must read it anew. */
  readonly forgottenFor: number
  readonly numDocuments: number
}

/** The store as it was at one point in time; writes that follow do not show. Reads are synchronous. */
export interface StoreSnapshot {
  readonly state: StoreState
  /** Zeros where no words were ever written. @throws EsplanadeError `COLLECTION_CORRUPT` */
  wordStatistics(): WordStatistics
  /** The number of the document that has this key now. */
  seqOf(namespace: string, key: string): number | undefined
  /**
   * @throws EsplanadeError `COLLECTION_CORRUPT` where the checksum of the record is wrong; it names the
   *   key where that can be read
   */
  document(seq: number): StoredDocument | undefined
  /**
   * @param scratch - where the sparse vectors go, for who reads many one after the other
   * @throws EsplanadeError `COLLECTION_CORRUPT`
   */
  vectors(seq: number, scratch?: VectorScratch): StoredVectors | undefined
  /** The numbers of documents from `first` to `last`, both included, ascending. */
  seqs(first: number, last: number): Iterable<number>
  /** The keys of a namespace that begin with `prefix`, after `after`, by ascending UTF-8 bytes. */
  keys(
    namespace: string,
    options?: { readonly prefix?: string | undefined; readonly after?: string | undefined }
  ): Iterable<{ readonly key: string; readonly seq: number }>
  /** Documents a namespace; namespaces without documents are not listed. */
  namespaces(): ReadonlyMap<string, number>
  /** Tombstones after number `after`, ascending. */
  tombstones(after: number): Iterable<Tombstone>
  /** Lets the point in time go. */
  close(): void
}

/** When a write is acknowledged: once the disk has it, or earlier; `docs/collections.md` compares. */
export type Durability = 'sync' | 'group'

/** The documents of a collection. One process writes, any number read. */
export interface DocumentStore {
  /** The store as it is now. In the process that writes: with all batches that were acknowledged. */
  snapshot(): StoreSnapshot
  /** Checks nothing but sizes. @throws EsplanadeError `INVALID_KEY`, `INVALID_ARGUMENT` (too large) */
  encode(document: StoredDocument, vectors: StoredVectors): EncodedDocument
  /**
   * Writes a batch; the promise resolves when it is as durable as was asked for. Only one at a time.
   *
   * @throws EsplanadeError `FILE_UNWRITABLE` (disk full, I/O error): nothing of the batch is written
   */
  write(batch: WriteBatch): Promise<void>
  /** Resolves when the disk has all that was acknowledged. @throws EsplanadeError `FILE_UNWRITABLE` */
  flush(): Promise<void>
  /** Writes a consistent copy into an empty folder while writes may go on. */
  copyTo(directory: string): Promise<void>
  close(): Promise<void>
}
