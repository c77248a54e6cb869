import { EsplanadeError } from '../errors.ts'
import type { FusionMethod } from '../fusion/fuse.ts'
import { candidatesOf, type FusionList, scoresIn } from '../fusion/fusion-list.ts'
import { NORMALIZATIONS, type Normalization, type Normalize } from '../fusion/normalization.ts'
import { DEFAULT_RANK_CONSTANT } from '../fusion/rrf.ts'

/** Scores of all candidates of a query under some weights: `scores[i]` is written for candidate i. */
export type WeightedSum = (weights: readonly number[], scores: Float64Array) => void

/**
 * The candidates of one query with all that the methods of `src/fusion` need to score them, without the
 * lists themselves: three lists of 1,000 hits take about 100 kB.
 *
 * Candidates stand in the order that fusion gives to equal scores: those of the first list by rank,
 * then what the second adds, and so on.
 */
export class CandidateScores {
  readonly keys: readonly string[]
  /** By list: the score of each candidate, whether the list has it or not. */
  readonly #scores: readonly Float64Array[]
  /** By list: the rank of each candidate, 0 where the list lacks it. */
  readonly #ranks: readonly Float64Array[]
  readonly #normalizers: Readonly<Record<Normalization, readonly Normalize[]>>

  /** @throws EsplanadeError `INVALID_ARGUMENT` as `fuse` */
  constructor(lists: readonly FusionList[], depth: number) {
    const candidates = candidatesOf(lists, depth)
    const { keys, ranks } = candidates
    this.keys = keys
    // The columns of fusion have room for lists that share nothing.
    this.#ranks = ranks.map(own => own.slice(0, keys.length))
    this.#scores = lists.map((list, at) => scoresIn(list, at, candidates).slice(0, keys.length))
    const normalizersOf = (name: Normalization) =>
      lists.map(({ list }) => NORMALIZATIONS[name](list, depth))
    this.#normalizers = {
      'min-max': normalizersOf('min-max'),
      'z-score': normalizersOf('z-score'),
      dbsf: normalizersOf('dbsf'),
      none: normalizersOf('none')
    }
  }

  /**
   * The fused scores of a method as a function of the weights: each is a sum over the lists of weight
   * times something that does not depend on weights, which is worked out once.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` for a method that is not known
   */
  under(method: FusionMethod): WeightedSum {
    switch (method.method) {
      case 'rrf':
        return this.#reciprocalRanks(method.rankConstant ?? DEFAULT_RANK_CONSTANT)
      case 'convex':
        return weightedSum(this.#normalized(method.normalization ?? 'min-max'))
      case 'comb-sum':
        return this.#combined(() => 1)
      case 'comb-mnz':
        return this.#combined(numLists => numLists)
      default:
        throw new EsplanadeError('INVALID_ARGUMENT', {
          place: 'method',
          problem: `there is no fusion ${JSON.stringify((method as { method: unknown }).method)}`,
          expected: 'rrf, convex, comb-sum or comb-mnz'
        })
    }
  }

  #normalized(name: Normalization): Float64Array[] {
    return this.#scores.map((scores, at) => scores.map(this.#normalizers[name][at]!))
  }

  /** The sums of CombSUM and CombMNZ: nothing where a list lacks the document. */
  #combined(factorOf: (numLists: number) => number): WeightedSum {
    const factors = Float64Array.from(this.keys, (_, i) =>
      factorOf(this.#ranks.filter(ranks => ranks[i]! > 0).length)
    )
    const parts = this.#normalized('min-max').map((values, at) =>
      values.map((value, i) => (this.#ranks[at]![i]! > 0 ? value : 0))
    )
    return (weights, scores) => {
      scores.fill(0)
      for (const [at, values] of parts.entries()) {
        const weight = weights[at]!
        for (let i = 0; i < values.length; i++) scores[i]! += factors[i]! * weight * values[i]!
      }
    }
  }

  /** Divided rather than multiplied by the inverse: reciprocal ranks tie often, and ties must stay ties. */
  #reciprocalRanks(rankConstant: number): WeightedSum {
    const divisors = this.#ranks.map(ranks =>
      ranks.map(rank => (rank > 0 ? rankConstant + rank : Number.POSITIVE_INFINITY))
    )
    return (weights, scores) => {
      scores.fill(0)
      for (const [at, values] of divisors.entries()) {
        const weight = weights[at]!
        for (let i = 0; i < values.length; i++) scores[i]! += weight / values[i]!
      }
    }
  }
}

function weightedSum(parts: readonly Float64Array[]): WeightedSum {
  return (weights, scores) => {
    scores.fill(0)
    for (const [at, values] of parts.entries()) {
      const weight = weights[at]!
      for (let i = 0; i < values.length; i++) scores[i]! += weight * values[i]!
    }
  }
}
