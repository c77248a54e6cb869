/**
 * Holm's correction: of many comparisons some look significant by chance alone. The smallest of m
 * p-values is multiplied by m, the next by m - 1 and so on, and none may become smaller than one
 * before it. What stays below α is then wrong anywhere with a probability of at most α, whatever the
 * comparisons have to do with each other.
 *
 * Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics
 * 6(2), 1979; for retrieval: Carterette, Multiple testing in statistical analysis of systems-based
 * information retrieval experiments, ACM TOIS 30(1), 2012.
 */

/**
 * The p-values of several comparisons, corrected for there being several.
 *
 * @param pValues of one family of comparisons, from 0 to 1
 * @returns `result[i]` belongs to `pValues[i]`, at most 1
 */
export function holm(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length)
  const ascending = pValues.map((pValue, i) => ({ pValue, i }))
  ascending.sort((a, b) => a.pValue - b.pValue)
  let largest = 0
  for (const [position, { pValue, i }] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, pValue * (pValues.length - position)))
    adjusted[i] = largest
  }
  return adjusted
}
