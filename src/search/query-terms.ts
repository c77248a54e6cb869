import { binarySearch } from '../segment/binary-search.ts'
import { type DocumentRecord, recordNorm, weightIn } from '../segment/forward-index.ts'
import type { Metric } from '../vector/similarity.ts'
import { norm } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

/** A term of a query that occurs in the index. */
export interface QueryTerm {
  readonly termId: number
  /** Its place in the lexicon. */
  readonly termIndex: number
  /** Its weight in the query. */
  readonly weight: number
}

/** A query whose terms were looked up in a lexicon. */
export interface LookedUpQuery {
  /** The terms that the index knows, by ascending term id. */
  readonly terms: readonly QueryTerm[]
  /** Euclidean length of the whole query, unknown terms included. */
  readonly length: number
  /** Terms that the index lacks: they match nothing. */
  readonly numUnknownTerms: number
}

/** Looks a query up. The vector must have been checked. */
export function lookUp(lexicon: Uint32Array, query: SparseVector): LookedUpQuery {
  const terms: QueryTerm[] = []
  for (let i = 0; i < query.terms.length; i++) {
    const termId = query.terms[i]!
    const termIndex = binarySearch(lexicon, termId)
    if (termIndex >= 0) terms.push({ termId, termIndex, weight: query.weights[i]! })
  }
  const numUnknownTerms = query.terms.length - terms.length
  return { terms, length: norm(query), numUnknownTerms }
}

/**
 * Exact score of one document: the dot product, summed in float64 by ascending term id, and for
 * cosine divided by the product of both lengths.
 */
export function scoreOf(query: LookedUpQuery, record: DocumentRecord, metric: Metric): number {
  let sum = 0
  for (const { termIndex, weight } of query.terms) sum += weight * weightIn(record, termIndex)
  return sum === 0 ? 0 : sum / divisor(query, record, metric)
}

/** What a dot product is divided by: 1, or for cosine the product of both lengths. */
export function divisor(query: LookedUpQuery, record: DocumentRecord, metric: Metric): number {
  return metric === 'dot' ? 1 : query.length * recordNorm(record)
}
