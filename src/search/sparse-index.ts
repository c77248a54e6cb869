import { EsplanadeError } from '../errors.ts'
import { documentVector, documentVectors } from '../segment/forward.ts'
import { quoteKey } from '../segment/key.ts'
import { copyMetadata } from '../segment/metadata.ts'
import type { Segment, SegmentMetadata } from '../segment/segment.ts'
import { SegmentBuilder } from '../segment/segment-builder.ts'
import { readSegment } from '../segment/segment-reader.ts'
import { writeSegment } from '../segment/segment-writer.ts'
import type { Explanation } from '../vector/explanation.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { type Contribution, type ExplainOptions, explainContributions } from './contributions.ts'
import { DocumentSet } from './document-set.ts'
import {
  checkedOptions,
  checkedVector,
  type SearchOptions,
  type SearchResult
} from './search-options.ts'
import { type SegmentQuery, SegmentScorer } from './segment-scorer.ts'

/** Options of {@link SparseIndexBuilder.finish}. */
export interface FinishOptions {
  /** How documents are compared with a query (default `'dot'`). */
  readonly metric?: Metric | undefined
  /** Notes of yours that are kept in the index, anything that JSON can hold (default `{}`). */
  readonly metadata?: SegmentMetadata | undefined
}

/**
 * Collects keyed sparse vectors and makes a {@link SparseIndex} of them. It holds 8 bytes a posting,
 * 16 while it finishes.
 *
 * ```ts
 * const builder = new SparseIndexBuilder()
 * builder.add('a', sparseVector([3, 17], [0.5, 1.25]))
 * const index = await builder.finish()
 * ```
 */
export class SparseIndexBuilder {
  #segment: SegmentBuilder | undefined = new SegmentBuilder()

  /** Documents added so far. */
  get size(): number {
    return this.#open().numDocuments
  }

  /** Postings added so far: the terms of all documents. */
  get numPostings(): number {
    return this.#open().numPostings
  }

  /**
   * Adds a document; the vector is checked and copied. An empty vector is valid: its document
   * matches nothing. A document that is refused leaves the builder as it was.
   *
   * @param key - any well-formed string that is not empty and was not added before
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY`, `INVALID_VECTOR`; `INVALID_ARGUMENT`
   *   after `finish`, or when the index is full (2^24 documents, 2^32 − 1 postings)
   */
  add(key: string, vector: SparseVector): void {
    const place = typeof key === 'string' ? `document ${quoteKey(key)}` : 'document'
    this.#open().add(key, checkedVector(vector, place))
  }

  /**
   * Makes the index. The builder cannot be used afterwards.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` on an unknown metric, metadata that JSON cannot hold,
   *   or a second call
   */
  async finish(options: FinishOptions = {}): Promise<SparseIndex> {
    const { metric = 'dot', metadata = {} } = options
    if (metric !== 'dot' && metric !== 'cosine') {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'metric',
        problem: `given ${String(metric)}`,
        expected: "'dot' or 'cosine'"
      })
    }
    const segment = this.#open().finish(metric, copyMetadata(metadata))
    this.#segment = undefined
    return new SparseIndex(segment)
  }

  #open(): SegmentBuilder {
    if (this.#segment !== undefined) return this.#segment
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'this builder has finished its index',
      expected: 'a builder that is still open',
      remedy: 'Make a new SparseIndexBuilder'
    })
  }
}

/**
 * An immutable index of sparse vectors in memory, searched exactly.
 *
 * A score is the dot product of the float32 weights, summed in float64 by ascending term id, or the
 * cosine made of it. Hits are ordered by score descending, then by the order in which documents were
 * added; a document that matches no term of the query is never a hit. Made by
 * `SparseIndexBuilder.finish` or {@link SparseIndex.fromBytes}.
 */
export class SparseIndex {
  readonly #segment: Segment
  readonly #docIdOf: ReadonlyMap<string, number>
  readonly #scorer: SegmentScorer

  /** @internal */
  constructor(segment: Segment) {
    this.#segment = segment
    this.#docIdOf = new Map(segment.keys.map((key, docId) => [key, docId]))
    this.#scorer = new SegmentScorer(segment)
  }

  /**
   * Opens what {@link SparseIndex.toBytes} gave. All checksums and values are validated. The index
   * keeps views of the bytes, so they must not be changed afterwards.
   *
   * @param place - what to call the bytes in an error message, for instance the file's path
   * @throws EsplanadeError `INDEX_CORRUPT` when the bytes are not an index, cut short or changed;
   *   `INDEX_VERSION` when they are of another format version
   */
  static fromBytes(bytes: Uint8Array, place?: string): SparseIndex {
    return new SparseIndex(readSegment(bytes, place))
  }

  /** The index as one self-describing file; the same index always gives the same bytes. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return writeSegment(this.#segment)
  }

  /** Number of documents. */
  get size(): number {
    return this.#segment.keys.length
  }

  /** Number of postings: the terms of all documents. */
  get numPostings(): number {
    return this.#segment.docIds.length
  }

  /** Number of different terms. */
  get numTerms(): number {
    return this.#segment.lexicon.length
  }

  /** How documents are compared with a query. */
  get metric(): Metric {
    return this.#segment.metric
  }

  /** The notes given to `finish`. */
  get metadata(): SegmentMetadata {
    return this.#segment.metadata
  }

  /** All keys, in insertion order. */
  keys(): IterableIterator<string> {
    return this.#segment.keys.values()
  }

  /** Whether a document has this key. */
  has(key: string): boolean {
    return this.#docIdOf.has(key)
  }

  /** All documents in insertion order; reads each posting once, with little memory. */
  *entries(): Generator<[key: string, vector: SparseVector], void, undefined> {
    let docId = 0
    for (const vector of documentVectors(this.#segment)) {
      yield [this.#segment.keys[docId++]!, vector]
    }
  }

  /**
   * The vector of one document, as it was added. It looks into every posting list, which takes
   * milliseconds; use {@link SparseIndex.entries} to read many.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND`
   */
  vectorOf(key: string): SparseVector {
    return documentVector(this.#segment, this.#docId(key))
  }

  /**
   * A set of documents for the `filter` of a search: those of the keys, or those whose key passes
   * the test.
   *
   * @throws EsplanadeError `KEY_NOT_FOUND` when a given key is not in the index
   */
  documentSet(keys: Iterable<string> | ((key: string) => boolean)): DocumentSet {
    const chosen = typeof keys === 'function' ? this.#segment.keys.filter(key => keys(key)) : keys
    return new DocumentSet(
      this.size,
      Array.from(chosen, key => this.#docId(key))
    )
  }

  /**
   * The best documents for a query. An empty query, and one whose terms the index lacks, has no
   * hits.
   *
   * @throws EsplanadeError `INVALID_VECTOR` on a query that breaks the contract of
   *   {@link SparseVector}; `INVALID_ARGUMENT` on an option; `KEY_NOT_FOUND` when the index lacks the
   *   key of `searchAfter`; `ABORTED` when the signal has fired
   */
  async search(query: SparseVector, options: SearchOptions = {}): Promise<SearchResult> {
    const { k, filter, minScore, searchAfter } = checkedOptions(options, this.size)
    const after = searchAfter && { docId: this.#docId(searchAfter.key), score: searchAfter.score }
    const lookedUp = this.#query(query)
    const found = this.#scorer.search(lookedUp, { k, filter, minScore, after })
    const ranksBefore = searchAfter?.rank ?? 0
    return {
      hits: Array.from(found.docIds, (docId, i) => ({
        key: this.#segment.keys[docId]!,
        score: found.scores[i]!,
        rank: ranksBefore + i + 1
      })),
      min: found.min,
      max: found.max,
      rankSafe: true,
      stats: {
        strategy: 'exhaustive',
        numQueryTerms: lookedUp.terms.length,
        numUnknownTerms: lookedUp.numUnknownTerms,
        numPostings: lookedUp.numPostings,
        numScored: found.numScored
      },
      scoresOf: keys => this.#scores(lookedUp, keys)
    }
  }

  /**
   * Exact scores of these documents, in the order of the keys; 0 for one that matches no term.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  scoresOf(query: SparseVector, keys: readonly string[]): Float64Array {
    return this.#scores(this.#query(query), keys)
  }

  /**
   * What each term that query and document share adds to the document's score, by descending
   * product, then ascending term id.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  contributions(query: SparseVector, key: string): Contribution[] {
    return this.#scorer.contributions(this.#query(query), this.#docId(key))
  }

  /**
   * Why a document scores as it does: the score, and as its leaves what each shared term adds to it.
   *
   * @throws EsplanadeError `INVALID_VECTOR`, `KEY_NOT_FOUND`
   */
  explain(query: SparseVector, key: string, options: ExplainOptions = {}): Explanation {
    const docId = this.#docId(key)
    const lookedUp = this.#query(query)
    const measure = this.metric === 'cosine' ? 'cosine' : 'dot product'
    return explainContributions(
      this.#scorer.contributions(lookedUp, docId),
      this.#scorer.scoreOf(lookedUp, docId),
      `${measure} of the query and document ${quoteKey(key)}`,
      options
    )
  }

  #query(vector: SparseVector): SegmentQuery {
    return this.#scorer.query(checkedVector(vector, 'query'))
  }

  #scores(query: SegmentQuery, keys: readonly string[]): Float64Array {
    return Float64Array.from(keys, key => this.#scorer.scoreOf(query, this.#docId(key)))
  }

  #docId(key: string): number {
    const docId = this.#docIdOf.get(key)
    if (docId !== undefined) return docId
    throw new EsplanadeError('KEY_NOT_FOUND', {
      problem: `no document has the key ${quoteKey(String(key))}`,
      expected: `one of the ${this.size} keys of the index`
    })
  }
}
