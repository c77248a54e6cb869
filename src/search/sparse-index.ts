import type { KernelChoice } from '../kernel/kernel-memory.ts'
import { documentRecord, documentVector } from '../segment/forward-index.ts'
import { quoteKey } from '../segment/keys.ts'
import type { Segment, SegmentMetadata } from '../segment/segment.ts'
import { readSegments } from '../segment/segment-reader.ts'
import type { Explanation } from '../vector/explanation.ts'
import type { Hit } from '../vector/hit.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import {
  type Contribution,
  contributionsOf,
  type ExplainOptions,
  explainContributions
} from './contributions.ts'
import { DocumentSet } from './document-set.ts'
import { IndexDocuments } from './index-documents.ts'
import { IndexResult } from './index-result.ts'
import { type IndexRanking, IndexSearcher, type IndexSelection } from './index-searcher.ts'
import { divisor, type LookedUpQuery, TermLookup } from './query-terms.ts'
import {
  checkedOptions,
  checkedVector,
  checkSignal,
  type SearchManyOptions,
  type SearchOptions,
  type SearchResult
} from './search-options.ts'
import { checkedThreads, type SearchThreads, startThreads } from './threads.ts'

/**
 * An immutable index of sparse vectors in memory, searched exactly.
 *
 * A score is the dot product of the float32 weights, summed in float64 by ascending term id, or the
 * cosine made of it. Hits are ordered by score descending, then by the order in which documents were
 * added; a document that matches no term of the query is never a hit. Made by
 * `SparseIndexBuilder.finish` or {@link SparseIndex.fromBytes}.
 */
export class SparseIndex {
  readonly #segments: readonly Segment[]
  readonly #documents: IndexDocuments
  readonly #searcher: IndexSearcher
  readonly #lookup: TermLookup
  #threads: SearchThreads | undefined

  /** @internal */
  constructor(segments: readonly Segment[]) {
    this.#segments = segments
    this.#documents = new IndexDocuments(segments)
    this.#searcher = new IndexSearcher(segments)
    this.#lookup = new TermLookup(segments[0]!.lexicon)
  }

  /**
   * Opens what {@link SparseIndex.toBytes} gave: one copy into the memory that is searched. All
   * checksums and tables are validated; postings are not parsed.
   *
   * @param place - what to call the bytes in an error message, for instance the file's path
   * @throws EsplanadeError `INDEX_CORRUPT` when the bytes are not an index, cut short or changed;
   *   `INDEX_VERSION` when they are of another format version
   */
  static fromBytes(bytes: Uint8Array, place?: string, kernel?: KernelChoice): SparseIndex {
    return new SparseIndex(readSegments(bytes, place, kernel))
  }

  /** The index as one self-describing file; the same index always gives the same bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const parts = this.segmentBytes()
    const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
    let end = 0
    for (const part of parts) {
      file.set(part, end)
      end += part.length
    }
    return file
  }

  /**
   * The bytes of {@link SparseIndex.toBytes} without a copy: one view a segment, not to be changed.
   * Written one after the other they are the file.
   */
  segmentBytes(): Uint8Array[] {
    return this.#segments.map(segment => segment.bytes())
  }

  /** Number of documents. */
  get size(): number {
    return this.#documents.size
  }

  /** Number of postings: the terms of all documents. */
  get numPostings(): number {
    return this.#segments.reduce((sum, { header }) => sum + header.numPostings, 0)
  }

  /** Number of different terms. */
  get numTerms(): number {
    return this.#segments[0]!.header.numTerms
  }

  /** How documents are compared with a query. */
  get metric(): Metric {
    return this.#segments[0]!.header.metric
  }

  /** How weights are stored. */
  get precision(): 'float32' | 'float16' {
    return this.#segments[0]!.header.precision
  }

  /** Whether WebAssembly searches, else TypeScript. */
  get isWasm(): boolean {
    return this.#segments[0]!.memory.kernel.isWasm
  }

  /** Number of segments: 1, but for very large indexes. */
  get numSegments(): number {
    return this.#segments.length
  }

  /** The notes given to `finish`. */
  get metadata(): SegmentMetadata {
    return this.#segments[0]!.metadata
  }

  /** All keys, in insertion order. */
  keys(): Generator<string, void, undefined> {
    return this.#documents.keys()
  }

  /** Whether a document has this key. */
  has(key: string): boolean {
    return this.#documents.has(key)
  }

  /** All documents in insertion order. */
  *entries(): Generator<[key: string, vector: SparseVector], void, undefined> {
    for (const segment of this.#segments) {
      for (let id = 0; id < segment.header.numDocuments; id++) {
        yield [segment.key(id), documentVector(segment, segment.docId(id))]
      }
    }
  }

  /**
   * The vector of one document, as it was added (rounded, where the precision is float16).
   *
   * @throws EsplanadeError `KEY_NOT_FOUND`
   */
  vectorOf(key: string): SparseVector {
    const { segment, docId } = this.#documents.locate(this.#documents.place(key))
    return documentVector(segment, docId)
  }

  /**
   * A set of documents for the `filter` of a search: those of the keys, or those whose key passes
   * the test.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND` when a given key is not in the index
   */
  documentSet(keys: Iterable<string> | ((key: string) => boolean)): DocumentSet {
    if (typeof keys !== 'function') {
      return new DocumentSet(
        this.size,
        Array.from(keys, key => this.#documents.place(key))
      )
    }
    const places: number[] = []
    let place = 0
    for (const key of this.keys()) {
      if (keys(key)) places.push(place)
      place++
    }
    return new DocumentSet(this.size, places)
  }

  /**
   * The best documents for a query. An empty query, and one whose terms the index lacks, has no
   * hits. Smallest and largest score of the result are found when they are asked for.
   *
   * @throws EsplanadeError `INVALID_VECTOR` on a query that breaks the contract of
   *   {@link SparseVector}; `INVALID_ARGUMENT` on an option; `KEY_NOT_FOUND` when the index lacks the
   *   key of `searchAfter`; `ABORTED` when the signal has fired
   */
  async search(query: SparseVector, options: SearchOptions = {}): Promise<SearchResult> {
    const selection = this.#selection(options)
    const lookedUp = this.#lookUp(query)
    const ranking = this.#searcher.search(lookedUp, selection)
    return this.#result(lookedUp, selection, ranking, options.searchAfter)
  }

  /**
   * The best documents for each of many queries, in their order; the same as searching one after the
   * other. With `threads` above 1 worker threads share the index's memory. They stay for the next
   * call; {@link SparseIndex.close} ends them, and they keep no program from ending.
   *
   * @throws EsplanadeError as {@link SparseIndex.search}; `ABORTED` when the signal fires on the way
   */
  async searchMany(
    queries: readonly SparseVector[],
    options: SearchManyOptions = {}
  ): Promise<SearchResult[]> {
    const { signal, onProgress } = options
    const numThreads = checkedThreads(options.threads)
    const selection = this.#selection(options)
    const lookedUp = queries.map((query, i) => this.#lookUp(query, `query ${i + 1}`))
    const inThreads = numThreads > 1 && this.#segments.every(({ memory }) => memory.shared)
    const rankings = inThreads
      ? await this.#threadsOf(numThreads).search(lookedUp, selection, signal, onProgress)
      : await this.#oneByOne(lookedUp, selection, signal, onProgress)
    return rankings.map((ranking, i) =>
      this.#result(lookedUp[i]!, selection, ranking, options.searchAfter)
    )
  }

  /** Ends the worker threads of {@link SparseIndex.searchMany}, if there are any. */
  async close(): Promise<void> {
    await this.#threads?.close()
    this.#threads = undefined
  }

  /**
   * Exact scores of these documents, in the order of the keys; 0 for one that matches no term.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  scoresOf(query: SparseVector, keys: readonly string[]): Float64Array {
    return this.#documents.scores(this.#lookUp(query), keys)
  }

  /**
   * What each term that query and document share adds to the document's score, by descending
   * product, then ascending term id.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  contributions(query: SparseVector, key: string): Contribution[] {
    const lookedUp = this.#lookUp(query)
    const { segment, docId } = this.#documents.locate(this.#documents.place(key))
    const record = documentRecord(segment, docId)
    return contributionsOf(lookedUp.terms, record, divisor(lookedUp, record, this.metric))
  }

  /**
   * Why a document scores as it does: the score, and as its leaves what each shared term adds to it.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  explain(query: SparseVector, key: string, options: ExplainOptions = {}): Explanation {
    const measure = this.metric === 'cosine' ? 'cosine' : 'dot product'
    return explainContributions(
      this.contributions(query, key),
      this.scoresOf(query, [key])[0]!,
      `${measure} of the query and document ${quoteKey(key)}`,
      options
    )
  }

  #lookUp(query: SparseVector, place = 'query'): LookedUpQuery {
    return this.#lookup.query(checkedVector(query, place))
  }

  #selection(options: SearchOptions): IndexSelection {
    const { k, minScore, filter, strategy, searchAfter } = checkedOptions(options, this.size)
    const after = searchAfter && {
      place: this.#documents.place(searchAfter.key),
      score: searchAfter.score
    }
    return { k, minScore, filter, strategy, after }
  }

  #result(
    query: LookedUpQuery,
    selection: IndexSelection,
    ranking: IndexRanking,
    searchAfter: Hit | undefined
  ): SearchResult {
    return new IndexResult(
      { documents: this.#documents, searcher: this.#searcher },
      { query, selection, ranking, searchAfter }
    )
  }

  async #oneByOne(
    queries: readonly LookedUpQuery[],
    selection: IndexSelection,
    signal: AbortSignal | undefined,
    onProgress: ((numDone: number) => void) | undefined
  ): Promise<IndexRanking[]> {
    const rankings: IndexRanking[] = []
    let pausedAt = performance.now()
    for (const query of queries) {
      rankings.push(this.#searcher.search(query, selection))
      if (performance.now() - pausedAt < PAUSE_MS) continue
      // Lets a signal fire.
      await new Promise(resolve => setTimeout(resolve, 0))
      checkSignal(signal)
      onProgress?.(rankings.length)
      pausedAt = performance.now()
    }
    onProgress?.(rankings.length)
    return rankings
  }

  #threadsOf(numThreads: number): SearchThreads {
    if (this.#threads?.numThreads !== numThreads) {
      void this.#threads?.retire()
      this.#threads = startThreads(this.#segments, numThreads)
    }
    return this.#threads
  }
}

/** The event loop gets a turn after so many milliseconds. */
const PAUSE_MS = 50
