import { binarySearch } from '../segment/binary-search.ts'
import { weightIn } from '../segment/forward.ts'
import type { Segment } from '../segment/segment.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

/** A term of a query that occurs in the index. */
export interface QueryTerm {
  readonly termId: number
  /** Its place in the lexicon. */
  readonly termIndex: number
  /** Its weight in the query. */
  readonly weight: number
}

/** The query's terms that occur in the index, by ascending term id; the others match nothing. */
export function queryTerms(segment: Segment, query: SparseVector): QueryTerm[] {
  const found: QueryTerm[] = []
  for (let i = 0; i < query.terms.length; i++) {
    const termId = query.terms[i]!
    const termIndex = binarySearch(segment.lexicon, termId)
    if (termIndex >= 0) found.push({ termId, termIndex, weight: query.weights[i]! })
  }
  return found
}

/** Exact dot product of the query with one document: summed in float64 by ascending term id. */
export function dotProductWith(
  segment: Segment,
  terms: readonly QueryTerm[],
  docId: number
): number {
  let sum = 0
  for (const { termIndex, weight } of terms) sum += weight * weightIn(segment, termIndex, docId)
  return sum
}
