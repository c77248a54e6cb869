import type { Segment } from '../segment/segment.ts'
import { Collector, type Ranking, type Selection } from './collector.ts'
import type { QueryTerm } from './query-terms.ts'

/** Below this share of the documents, walking the posting lists again beats walking all sums. */
const FEW_POSTINGS = 1 / 4

/**
 * Scores every document that matches the query, term at a time. This is the oracle: it defines what
 * an exact search finds, and every other strategy is tested against it. It is kept simple and is
 * never removed.
 *
 * A score is the sum in float64, by ascending term id, of the products of the float32 weights (exact
 * in float64); for cosine it is then divided by the product of the two lengths. A document that
 * matches no term is not a hit. Products of positive float32 numbers never underflow in float64, so
 * a sum above zero is what tells a document that matches.
 *
 * @param terms - the query's terms by ascending term id
 * @param selection - which documents are wanted
 * @param sums - scratch, one number a document, all zero; all zero again on return
 * @param lengths - for cosine: the query's length and those of the documents
 */
export function exhaustive(
  segment: Segment,
  terms: readonly QueryTerm[],
  selection: Selection,
  sums: Float64Array,
  lengths?: { readonly query: number; readonly documents: Float64Array }
): Ranking {
  const { offsets, docIds } = segment
  const numDocuments = segment.keys.length
  let numPostings = 0
  for (const { termIndex, weight } of terms) {
    accumulate(segment, termIndex, weight, sums)
    numPostings += offsets[termIndex + 1]! - offsets[termIndex]!
  }

  const collector = new Collector(selection, numDocuments)
  const collect = (docId: number): void => {
    const sum = sums[docId]!
    if (sum === 0) return
    sums[docId] = 0
    collector.collect(
      docId,
      lengths === undefined ? sum : sum / (lengths.query * lengths.documents[docId]!)
    )
  }
  if (numPostings < FEW_POSTINGS * numDocuments) {
    for (const { termIndex } of terms) {
      const end = offsets[termIndex + 1]!
      for (let i = offsets[termIndex]!; i < end; i++) collect(docIds[i]!)
    }
  } else {
    for (let docId = 0; docId < numDocuments; docId++) collect(docId)
  }
  return collector.finish()
}

/** Adds a term's part to the sum of every document that contains it. */
function accumulate(
  segment: Segment,
  termIndex: number,
  queryWeight: number,
  sums: Float64Array
): void {
  const { docIds, weights } = segment
  const end = segment.offsets[termIndex + 1]!
  for (let i = segment.offsets[termIndex]!; i < end; i++) {
    sums[docIds[i]!]! += queryWeight * weights[i]!
  }
}
