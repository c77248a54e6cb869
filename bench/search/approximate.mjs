/**
 * Settings of the approximate search that are tried with `--approximate`: small and even, not tuned
 * to any collection. `queryTerms` keeps that many of the query's heaviest terms, `alpha` below 1
 * makes the bounds tighter than is safe.
 */
const ALPHAS = [1, 0.9, 0.8, 0.7, 0.6]
const QUERY_TERMS = [undefined, 12, 8, 6]

/** Every setting that gives something up. */
export const approximateSettings = QUERY_TERMS.flatMap(queryTerms =>
  ALPHAS.map(alpha => ({ name: 'approximate', alpha, queryTerms }))
).filter(({ alpha, queryTerms }) => alpha < 1 || queryTerms !== undefined)

/**
 * What a row calls a strategy.
 *
 * @param {string | Record<string, unknown>} strategy
 */
export function nameOf(strategy) {
  if (typeof strategy === 'string') return strategy
  const { name, ...settings } = strategy
  const parts = Object.entries(settings).filter(([, value]) => value !== undefined)
  return [name, ...parts.map(([key, value]) => `${key} ${value}`)].join(' ')
}

/**
 * The fastest approximate row whose overlap is high enough.
 *
 * @template {{ settings?: unknown, overlap: number, p50Ms: number }} Row
 * @param {readonly Row[]} rows
 * @param {number} overlap
 * @returns {Row | undefined}
 */
export function fastestOf(rows, overlap) {
  return rows
    .filter(row => row.settings !== undefined && row.overlap >= overlap)
    .sort((a, b) => a.p50Ms - b.p50Ms || b.overlap - a.overlap)[0]
}
