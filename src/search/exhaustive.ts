import { documentRecord } from '../segment/forward-index.ts'
import type { Segment } from '../segment/segment.ts'
import { Collector, type Ranking, type Selection } from './collector.ts'
import { hasBit } from './document-bits.ts'
import { divisor, type LookedUpQuery } from './query-terms.ts'

/**
 * Scores every document of a segment, document at a time. This is the oracle: it defines what an
 * exact search finds, and every other strategy is tested against it. It is kept simple and is never
 * removed.
 *
 * A score is the sum in float64, by ascending term id, of the products of the stored weights (exact
 * in float64); for cosine it is then divided by the product of the two lengths. A document that
 * matches no term is not a hit. Products of positive float32 numbers never underflow in float64, so
 * a sum above zero is what tells a document that matches.
 *
 * @param selection - which documents are wanted
 */
export function exhaustive(segment: Segment, query: LookedUpQuery, selection: Selection): Ranking {
  const { metric, numTerms, numDocuments } = segment.header
  const queryWeights = new Float64Array(numTerms)
  for (const { termIndex, weight } of query.terms) queryWeights[termIndex] = weight
  const { filter } = selection
  const collector = new Collector(selection)
  for (let docId = 0; docId < numDocuments; docId++) {
    if (filter !== undefined && !hasBit(filter.bits, docId)) continue
    const record = documentRecord(segment, docId)
    let sum = 0
    for (let i = 0; i < record.numTerms; i++) {
      const queryWeight = queryWeights[record.termIndexes[i]!]!
      if (queryWeight > 0) sum += queryWeight * record.weight(i)
    }
    if (sum > 0) collector.collect(segment.insertionId(docId), sum / divisor(query, record, metric))
  }
  return collector.finish()
}
