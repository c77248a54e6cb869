/**
 * Whether a fast answer is the right one. Nothing is timed before it is.
 */

/** Queries for which the exhaustive search is asked too. */
const NUM_SAMPLED = 32

/**
 * Compares the hits of a strategy that claims to be exact with those of the exhaustive one, on
 * queries at even distances: the same keys in the same order with the same scores.
 *
 * @param {{ search: (query: any, options: any) => Promise<any> }} index
 * @param {readonly any[]} queries
 * @param {any} strategy
 * @param {number} k
 * @returns {Promise<number>} how many queries were compared; 0 for an approximate strategy
 */
export async function checkAgreement(index, queries, strategy, k) {
  if (isApproximate(strategy)) return 0
  const count = Math.min(NUM_SAMPLED, queries.length)
  for (let i = 0; i < count; i++) {
    const at = Math.floor((i * queries.length) / count)
    const expected = await index.search(queries[at], { k, strategy: 'exhaustive' })
    const found = await index.search(queries[at], { k, strategy })
    const problem = found.rankSafe
      ? differenceOf(found.hits, expected.hits)
      : 'the result says that it is not rank-safe'
    if (problem !== undefined) {
      throw new Error(`${strategy} disagrees with exhaustive on query ${at}: ${problem}`)
    }
  }
  return count
}

/** @param {unknown} strategy */
export function isApproximate(strategy) {
  return typeof strategy === 'object'
}

/**
 * The first place where two rankings differ.
 *
 * @param {readonly { key: string, score: number }[]} found
 * @param {readonly { key: string, score: number }[]} expected
 * @returns {string | undefined}
 */
export function differenceOf(found, expected) {
  const show = hit => (hit === undefined ? 'nothing' : `document ${hit.key} with ${hit.score}`)
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    if (found[i]?.key === expected[i]?.key && found[i]?.score === expected[i]?.score) continue
    return `rank ${i + 1} is ${show(found[i])}, not ${show(expected[i])}`
  }
  return undefined
}

/**
 * The part of the true hits that were found, over all queries that have any.
 *
 * @param {readonly (readonly number[])[]} found document numbers of each query
 * @param {readonly ArrayLike<number>[]} truth
 */
export function overlapOf(found, truth) {
  let sum = 0
  let numQueries = 0
  truth.forEach((documents, query) => {
    if (documents.length === 0) return
    const right = new Set(found[query])
    sum += Array.from(documents).filter(docId => right.has(docId)).length / documents.length
    numQueries++
  })
  return numQueries === 0 ? 1 : sum / numQueries
}
