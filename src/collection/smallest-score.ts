import { type DocumentBits, hasBit } from '../search/document-bits.ts'
import { type LookedUpQuery, scoreOf } from '../search/query-terms.ts'
import { documentRecord } from '../segment/forward-index.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { deltaFilter } from './entry-search.ts'
import type { DocumentScope, OpenSegment } from './open-segment.ts'
import type { View } from './view.ts'

/**
 * The smallest score of all documents of a scope, each by its best passage: what min-max calls 0. A
 * document that matches no term has the score 0; a scope without documents has 0, too.
 */
export function smallestScore(
  view: View,
  query: SparseVector,
  scope: DocumentScope,
  metric: Metric
): number {
  let smallest = Number.POSITIVE_INFINITY
  for (const { segment, live } of view.segments) {
    const bits = segment.bits(scope, live)
    if (bits?.size === 0) continue
    const { numEntries, numDocuments } = segment.record
    const own =
      numEntries === numDocuments
        ? segment.smallestScore(query, bits)
        : smallestOfPassages(segment, segment.lookUp(query), bits)
    smallest = Math.min(smallest, own)
    if (smallest === 0) return 0
  }
  const filter = deltaFilter(scope)
  for (const { delta, numEntries } of view.deltas) {
    if (numEntries === 0) continue
    const wanted = { numEntries, commit: view.commit, filter, metric }
    smallest = Math.min(smallest, delta.smallestScore(query, wanted))
    if (smallest === 0) return 0
  }
  return smallest === Number.POSITIVE_INFINITY ? 0 : smallest
}

/** The same of a segment some of whose documents have several passages; infinity where none counts. */
function smallestOfPassages(
  { segment, seqs: { seqs } }: OpenSegment,
  query: LookedUpQuery,
  bits: DocumentBits | undefined
): number {
  const { metric } = segment.header
  let smallest = Number.POSITIVE_INFINITY
  let entry = 0
  while (entry < seqs.length) {
    const seq = seqs[entry]!
    let best = Number.NEGATIVE_INFINITY
    for (; entry < seqs.length && seqs[entry] === seq; entry++) {
      const docId = segment.docId(entry)
      // All passages of a document count, or none.
      if (bits !== undefined && !hasBit(bits.bits, docId)) continue
      best = Math.max(best, scoreOf(query, documentRecord(segment, docId), metric))
    }
    if (best === 0) return 0
    if (best > Number.NEGATIVE_INFINITY) smallest = Math.min(smallest, best)
  }
  return smallest
}
