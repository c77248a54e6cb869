import { EsplanadeError } from '../errors.ts'
import type { WordCounts, WordTerms } from '../lexical/word-terms.ts'
import type { Delta } from './delta.ts'
import { copyOfMetadata } from './metadata-copy.ts'
import type {
  DocumentStore,
  Removal,
  StoredDocument,
  StoredVectors,
  WordStatistics
} from './store.ts'
import { statisticsAfter, sumOf, withWords } from './word-statistics.ts'

/** A document to be written, complete but for its number. */
export interface DocumentToWrite {
  readonly document: Omit<StoredDocument, 'seq'>
  readonly vectors: StoredVectors
  /** In a lexical collection: the words of each passage, which become terms as it is written. */
  readonly words?: readonly WordCounts[]
}

/** What one call wants written. */
export type WriteRequest =
  | {
      readonly kind: 'put'
      readonly documents: readonly DocumentToWrite[]
      /** The words that are known to follow: they count in the mean length already. */
      readonly wordsAhead?: WordStatistics
    }
  | { readonly kind: 'remove'; readonly namespace: string; readonly keys: readonly string[] }
  | {
      readonly kind: 'removeWhere'
      /** Called when all writes before it show. */
      readonly find: () => readonly Removal[]
    }
  | {
      readonly kind: 'forget'
      readonly tombstones: readonly number[]
      /** The generation of the manifest that needs them no more. */
      readonly generation: number
    }
  | {
      readonly kind: 'barrier'
      /** Called when all writes before it show, and none after it was begun. */
      readonly run: () => void
    }

/** What a batch did, when it was written. */
export interface Commit {
  readonly removed: readonly Removal[]
  /** Documents that a request of the batch wrote or removed, by request. */
  readonly counts: readonly number[]
}

/** What the writer needs of the collection around it. */
export interface WriterHost {
  readonly store: DocumentStore
  /** How words become terms; undefined where they do not. */
  readonly words?: WordTerms | undefined
  /** The document that has this key now. */
  seqOf(namespace: string, key: string): number | undefined
  /** Where new documents go; entries show only once `publish` says so. */
  delta(): Delta
  /** Lets what was written show. */
  publish(commit: Commit): void
  /** Lets the event loop have a turn. */
  pause(): Promise<void>
}

interface Waiting {
  readonly request: WriteRequest
  readonly resolve: (count: number) => void
  readonly reject: (error: unknown) => void
}

/** Documents of a batch, but for one request that alone has more. */
const MAX_BATCH_DOCUMENTS = 1000

/** The event loop gets a turn after so many milliseconds of preparing. */
const SLICE_MS = 0.5

/**
 * Writes one batch after the other. Requests that come while a batch is being written go together into
 * the next one, so that they wait for one flush of the disk (group commit). The effect is that of
 * one request after the other, in the order in which they came.
 */
export class Writer {
  readonly #host: WriterHost
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #closed = false
  #pausedAt = 0
  #lastSeq: number
  #statistics: WordStatistics

  /**
   * @param lastSeq - the largest number that the store has seen
   * @param statistics - what it says of words
   */
  constructor(
    host: WriterHost,
    lastSeq: number,
    statistics: WordStatistics = { numEntries: 0, numWords: 0 }
  ) {
    this.#host = host
    this.#lastSeq = lastSeq
    this.#statistics = statistics
  }

  /**
   * Writes; the promise resolves when it is durable and shows, to the number of documents written or
   * removed.
   */
  write(request: WriteRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closedError())
      this.#waiting.push({ request, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Takes no more requests and waits for those that were taken. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #run(): Promise<void> {
    // Requests of the same turn travel together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        await this.#answer(batch)
      } catch (error) {
        // The others are not to suffer from a request that is refused.
        if (batch.length === 1) batch[0]!.reject(error)
        else for (const one of batch) await this.#answer([one]).catch(one.reject)
      }
    }
    this.#running = undefined
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    const counts = await this.#write(batch.map(({ request }) => request))
    for (const [i, { resolve }] of batch.entries()) resolve(counts[i]!)
  }

  /** The requests that can be written at once: none that needs to see another one of them. */
  #takeBatch(): Waiting[] {
    const keys = new Set<string>()
    let numDocuments = 0
    let end = 0
    for (; end < this.#waiting.length; end++) {
      const { request } = this.#waiting[end]!
      if (request.kind === 'forget') continue
      if (request.kind === 'removeWhere' || request.kind === 'barrier') {
        // It must see those before it, and those after it must see what it does.
        if (end === 0) end = 1
        break
      }
      const own = keysOf(request)
      numDocuments += own.length
      if (end > 0 && numDocuments > MAX_BATCH_DOCUMENTS) break
      if (own.some(key => keys.has(key))) break
      for (const key of own) keys.add(key)
    }
    return this.#waiting.splice(0, end)
  }

  async #write(requests: readonly WriteRequest[]): Promise<number[]> {
    const { store } = this.#host
    const removed: Removal[] = []
    const counts: number[] = []
    const documents: DocumentToWrite[] = []
    const forgotten: number[] = []
    const ahead: WordStatistics[] = []
    let forgottenFor = 0
    for (const request of requests) {
      const numBefore = removed.length
      switch (request.kind) {
        case 'put':
          for (const item of request.documents) {
            this.#remove(item.document, removed)
            await this.#turn()
          }
          documents.push(...request.documents)
          if (request.wordsAhead !== undefined) ahead.push(request.wordsAhead)
          counts.push(request.documents.length)
          break
        case 'remove':
          for (const key of request.keys) {
            this.#remove({ namespace: request.namespace, key }, removed)
          }
          counts.push(removed.length - numBefore)
          break
        case 'removeWhere':
          removed.push(...request.find())
          counts.push(removed.length - numBefore)
          break
        case 'forget':
          forgotten.push(...request.tombstones)
          forgottenFor = Math.max(forgottenFor, request.generation)
          counts.push(0)
          break
        case 'barrier':
          request.run()
          return [0]
      }
    }
    if (documents.length + removed.length + forgotten.length === 0) return counts
    const delta = this.#host.delta()
    const { numDocuments } = delta
    const statistics = statisticsAfter(this.#statistics, documents)
    try {
      const added = await this.#prepare(documents, delta, sumOf([statistics, ...ahead]))
      await store.write({
        added,
        removed,
        ...(statistics !== this.#statistics && { words: statistics }),
        ...(forgotten.length > 0 && { forgotten, forgottenFor })
      })
    } catch (error) {
      delta.truncate(numDocuments)
      throw error
    }
    this.#statistics = statistics
    this.#host.publish({ removed, counts })
    while (delta.settle()) await this.#host.pause()
    return counts
  }

  #remove(document: { namespace: string; key: string }, removed: Removal[]): void {
    const { namespace, key } = document
    const seq = this.#host.seqOf(namespace, key)
    if (seq !== undefined) removed.push({ seq, namespace, key })
  }

  /** Numbers the documents, encodes them, and puts them into the delta, where they do not show yet. */
  async #prepare(documents: readonly DocumentToWrite[], delta: Delta, statistics: WordStatistics) {
    const { store, words } = this.#host
    const added = []
    for (const item of documents) {
      const { document } = item
      const vectors = words === undefined ? item.vectors : withWords(item, words, statistics)
      const seq = ++this.#lastSeq
      const stored = { ...document, seq }
      added.push(store.encode(stored, vectors))
      const { namespace, metadata } = document
      const own = { seq, namespace, metadata: copyOfMetadata(metadata) }
      delta.add(own, vectors.passages, vectors.dense)
      await this.#turn()
    }
    return added
  }

  /** Lets the event loop have a turn when it is due. */
  async #turn(): Promise<void> {
    if (performance.now() - this.#pausedAt < SLICE_MS) return
    await this.#host.pause()
    this.#pausedAt = performance.now()
  }
}

function keysOf(request: Extract<WriteRequest, { kind: 'put' } | { kind: 'remove' }>): string[] {
  if (request.kind === 'put') {
    return request.documents.map(({ document: { namespace, key } }) => `${namespace}\0${key}`)
  }
  return request.keys.map(key => `${request.namespace}\0${key}`)
}

function closedError(): EsplanadeError {
  return new EsplanadeError('COLLECTION_CLOSED', {
    problem: 'the collection was closed',
    remedy: 'Open it again'
  })
}
