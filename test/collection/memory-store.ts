import type {
  DocumentStore,
  EncodedDocument,
  StoredDocument,
  StoredVectors,
  StoreSnapshot,
  StoreState,
  Tombstone,
  WordStatistics,
  WriteBatch
} from '../../src/collection/store.ts'
import { EsplanadeError } from '../../src/errors.ts'

/** A store of documents in plain maps: what a store does, without the how. */

interface MemoryDocument extends EncodedDocument {
  readonly document: StoredDocument
  readonly vectors: StoredVectors
}

/** Never changed: a write makes another one. */
interface Contents {
  readonly state: StoreState
  /** By ascending seq. */
  readonly documents: ReadonlyMap<number, MemoryDocument>
  readonly tombstones: ReadonlyMap<number, number>
  readonly words: WordStatistics
}

const EMPTY: Contents = {
  state: { commit: 0, lastSeq: 0, lastTombstone: 0, forgottenFor: 0, numDocuments: 0 },
  documents: new Map(),
  tombstones: new Map(),
  words: { numEntries: 0, numWords: 0 }
}

export class MemoryStore implements DocumentStore {
  #contents = EMPTY
  #isWriting = false
  #isClosed = false
  /** What `copyTo` made, by directory. */
  readonly copies = new Map<string, MemoryStore>()
  /** Thrown by the next write, which then writes nothing. */
  nextFailure: EsplanadeError | undefined
  /** Snapshots that are open. */
  numSnapshots = 0

  snapshot(): StoreSnapshot {
    this.#checkOpen()
    this.numSnapshots++
    return new MemorySnapshot(this.#contents, () => this.numSnapshots--)
  }

  encode(document: StoredDocument, vectors: StoredVectors): MemoryDocument {
    const { seq, namespace, key } = document
    const copy = { document: structuredClone(document), vectors: structuredClone(vectors) }
    return { seq, namespace, key, numBytes: JSON.stringify(copy).length, ...copy }
  }

  async write({ added, removed, forgotten = [], forgottenFor, words }: WriteBatch): Promise<void> {
    this.#checkOpen()
    if (this.#isWriting) throw new Error('two writes at once')
    this.#isWriting = true
    await new Promise(resolve => setImmediate(resolve))
    this.#isWriting = false
    const failure = this.nextFailure
    this.nextFailure = undefined
    if (failure !== undefined) throw failure
    const { state } = this.#contents
    const documents = new Map(this.#contents.documents)
    const tombstones = new Map(this.#contents.tombstones)
    let { lastSeq, lastTombstone } = state
    for (const { seq, namespace, key } of removed) {
      const there = documents.get(seq)
      if (there?.namespace !== namespace || there.key !== key) throw new Error(`no ${seq}`)
      documents.delete(seq)
      tombstones.set(++lastTombstone, seq)
    }
    for (const document of added as readonly MemoryDocument[]) {
      if (!(document.seq > lastSeq)) throw new Error(`${document.seq} after ${lastSeq}`)
      lastSeq = document.seq
      documents.set(lastSeq, document)
    }
    for (const number of forgotten) tombstones.delete(number)
    this.#contents = {
      state: {
        commit: state.commit + 1,
        lastSeq,
        lastTombstone,
        forgottenFor: forgottenFor ?? state.forgottenFor,
        numDocuments: documents.size
      },
      documents,
      tombstones,
      words: words ?? this.#contents.words
    }
  }

  async flush(): Promise<void> {
    this.#checkOpen()
  }

  async copyTo(directory: string): Promise<void> {
    this.#checkOpen()
    const copy = new MemoryStore()
    copy.#contents = this.#contents
    this.copies.set(directory, copy)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed('the store')
  }
}

class MemorySnapshot implements StoreSnapshot {
  readonly #contents: Contents
  readonly #onClose: () => void
  #isClosed = false

  constructor(contents: Contents, onClose: () => void) {
    this.#contents = contents
    this.#onClose = onClose
  }

  get state(): StoreState {
    return this.#contents.state
  }

  wordStatistics(): WordStatistics {
    return this.#contents.words
  }

  seqOf(namespace: string, key: string): number | undefined {
    for (const document of this.#documents().values()) {
      if (document.namespace === namespace && document.key === key) return document.seq
    }
    return undefined
  }

  document(seq: number): StoredDocument | undefined {
    return structuredClone(this.#documents().get(seq)?.document)
  }

  vectors(seq: number): StoredVectors | undefined {
    return structuredClone(this.#documents().get(seq)?.vectors)
  }

  *seqs(first: number, last: number): Generator<number> {
    for (const seq of this.#documents().keys()) if (seq >= first && seq <= last) yield seq
  }

  *keys(
    namespace: string,
    { prefix = '', after }: { prefix?: string | undefined; after?: string | undefined } = {}
  ): Generator<{ key: string; seq: number }> {
    const all = [...this.#documents().values()].filter(
      one => one.namespace === namespace && one.key.startsWith(prefix)
    )
    all.sort((a, b) => byUtf8(a.key, b.key))
    for (const { key, seq } of all) {
      if (after === undefined || byUtf8(key, after) > 0) yield { key, seq }
    }
  }

  namespaces(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { namespace } of this.#documents().values()) {
      counts.set(namespace, (counts.get(namespace) ?? 0) + 1)
    }
    return counts
  }

  *tombstones(after: number): Generator<Tombstone> {
    if (this.#isClosed) throw closed('the snapshot')
    for (const [number, seq] of this.#contents.tombstones) if (number > after) yield { number, seq }
  }

  close(): void {
    if (!this.#isClosed) this.#onClose()
    this.#isClosed = true
  }

  #documents(): Contents['documents'] {
    if (this.#isClosed) throw closed('the snapshot')
    return this.#contents.documents
  }
}

function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function closed(what: string): EsplanadeError {
  return new EsplanadeError('COLLECTION_CLOSED', { problem: `${what} is closed` })
}
