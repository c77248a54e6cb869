import type { Segment } from '../segment/segment.ts'
import { norm } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { Ranking, Selection } from './collector.ts'
import { type Contribution, contributionsOf } from './contributions.ts'
import { documentNorms } from './cosine.ts'
import { exhaustive } from './exhaustive.ts'
import { dotProductWith, type QueryTerm, queryTerms } from './query-terms.ts'

/** A query whose terms were looked up in the lexicon of a segment. */
export interface SegmentQuery {
  /** The terms that the segment knows, by ascending term id. */
  readonly terms: readonly QueryTerm[]
  /** Euclidean length of the whole query, unknown terms included. */
  readonly length: number
  /** Terms that the segment lacks: they match nothing. */
  readonly numUnknownTerms: number
  /** Postings of the known terms. */
  readonly numPostings: number
}

/**
 * Scores the documents of one segment, by document id. It keeps what scoring needs besides the
 * segment and makes it when first needed: the sums of a search (8 bytes a document) and, for cosine,
 * the documents' lengths (8 more).
 */
export class SegmentScorer {
  readonly #segment: Segment
  /** A search never pauses while it uses the sums, so one array serves all searches. */
  #sums: Float64Array | undefined
  #norms: Float64Array | undefined

  constructor(segment: Segment) {
    this.#segment = segment
  }

  /** Looks a query up. The vector must have been checked. */
  query(vector: SparseVector): SegmentQuery {
    const { offsets } = this.#segment
    const terms = queryTerms(this.#segment, vector)
    return {
      terms,
      length: norm(vector),
      numUnknownTerms: vector.terms.length - terms.length,
      numPostings: terms.reduce((sum, { termIndex: t }) => sum + offsets[t + 1]! - offsets[t]!, 0)
    }
  }

  /** The best documents. */
  search(query: SegmentQuery, selection: Selection): Ranking {
    this.#sums ??= new Float64Array(this.#segment.keys.length)
    return exhaustive(this.#segment, query.terms, selection, this.#sums, this.#lengths(query))
  }

  /** Exact score of one document, the same number that a search gives it. */
  scoreOf(query: SegmentQuery, docId: number): number {
    const dot = dotProductWith(this.#segment, query.terms, docId)
    return dot === 0 ? 0 : dot / this.#divisor(query, docId)
  }

  /** What each shared term adds to the score of one document. */
  contributions(query: SegmentQuery, docId: number): Contribution[] {
    return contributionsOf(this.#segment, query.terms, docId, this.#divisor(query, docId))
  }

  #divisor(query: SegmentQuery, docId: number): number {
    const lengths = this.#lengths(query)
    return lengths === undefined ? 1 : lengths.query * lengths.documents[docId]!
  }

  #lengths(query: SegmentQuery): { query: number; documents: Float64Array } | undefined {
    if (this.#segment.metric === 'dot') return undefined
    this.#norms ??= documentNorms(this.#segment)
    return { query: query.length, documents: this.#norms }
  }
}
