import type { View } from './view.ts'

/**
 * How rare terms are in a collection, for queries without a model: of N vectors those that hold a
 * term are df, and
 *
 *     idf = ln(1 + (N − df + 0.5) / (df + 0.5))
 *
 * as in Lucene's BM25, which keeps the probabilistic idf of Robertson and Spärck Jones above zero.
 *
 * What is counted are entries, one a passage, of all namespaces, those of documents that were replaced
 * or deleted included until a merge drops them: segments know each term's number of postings, so a
 * query costs a look at its own terms and nothing is kept.
 *
 * @param termIds - distinct term ids
 * @returns the idf of each
 */
export function inverseDocumentFrequencies(view: View, termIds: Uint32Array): Float32Array {
  const frequencies = documentFrequencies(view, termIds)
  const { numEntries } = view
  return Float32Array.from(frequencies, df => Math.log1p((numEntries - df + 0.5) / (df + 0.5)))
}

/** Entries of a view that hold each of some distinct terms. */
export function documentFrequencies({ segments, deltas }: View, termIds: Uint32Array): Uint32Array {
  const sums = new Uint32Array(termIds.length)
  for (const { segment } of segments) {
    for (let i = 0; i < termIds.length; i++) sums[i]! += segment.documentFrequency(termIds[i]!)
  }
  for (const { delta, numEntries } of deltas) {
    const counts = delta.documentFrequencies(termIds, numEntries)
    for (let i = 0; i < termIds.length; i++) sums[i]! += counts[i]!
  }
  return sums
}
