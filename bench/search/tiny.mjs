import { CsrBuilder } from './csr.mjs'
import { randomFrom } from './mix.mjs'

/**
 * Small made-up vectors, for a look at whether the benchmark itself works: terms are skewed and
 * documents have topics, as in real ones, yet a figure measured on them says nothing.
 */

const NUM_TERMS = 2000
const TOPIC_TERMS = 40
const NUM_TOPICS = 50
const QUERY_TERMS = { short: 6, long: 24, ed: 12 }
const DOCUMENT_TERMS = 30

/**
 * @param {number} numDocuments
 * @returns {import('./csr.mjs').Csr}
 */
export function tinyDocuments(numDocuments) {
  return vectors(numDocuments, DOCUMENT_TERMS, 1)
}

/**
 * @param {'short' | 'long' | 'ed'} kind
 * @returns {import('./csr.mjs').Csr}
 */
export function tinyQueries(kind) {
  return vectors(50, QUERY_TERMS[kind], 2)
}

function vectors(numRows, numTerms, seed) {
  const random = randomFrom(seed)
  const built = new CsrBuilder()
  while (built.numRows < numRows) {
    const topic = Math.floor(random() * NUM_TOPICS)
    const terms = new Set()
    while (terms.size < numTerms) terms.add(random() < 0.5 ? common(random) : near(topic, random))
    const ascending = [...terms].sort((a, b) => a - b)
    // Few different weights, so that equal scores occur.
    const weights = ascending.map(() => (1 + Math.floor(20 * random() ** 2)) / 8)
    built.add(ascending, weights)
  }
  return built.finish()
}

/** Low ids occur often. */
function common(random) {
  return Math.floor(NUM_TERMS * random() ** 4)
}

function near(topic, random) {
  return (topic * TOPIC_TERMS + Math.floor(TOPIC_TERMS * random() ** 2)) % NUM_TERMS
}
