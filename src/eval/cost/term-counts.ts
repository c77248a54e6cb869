import { EsplanadeError } from '../../errors.ts'
import type { SparseVector } from '../../vector/sparse-vector.ts'

/** In how many of some vectors each term is active, and what it weighs there: what costs depend on. */
export interface TermCounts {
  /** Vectors that were counted, empty ones included. */
  readonly numVectors: number
  /** Terms that at least one vector has, ascending. */
  readonly terms: Uint32Array
  /** `counts[i]` vectors have `terms[i]`. */
  readonly counts: Float64Array
  /** `weightSums[i]` is the sum of the weights of `terms[i]`. */
  readonly weightSums: Float64Array
}

/** Vectors, or what a {@link TermCounter} made of them. */
export type CountableVectors = Iterable<SparseVector> | TermCounts

/** Counts the terms of vectors one after the other, so that a stream need not be kept. */
export class TermCounter {
  #numVectors = 0
  readonly #places = new Map<number, number>()
  readonly #counts: number[] = []
  readonly #weightSums: number[] = []

  /** Counts a vector in. */
  add({ terms, weights }: SparseVector): void {
    this.#numVectors++
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i]!
      let place = this.#places.get(term)
      if (place === undefined) {
        place = this.#counts.length
        this.#places.set(term, place)
        this.#counts.push(0)
        this.#weightSums.push(0)
      }
      this.#counts[place]! += 1
      this.#weightSums[place]! += weights[i]!
    }
  }

  /** What has been counted so far. */
  counts(): TermCounts {
    const terms = Uint32Array.from(this.#places.keys()).sort()
    const places = Array.from(terms, term => this.#places.get(term)!)
    return {
      numVectors: this.#numVectors,
      terms,
      counts: Float64Array.from(places, place => this.#counts[place]!),
      weightSums: Float64Array.from(places, place => this.#weightSums[place]!)
    }
  }
}

/**
 * Terms that are active in a vector, on average: the L0 norm, as the SPLADE papers give it for queries
 * and documents.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where there is no vector
 */
export function activeTerms(vectors: CountableVectors): number {
  const { numVectors, counts } = termCounts(vectors, 'vectors')
  return counts.reduce((sum, count) => sum + count, 0) / numVectors
}

/**
 * Counts vectors, unless they are counted already.
 *
 * @param place - what to call them in an error message
 * @throws EsplanadeError `INVALID_ARGUMENT` where there is no vector
 */
export function termCounts(vectors: CountableVectors, place: string): TermCounts {
  const found = 'counts' in vectors ? vectors : countAll(vectors)
  if (found.numVectors > 0) return found
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: 'there is none, so there is nothing to take a mean over',
    expected: 'at least one vector'
  })
}

function countAll(vectors: Iterable<SparseVector>): TermCounts {
  const counter = new TermCounter()
  for (const vector of vectors) counter.add(vector)
  return counter.counts()
}
