import { EsplanadeError } from '../errors.ts'
import type { KernelChoice } from '../kernel/kernel-memory.ts'
import { decodeKey, decodeKeys, quoteKey } from '../segment/keys.ts'
import type { SegmentMetadata } from '../segment/segment.ts'
import {
  checkedDenseVector,
  type DenseMetric,
  type DenseVector,
  refuseZero
} from '../vector/dense-vector.ts'
import type { RankedList } from '../vector/hit.ts'
import type { Selection } from './collector.ts'
import type { DensePrecision } from './dense-format.ts'
import { readDenseRows } from './dense-reader.ts'
import type { DenseRows } from './dense-rows.ts'
import { DocumentSet } from './document-set.ts'
import { type DenseRanking, FlatScan } from './flat-scan.ts'
import { checkedOptions, type SearchOptions } from './search-options.ts'

/** Options of {@link DenseIndex.search}. */
export type DenseSearchOptions = Omit<SearchOptions, 'strategy'>

/** What {@link DenseIndex.search} returns. */
export interface DenseSearchResult extends RankedList {
  readonly stats: {
    /** Documents that pass the filter: all of them are looked at. */
    readonly numScanned: number
    /** Documents whose float32 numbers were read. */
    readonly numScored: number
  }
}

/**
 * An immutable index of dense vectors in memory, searched exactly: every vector is looked at.
 *
 * A score is that of the float32 numbers, summed in float64: the cosine, the dot product, or the
 * euclidean distance below zero. Every document that passes the filter is a hit if k allows; hits are
 * ordered by score descending, then by the order in which documents were added. Made by
 * `DenseIndexBuilder.finish` or {@link DenseIndex.fromBytes}.
 */
export class DenseIndex {
  readonly #rows: DenseRows
  readonly #scan: FlatScan
  #placeOf: ReadonlyMap<string, number> | undefined

  /** @internal */
  constructor(rows: DenseRows) {
    this.#rows = rows
    this.#scan = new FlatScan(rows)
  }

  /**
   * Opens what {@link DenseIndex.toBytes} gave: one copy into the memory that is searched. All checksums
   * are validated.
   *
   * @param place - what to call the bytes in an error message, for instance the file's path
   * @throws EsplanadeError `INDEX_CORRUPT` when the bytes are not an index, cut short or changed;
   *   `INDEX_VERSION` when they are of another format version
   */
  static fromBytes(bytes: Uint8Array, place?: string, kernel?: KernelChoice): DenseIndex {
    return new DenseIndex(readDenseRows(bytes, place, kernel))
  }

  /** The index as one self-describing file; the same index always gives the same bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#rows.bytes())
  }

  /** Number of documents. */
  get size(): number {
    return this.#rows.header.numVectors
  }

  /** Numbers of each vector. */
  get dimensions(): number {
    return this.#rows.header.dimensions
  }

  /** How documents are compared with a query. */
  get metric(): DenseMetric {
    return this.#rows.header.metric
  }

  /** What is scanned; scores are those of float32 in any case. */
  get precision(): DensePrecision {
    return this.#rows.header.precision
  }

  /** Whether WebAssembly searches, else TypeScript. */
  get isWasm(): boolean {
    return this.#rows.memory.kernel.isWasm
  }

  /** The notes given to `finish`. */
  get metadata(): SegmentMetadata {
    return this.#rows.metadata
  }

  /** All keys, in insertion order. */
  *keys(): Generator<string, void, undefined> {
    const { keyOffsets, keys } = this.#rows
    for (let id = 0; id < this.size; id++) yield decodeKey(keyOffsets, keys, id)
  }

  /** Whether a document has this key. */
  has(key: string): boolean {
    return this.#places().has(key)
  }

  /** The vector of one document, as it was added. @throws EsplanadeError `KEY_NOT_FOUND` */
  vectorOf(key: string): DenseVector {
    return this.#rows.vector(this.#place(key)).slice()
  }

  /**
   * A set of documents for the `filter` of a search: those of the keys, or those whose key passes the
   * test.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND` when a given key is not in the index
   */
  documentSet(keys: Iterable<string> | ((key: string) => boolean)): DocumentSet {
    if (typeof keys !== 'function') {
      return new DocumentSet(
        this.size,
        Array.from(keys, key => this.#place(key))
      )
    }
    const passing = [...this.keys()].flatMap((key, place) => (keys(key) ? [place] : []))
    return new DocumentSet(this.size, passing)
  }

  /**
   * The best documents for a query, with smallest and largest score of all that pass the filter.
   *
   * @throws EsplanadeError `INVALID_VECTOR` on a query of other dimensions, with numbers that are not
   *   finite, or all 0 under cosine; `INVALID_ARGUMENT` on an option; `KEY_NOT_FOUND` when the index
   *   lacks the key of `searchAfter`; `ABORTED` when the signal has fired
   */
  async search(
    query: ArrayLike<number>,
    options: DenseSearchOptions = {}
  ): Promise<DenseSearchResult> {
    const { result } = this.searchBy(query, options, (vector, wanted) => this.rank(vector, wanted))
    return result
  }

  /**
   * {@link DenseIndex.search} with another way to find documents by place.
   *
   * @internal
   */
  searchBy<R extends DenseRanking>(
    query: ArrayLike<number>,
    options: DenseSearchOptions,
    rank: (query: DenseVector, selection: Selection) => R
  ): { ranking: R; result: DenseSearchResult } {
    const { searchAfter, ...selection } = checkedOptions(options, this.size)
    const vector = this.#checked(query)
    const after = searchAfter && { id: this.#place(searchAfter.key), score: searchAfter.score }
    const ranking = rank(vector, { ...selection, after })
    const keys = decodeKeys(this.#rows.keyOffsets, this.#rows.keys, ranking.ids)
    const firstRank = (searchAfter?.rank ?? 0) + 1
    // The caller may change the vector before it asks for more scores.
    const kept = vector.slice()
    const result: DenseSearchResult = {
      hits: keys.map((key, i) => ({ key, score: ranking.scores[i]!, rank: firstRank + i })),
      min: ranking.min,
      max: ranking.max,
      stats: { numScanned: ranking.numScanned, numScored: ranking.numScored },
      scoresOf: wanted => this.#scores(kept, wanted)
    }
    return { ranking, result }
  }

  /**
   * Exact scores of these documents, in the order of the keys.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  scoresOf(query: ArrayLike<number>, keys: readonly string[]): Float64Array {
    return this.#scores(this.#checked(query), keys)
  }

  /**
   * The best documents by place, for whoever has keys of its own.
   *
   * @internal
   * @param query - checked by {@link checkedDenseVector}; not all 0 under cosine
   */
  rank(query: DenseVector, selection: Selection): DenseRanking {
    return this.#scan.search(query, selection)
  }

  /**
   * The vectors in their memory, not to be changed.
   *
   * @internal
   */
  get rows(): DenseRows {
    return this.#rows
  }

  /** @internal */
  get scan(): FlatScan {
    return this.#scan
  }

  #scores(query: DenseVector, keys: readonly string[]): Float64Array {
    return this.#scan.scores(
      query,
      Uint32Array.from(keys, key => this.#place(key))
    )
  }

  #checked(query: ArrayLike<number>): DenseVector {
    const vector = checkedDenseVector(query, this.dimensions, 'query')
    refuseZero(this.metric === 'cosine' && vector.every(value => value === 0), 'query')
    return vector
  }

  #place(key: string): number {
    const place = this.#places().get(key)
    if (place !== undefined) return place
    throw new EsplanadeError('KEY_NOT_FOUND', {
      problem: `no document has the key ${quoteKey(String(key))}`,
      expected: `one of the ${this.size} keys of the index`
    })
  }

  #places(): ReadonlyMap<string, number> {
    this.#placeOf ??= new Map(Array.from(this.keys(), (key, place) => [key, place]))
    return this.#placeOf
  }
}
