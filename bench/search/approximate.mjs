const ALPHAS = [0.9, 0.8, 0.7, 0.6]
const GAMMAS = [1, 0.8, 0.7, 0.6]

/**
 * Settings of the approximate search that are tried with `--approximate`: few and even, not tuned to
 * any collection. Of the query all terms count, or as many as an average query has.
 *
 * @param {number} meanTerms of a query
 */
export function approximateSettings(meanTerms) {
  const queryTerms = Math.max(8, 8 * Math.floor(meanTerms / 8))
  const all = GAMMAS.flatMap(gamma => ALPHAS.map(alpha => ({ name: 'approximate', alpha, gamma })))
  const cut = ALPHAS.map(alpha => ({ name: 'approximate', alpha, gamma: 1, queryTerms }))
  return [...all, ...cut]
}

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
