/**
 * TF-IDF in the form `lnc.ltc` of SMART: documents have 1 + ln(count), divided by the length of that
 * vector; queries (1 + ln(count)) · ln(N / df), which for ranking need not be divided. Source: Salton and
 * Buckley, "Term-weighting approaches in automatic text retrieval", IPM 1988; Manning, Raghavan, Schütze,
 * "Introduction to Information Retrieval", §6.4.3.
 *
 * @param counts - how often each term stands in a document, from 1
 * @returns the document's weights, in the order of the counts
 */
export function tfIdfWeights(counts: Iterable<number>): number[] {
  const weights = Array.from(counts, logCount)
  const length = Math.hypot(...weights)
  return weights.map(weight => weight / length)
}

/** What a query gives a term that stands in it so often; 0 for one that no document has. */
export function tfIdfOfQuery(
  count: number,
  numDocuments: number,
  documentFrequency: number
): number {
  return documentFrequency === 0 ? 0 : logCount(count) * Math.log(numDocuments / documentFrequency)
}

function logCount(count: number): number {
  return 1 + Math.log(count)
}
