import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, isDeepStrictEqual } from 'node:util'
import type { Collection } from '../../src/collection/collection.ts'
import type { CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { CollectionDocument, CollectionSnapshot } from '../../src/collection/snapshot.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { Columns } from '../../src/filter/columns.ts'
import { xxh32 } from '../../src/kernel/xxh32.ts'
import { wordAnalyzer } from '../../src/lexical/analyzer.ts'
import { LmdbStore } from '../../src/node/lmdb-store.ts'
import { type OpenOptions, openCollection } from '../../src/node/open-collection.ts'
import { runSegmentJob, SegmentJobs } from '../../src/node/segment-jobs.ts'
import type { Hit } from '../../src/vector/hit.ts'
import {
  type SparseVector,
  sparseVector,
  sparseVectorFromEntries
} from '../../src/vector/sparse-vector.ts'
import {
  afterDelete,
  afterDeleteWhere,
  afterUpsert,
  keysOf,
  type ModelDocument,
  type ModelFilter,
  type ModelState,
  ranking
} from './model.ts'
import type { Question } from './model-arbitrary.ts'

/** How a collection of the test is opened: flushes and merges come all the time. */
export interface RunOptions {
  readonly metric: 'dot' | 'cosine'
  readonly durability: 'sync' | 'group'
  /** Words are terms too. */
  readonly lexical: boolean
}

/** Weights of words then do not go by the lengths of other documents, so the model knows them. */
const LEXICAL = { b: 0 } as const
const FIRST_WORD = 2 ** 31
const words = wordAnalyzer()

/** The words of a text as terms: count / (count + 1.2). */
function wordVector(text: string): SparseVector {
  const counts = new Map<number, number>()
  for (const word of words(text)) {
    const termId = FIRST_WORD + (xxh32(Buffer.from(word)) % FIRST_WORD)
    counts.set(termId, (counts.get(termId) ?? 0) + 1)
  }
  return sparseVectorFromEntries(
    [...counts].map(([termId, count]) => [termId, count / (count + 1.2)])
  )
}

/** A query of all common terms. */
const EVERYTHING = sparseVector([0, 1, 2, 3, 4, 5], [1, 2, 1, 0.5, 3, 1])

/** A query of all common terms and the words of most passages. */
const EVERY_WORD = sparseVectorFromEntries(
  [EVERYTHING, wordVector('Harbour lights')].flatMap(({ terms, weights }) =>
    Array.from(terms, (termId, i) => [termId, weights[i]!] as const)
  )
)

/** The texts of the passages of a document. */
function textsOf({ text, passages }: ModelDocument): string[] {
  return passages?.map(([start, end]) => text.slice(start, end)) ?? [text]
}

/** A document of a lexical collection: no term of its own is a word's. */
function withWords(document: ModelDocument): ModelDocument {
  const vectors = document.vectors.map(({ terms, weights }) => {
    const end = terms.findIndex(termId => termId >= FIRST_WORD)
    return end < 0
      ? { terms, weights }
      : { terms: terms.slice(0, end), weights: weights.slice(0, end) }
  })
  return { ...document, vectors, lexicalVectors: textsOf(document).map(wordVector) }
}

/** In memory where that is a folder: nothing here is about the disk, and each run waits for it often. */
const PARENT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const FLUSH_LIMITS = { maxEntries: 8, maxPostings: 1000 }

/**
 * Milliseconds before a segment is made, and until it is handed over, in turn: in the latter, writes
 * come that it does not know of.
 */
const BEFORE = [0, 2, 0, 8, 1]
const BEHIND = [0, 20, 4, 50, 1, 10, 30]

/**
 * Lets segments be made in this thread, soon or late: threads take longer to start than all that the
 * test does with a collection. (A spy would keep all segments in memory.)
 *
 * @returns a function that lets threads make them again
 */
export function makeSegmentsHere(): () => void {
  let numJobs = 0
  const { run } = SegmentJobs.prototype
  SegmentJobs.prototype.run = async (job, signal) => {
    const number = numJobs++
    await sleep(BEFORE[number % BEFORE.length]!)
    const store = await LmdbStore.open(job.paths.store, { readOnly: true })
    try {
      const { state, made } = await runSegmentJob(store, job, signal)
      await sleep(BEHIND[number % BEHIND.length]!)
      return { state, made: made && { ...made, columns: Columns.open(made.columns) } }
    } finally {
      await store.close()
    }
  }
  return () => {
    SegmentJobs.prototype.run = run
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise(resolve => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)))
}

interface OpenSnapshot {
  readonly snapshot: CollectionSnapshot
  /** The versions that it may be of, by all that it has shown. */
  candidates: readonly number[]
}

type Reader = Pick<CollectionSnapshot, 'search' | 'get' | 'list' | 'stats'>

/**
 * A collection beside its model. Writes follow each other, and each makes a version of the model; all
 * else goes on beside them. What is read must be one of the versions from the last one that was
 * acknowledged when the reading began (or that an earlier reading has shown) to the last one that was
 * begun when it ended.
 */
export class ModelRun {
  readonly #directory = mkdtempSync(join(PARENT, 'esplanade-model-'))
  readonly #options: OpenOptions
  readonly #metric: 'dot' | 'cosine'
  readonly #lexical: boolean
  /** Entries with words that were ever written, and their words. */
  readonly #written = { numEntries: 0, numWords: 0 }
  /** There from {@link ModelRun.open} on. */
  #collection!: Collection
  readonly #versions: ModelState[] = [[]]
  /** The last version that was acknowledged or shown. */
  #known = 0
  #writes: Promise<unknown> = Promise.resolve()
  #numBursts = 0
  #numBurstsEnded = 0
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #failures: unknown[] = []
  readonly #snapshots: OpenSnapshot[] = []

  constructor({ metric, durability, lexical }: RunOptions) {
    this.#metric = metric
    this.#lexical = lexical && metric === 'dot'
    const options = { model: null, metric, durability, flushLimits: FLUSH_LIMITS }
    this.#options = { ...options, lexical: this.#lexical && LEXICAL }
  }

  async open(): Promise<void> {
    this.#collection = await openCollection(this.#directory, this.#options)
  }

  /** Runs a step; what it does goes on behind it unless it is waited for. */
  async step(task: Promise<unknown>, isAwaited: boolean): Promise<void> {
    const caught = task.catch(error => this.#failures.push(error))
    this.#underWay.add(caught)
    caught.finally(() => this.#underWay.delete(caught))
    if (isAwaited) await task
    this.#throwFailure()
  }

  upsert(given: readonly ModelDocument[]): Promise<void> {
    const documents = this.#prepared(given)
    return this.#write(async () => {
      this.#versions.push(afterUpsert(this.#latest(), documents))
      const { numWritten } = await this.#collection.upsert(documents.map(toUpsert))
      equal(numWritten, documents.length)
    })
  }

  /** Calls of one document each at once, which may be written in any order. */
  upsertEach(given: readonly ModelDocument[]): Promise<void> {
    const documents = this.#prepared(given)
    return this.#write(async () => {
      const before = this.#latest()
      this.#numBursts++
      await Promise.all(documents.map(one => this.#collection.upsert([toUpsert(one)])))
      const stored = await this.#documents(this.#collection)
      this.#versions.push(outcomeOf(before, documents, stored))
      this.#numBurstsEnded++
    })
  }

  delete(namespace: string, keys: readonly string[]): Promise<void> {
    return this.#write(async () => {
      const before = this.#latest()
      this.#versions.push(afterDelete(before, namespace, keys))
      const numDeleted = await this.#collection.delete(keys, { namespace })
      equal(numDeleted, before.length - afterDelete(before, namespace, keys).length)
    })
  }

  deleteWhere(namespace: string, filter: ModelFilter): Promise<void> {
    return this.#write(async () => {
      const before = this.#latest()
      this.#versions.push(afterDeleteWhere(before, namespace, filter))
      const numDeleted = await this.#collection.delete({ filter }, { namespace })
      equal(numDeleted, before.length - afterDeleteWhere(before, namespace, filter).length)
    })
  }

  search(question: Question, where: number): Promise<void> {
    return this.#read(where, async (reader, isFixed) => {
      const numPages = isFixed ? question.numPages : 1
      const actual = await this.#pages(reader, question, numPages)
      const depth = numPages * question.k
      return [actual, state => this.#expectedHits(state, question).slice(0, depth)]
    })
  }

  /** Searches for all that can be found, so that what is wrong is seen before a merge hides it. */
  async sweep(): Promise<void> {
    for (const namespace of ['', 'tenant']) {
      const rest = { k: 1000, numPages: 1, filter: undefined, minScore: undefined }
      const vector = this.#lexical ? EVERY_WORD : EVERYTHING
      await this.search({ vector, namespace, ...rest }, Number.POSITIVE_INFINITY)
    }
  }

  get(namespace: string, key: string, where: number): Promise<void> {
    return this.#read(where, async reader => {
      const found = await reader.get(key, { namespace, includeVectors: true })
      const isIt = (one: ModelDocument): boolean => one.namespace === namespace && one.key === key
      return [found, state => state.find(isIt)]
    })
  }

  list(namespace: string, prefix: string, limit: number, where: number): Promise<void> {
    return this.#read(where, async (reader, isFixed) => {
      const first = await reader.list({ namespace, prefix, limit })
      const keys = [...first.keys]
      for (let { cursor } = first; isFixed && cursor !== undefined; ) {
        const page = await reader.list({ namespace, prefix, limit, cursor })
        keys.push(...page.keys)
        cursor = page.cursor
      }
      const end = isFixed ? undefined : limit
      return [keys, state => keysOf(state, namespace, prefix).slice(0, end)]
    })
  }

  stats(where: number): Promise<void> {
    return this.#read(where, async reader => {
      const { numDocuments, namespaces } = await reader.stats()
      return [{ numDocuments, namespaces }, countsOf]
    })
  }

  async takeSnapshot(): Promise<void> {
    const [first, numBursts] = [this.#known, this.#numBursts]
    const wasSure = numBursts === this.#numBurstsEnded
    const snapshot = await this.#collection.snapshot()
    const candidates = this.#since(first)
    if (wasSure && numBursts === this.#numBursts) this.#snapshots.push({ snapshot, candidates })
    else await snapshot.close()
  }

  async closeSnapshot(where: number): Promise<void> {
    const [taken] = this.#snapshots.splice(where % (this.#snapshots.length || 1), 1)
    if (taken === undefined) return
    await this.#checkDocuments(taken.snapshot, taken.candidates)
    await taken.snapshot.close()
  }

  /** Flushing, merging and compacting end early where the collection is closed. */
  maintain(task: 'flush' | 'compact' | 'settle'): Promise<void> {
    const closed = ['ABORTED', 'COLLECTION_CLOSED']
    return this.#collection[task]().catch(error => {
      if (!(error instanceof EsplanadeError && closed.includes(error.code))) throw error
    })
  }

  /** Closes the collection with writes under way, which it is to finish, and opens it again. */
  async reopen(documents: readonly ModelDocument[]): Promise<void> {
    await this.#writes
    for (const { snapshot } of this.#snapshots.splice(0)) await snapshot.close()
    const write = this.upsert(documents)
    // The collection is told in a microtask.
    await Promise.resolve()
    await Promise.all([write, this.#collection.close()])
    await Promise.all(this.#underWay)
    await this.open()
  }

  /** Waits for all that is under way, and compares everything. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay)
    this.#throwFailure()
    for (const { snapshot, candidates } of this.#snapshots) {
      await this.#checkDocuments(snapshot, candidates)
    }
    const last = [this.#versions.length - 1]
    await using snapshot = await this.#collection.snapshot()
    await this.#checkDocuments(snapshot, last)
    const { numEntries, numWords } = this.#written
    const expected = this.#lexical ? numWords / Math.max(1, numEntries) : undefined
    equal((await snapshot.lexicalStats())?.averageLength, expected)
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay)
    try {
      await this.#collection?.close()
    } finally {
      rmSync(this.#directory, { recursive: true, force: true })
    }
  }

  #prepared(documents: readonly ModelDocument[]): readonly ModelDocument[] {
    if (!this.#lexical) return documents
    for (const text of documents.flatMap(textsOf)) {
      const numWords = words(text).length
      this.#written.numEntries += numWords > 0 ? 1 : 0
      this.#written.numWords += numWords
    }
    return documents.map(withWords)
  }

  #write(call: () => Promise<void>): Promise<void> {
    const write = this.#writes.then(call).then(() => {
      this.#known = this.#versions.length - 1
    })
    this.#writes = write
    return write
  }

  #latest(): ModelState {
    return this.#versions.at(-1)!
  }

  /** The versions from one to the last that was begun. */
  #since(first: number): number[] {
    return Array.from({ length: this.#versions.length - first }, (_, i) => first + i)
  }

  /** Reads from a snapshot, or from the collection where there are not so many. */
  async #read(
    where: number,
    read: (
      reader: Reader,
      isFixed: boolean
    ) => Promise<[actual: unknown, expected: (state: ModelState) => unknown]>
  ): Promise<void> {
    const taken = this.#snapshots[where]
    const [first, numBursts] = [this.#known, this.#numBursts]
    const wasSure = numBursts === this.#numBurstsEnded
    const [actual, expected] = await read(taken?.snapshot ?? this.#collection, taken !== undefined)
    // In a burst nobody knows which documents are there already.
    if (taken === undefined && !(wasSure && numBursts === this.#numBursts)) return
    const candidates = taken?.candidates ?? this.#since(first)
    const versions = candidates.filter(version =>
      isDeepStrictEqual(actual, expected(this.#versions[version]!))
    )
    if (versions.length === 0) {
      const wanted = candidates.map(version => expected(this.#versions[version]!))
      throw new Error(`${shown(actual)}\nis none of\n${wanted.map(shown).join('\n')}`)
    }
    if (taken !== undefined) taken.candidates = versions
    else this.#known = Math.max(this.#known, versions[0]!)
  }

  async #pages(reader: Reader, question: Question, numPages: number): Promise<unknown[]> {
    const { vector, k, namespace, filter, minScore } = question
    const options: CollectionSearchOptions = {
      k,
      namespace,
      ...(filter && { filter }),
      ...(minScore !== undefined && { minScore })
    }
    const hits: unknown[] = []
    let searchAfter: Hit | undefined
    for (let page = 0; page < numPages; page++) {
      const result = await reader.search(vector, {
        ...options,
        ...(searchAfter && { searchAfter })
      })
      equal(result.rankSafe, true)
      for (const { passage, ...hit } of result.hits) hits.push({ ...hit, passage })
      searchAfter = result.hits.at(-1)
      if (searchAfter === undefined) break
    }
    return hits
  }

  #expectedHits(state: ModelState, question: Question): unknown[] {
    const { vector, namespace, filter, minScore = Number.NEGATIVE_INFINITY } = question
    const query = { vector, namespace, filter, minScore, metric: this.#metric }
    return ranking(state, query).map(hit => {
      const { text, metadata } = state.find(
        one => one.namespace === namespace && one.key === hit.key
      )!
      return { ...hit, text, metadata }
    })
  }

  async #checkDocuments(
    snapshot: CollectionSnapshot,
    candidates: readonly number[]
  ): Promise<void> {
    const actual = await documentsOf(snapshot)
    if (candidates.some(version => isDeepStrictEqual(actual, this.#versions[version]))) return
    const wanted = candidates.map(version => shown(this.#versions[version]))
    throw new Error(`documents ${shown(actual)}\nare none of\n${wanted.join('\n')}`)
  }

  async #documents(collection: Collection): Promise<CollectionDocument[]> {
    await using snapshot = await collection.snapshot()
    return await documentsOf(snapshot)
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
  }
}

async function documentsOf(snapshot: CollectionSnapshot): Promise<CollectionDocument[]> {
  const all: CollectionDocument[] = []
  const options = { allNamespaces: true, includeVectors: true }
  for await (const document of snapshot.documents(options)) all.push(document)
  return all
}

/** The model after writes of one document each, in the order that the collection shows. */
function outcomeOf(
  before: ModelState,
  written: readonly ModelDocument[],
  stored: readonly CollectionDocument[]
): ModelState {
  const untouched = written.reduce(
    (state, { namespace, key }) => afterDelete(state, namespace, [key]),
    before
  )
  const fresh = stored.slice(untouched.length).map(one => {
    const found = written.find(other => isDeepStrictEqual(one, other))
    if (found === undefined) throw new Error(`${shown(one)} is none of ${shown(written)}`)
    return found
  })
  const state = afterUpsert(untouched, fresh)
  if (isDeepStrictEqual(stored, state) && state.length === afterUpsert(before, written).length) {
    return state
  }
  throw new Error(`${shown(stored)}\nis not what ${shown(written)}\nmakes of ${shown(before)}`)
}

function toUpsert({
  passages,
  vectors,
  lexicalVectors: _,
  ...rest
}: ModelDocument): UpsertDocument {
  if (passages === undefined) return { ...rest, vector: vectors[0]! }
  const parts = passages.map(([start, end], i) => ({ start, end, vector: vectors[i]! }))
  return { ...rest, passages: parts }
}

function countsOf(state: ModelState): unknown {
  const namespaces: Record<string, number> = {}
  for (const { namespace } of state) namespaces[namespace] = (namespaces[namespace] ?? 0) + 1
  return { numDocuments: state.length, namespaces }
}

function equal(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`${actual} instead of ${expected}`)
}

function shown(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 160, compact: 3 })
}
