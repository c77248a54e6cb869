import { CsrBuilder, rowOf } from './csr.mjs'

/**
 * Makes a larger collection of a real one: the documents themselves, then mixtures. A mixture is
 * made of two documents that share a strong term: 65 % of the terms of the one, 35 % of those of
 * the other, every weight times exp(N(0, 0.15)). So the skew of terms and weights, and the fact that
 * documents have topics, stay as they are in real vectors; uniform synthetic data have neither, and
 * make every engine look alike.
 */

const FIRST_SHARE = 0.65
const JITTER = 0.15
/** A term is strong in a document when it is among its heaviest. */
const NUM_STRONG = 5

/**
 * @param {import('./csr.mjs').Csr} real
 * @param {number} numDocuments of the collection to make
 * @param {number} seed
 * @returns {import('./csr.mjs').Csr}
 */
export function mixed(real, numDocuments, seed) {
  const random = randomFrom(seed)
  const numReal = real.offsets.length - 1
  const built = new CsrBuilder()
  for (let i = 0; i < Math.min(numReal, numDocuments); i++) {
    const { terms, weights } = rowOf(real, i)
    built.add(terms, weights)
  }
  const { strongTerms, documentsOf } = strongTermsOf(real)
  while (built.numRows < numDocuments) {
    const first = Math.floor(random() * numReal)
    const shared = strongTerms[first]
    if (shared.length === 0) continue
    const partners = documentsOf.get(shared[Math.floor(random() * shared.length)])
    const second = partners[Math.floor(random() * partners.length)]
    const { terms, weights } = mixture(rowOf(real, first), rowOf(real, second), random)
    if (terms.length > 0) built.add(terms, weights)
  }
  return built.finish()
}

function mixture(first, second, random) {
  const terms = []
  const weights = []
  const keep = (term, weight, share) => {
    if (random() >= share) return
    terms.push(term)
    weights.push(weight * Math.exp(JITTER * normal(random)))
  }
  let [i, j] = [0, 0]
  while (i < first.terms.length || j < second.terms.length) {
    const a = first.terms[i] ?? Number.POSITIVE_INFINITY
    const b = second.terms[j] ?? Number.POSITIVE_INFINITY
    if (a === b) {
      // Each of the two brings the term by its own chance; the stronger weight stays.
      const share = 1 - FIRST_SHARE * (1 - FIRST_SHARE)
      keep(a, Math.max(first.weights[i++], second.weights[j++]), share)
    } else if (a < b) keep(a, first.weights[i++], FIRST_SHARE)
    else keep(b, second.weights[j++], 1 - FIRST_SHARE)
  }
  return { terms, weights }
}

function strongTermsOf(real) {
  const strongTerms = []
  const documentsOf = new Map()
  for (let i = 0; i < real.offsets.length - 1; i++) {
    const { terms, weights } = rowOf(real, i)
    const heaviest = [...terms.keys()]
      .sort((a, b) => weights[b] - weights[a])
      .slice(0, NUM_STRONG)
      .map(at => terms[at])
    strongTerms.push(heaviest)
    for (const term of heaviest) {
      const documents = documentsOf.get(term)
      if (documents === undefined) documentsOf.set(term, [i])
      else documents.push(i)
    }
  }
  return { strongTerms, documentsOf }
}

/** Numbers in [0, 1): mulberry32, so that a seed gives the same collection everywhere. */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
