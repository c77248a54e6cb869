import { EsplanadeError } from '../errors.ts'

/**
 * A text in the space of a model's vocabulary: only the terms with a weight above zero are kept.
 *
 * The two arrays have the same length. An empty vector is valid: it is what an empty text may
 * become, and it matches nothing.
 */
export interface SparseVector {
  /** Term ids, strictly ascending. */
  readonly terms: Uint32Array
  /** `weights[i]` belongs to `terms[i]`; finite and above zero. */
  readonly weights: Float32Array
}

/** The vector of a text without any term: no query finds it. */
export const NO_TERMS: SparseVector = { terms: new Uint32Array(0), weights: new Float32Array(0) }

/** The largest term id: ids are unsigned 32-bit integers. */
export const MAX_TERM_ID = 0xffff_ffff

function refuse(place: string | undefined, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_VECTOR', {
    place,
    problem,
    expected,
    remedy: 'Sort by term id, merge duplicates and leave out terms without a positive weight'
  })
}

/**
 * Makes a {@link SparseVector} from term ids and weights, checking the contract.
 *
 * @param terms - term ids, strictly ascending integers from 0 to 2^32 − 1
 * @param weights - one for each term; finite and above zero after rounding to float32
 * @param place - what to call the vector in an error message, for instance `corpus.jsonl:7`
 * @throws EsplanadeError `INVALID_VECTOR`
 */
export function sparseVector(
  terms: ArrayLike<number>,
  weights: ArrayLike<number>,
  place?: string
): SparseVector {
  checkSparseVector(terms, weights, place)
  return { terms: new Uint32Array(terms), weights: new Float32Array(weights) }
}

/** Checks the contract of {@link SparseVector}. @throws EsplanadeError `INVALID_VECTOR` */
export function checkSparseVector(
  terms: ArrayLike<number>,
  weights: ArrayLike<number>,
  place?: string
): void {
  const length = terms.length
  if (weights.length !== length) {
    refuse(place, `${length} term ids but ${weights.length} weights`, 'as many weights as term ids')
  }
  let previous = -1
  for (let i = 0; i < length; i++) {
    const term = terms[i]!
    if (!Number.isInteger(term) || term < 0 || term > MAX_TERM_ID) {
      refuse(place, `term id ${term} at position ${i}`, 'an integer from 0 to 2^32 − 1')
    }
    if (term <= previous) {
      const what = term === previous ? 'a duplicate' : 'unsorted'
      refuse(place, `term id ${term} at position ${i} is ${what}`, 'strictly ascending term ids')
    }
    previous = term
    const weight = typeof weights[i] === 'number' ? Math.fround(weights[i]!) : Number.NaN
    if (!(weight > 0) || weight === Number.POSITIVE_INFINITY) {
      refuse(place, `weight ${weights[i]} of term ${term}`, 'a finite float32 above zero')
    }
  }
}

/**
 * Makes a {@link SparseVector} from `[term id, weight]` pairs in any order.
 *
 * @throws EsplanadeError `INVALID_VECTOR` on a duplicate id or a weight that is not above zero
 */
export function sparseVectorFromEntries(
  entries: Iterable<readonly [termId: number, weight: number]>,
  place?: string
): SparseVector {
  const sorted = [...entries].sort(([a], [b]) => a - b)
  return sparseVector(
    sorted.map(([term]) => term),
    sorted.map(([, weight]) => weight),
    place
  )
}

function refuseOption(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem: `given ${given}`, expected })
}

/**
 * Static pruning: how much of a vector is kept. Each limit keeps a number of the heaviest terms (on
 * equal weight the smaller term id first), so several keep what the strictest one does. Default: all.
 */
export interface Pruning {
  /** Keeps so many terms. */
  readonly topTokens?: number | undefined
  /** Keeps terms of at least this weight, which is rounded to float32 as the weights are. */
  readonly minWeight?: number | undefined
  /**
   * Keeps the fewest terms that hold this share of the vector's mass, the sum of its weights (its L1
   * norm), above 0, at most 1: the α-mass subvector of Bruch et al., "Efficient Inverted Indexes for
   * Approximate Retrieval over Learned Sparse Representations" (SIGIR 2024, arXiv:2404.18812), where
   * it ends with the term that reaches the share. 1 keeps all.
   */
  readonly pruneMass?: number | undefined
}

/** The limits among other settings. */
export function pruningOf({ topTokens, minWeight, pruneMass }: Pruning): Pruning {
  return { topTokens, minWeight, pruneMass }
}

/**
 * @throws EsplanadeError `INVALID_ARGUMENT` when `topTokens` is not a whole number from 0 (or
 *   infinity), `minWeight` is negative or NaN, or `pruneMass` is not above 0 and at most 1
 */
export function checkPruning(pruning: Pruning): void {
  const { topTokens = 0, minWeight = 0, pruneMass = 1 } = pruning
  if (!(topTokens >= 0) || (Number.isFinite(topTokens) && !Number.isInteger(topTokens))) {
    refuseOption('topTokens', topTokens, 'a whole number from 0')
  }
  if (!(minWeight >= 0)) refuseOption('minWeight', minWeight, 'a number from 0')
  if (!(pruneMass > 0 && pruneMass <= 1)) {
    refuseOption('pruneMass', pruneMass, 'a number above 0, at most 1')
  }
}

/**
 * Prunes a vector; where nothing is to go, the vector itself is returned.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` as {@link checkPruning}
 */
export function pruneVector(vector: SparseVector, pruning: Pruning): SparseVector {
  checkPruning(pruning)
  const { topTokens = Number.POSITIVE_INFINITY, pruneMass = 1 } = pruning
  const minWeight = Math.fround(pruning.minWeight ?? 0)
  const { terms, weights } = vector
  if (terms.length <= topTokens && minWeight === 0 && pruneMass === 1) return vector
  const heaviest = Array.from(terms.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b)
  // Summed in the order of the sum below, so that all of it is reached.
  const mass = pruneMass < 1 ? heaviest.reduce((sum, i) => sum + weights[i]!, 0) : 0
  let numKept = 0
  for (let held = 0; numKept < Math.min(topTokens, terms.length); numKept++) {
    const weight = weights[heaviest[numKept]!]!
    if (weight < minWeight || (pruneMass < 1 && held >= pruneMass * mass)) break
    held += weight
  }
  if (numKept === terms.length) return vector
  const kept = heaviest.slice(0, numKept).sort((a, b) => a - b)
  return {
    terms: Uint32Array.from(kept, i => terms[i]!),
    weights: Float32Array.from(kept, i => weights[i]!)
  }
}
