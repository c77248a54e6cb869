import type { JudgedRanking, Metric } from '../eval/metric.ts'

/**
 * The judged documents among the candidates of one query, and what a metric gives for an order of the
 * candidates.
 *
 * Metrics look at judged documents only, of which there are few, so the candidates are not sorted: one
 * pass over them counts how many stand before each judged one.
 */
export class JudgedCandidates {
  readonly #numCandidates: number
  readonly #grades: readonly number[]
  readonly #ranking: { grades: (number | undefined)[]; judgedGrades: number[] }
  /** Of the judged candidates: where each stands among all, by score, best first, once ordered. */
  readonly #places: Uint32Array
  readonly #order: Uint32Array
  /** How many candidates stand right before the judged one of each place. */
  readonly #counts: Uint32Array

  /**
   * @param keys - of the candidates; of equal scores the one that comes first stands first
   * @param judged - the grades of the query
   */
  constructor(keys: readonly string[], judged: ReadonlyMap<string, number>) {
    this.#numCandidates = keys.length
    const places = keys.flatMap((key, i) => (judged.has(key) ? [i] : []))
    this.#places = Uint32Array.from(places)
    this.#grades = places.map(i => judged.get(keys[i]!)!)
    this.#order = Uint32Array.from(places, (_, j) => j)
    this.#counts = new Uint32Array(places.length)
    this.#ranking = {
      grades: new Array(keys.length).fill(undefined),
      judgedGrades: [...judged.values()]
    }
  }

  get numJudged(): number {
    return this.#places.length
  }

  /** The metric's value where the candidates are ordered by these scores. */
  valueOf(scores: Float64Array, metric: Metric): number {
    const { grades } = this.#ranking
    this.#orderBy(scores)
    const counts = this.#countBetween(scores)
    const ranks: number[] = []
    let rank = 0
    for (const [place, j] of this.#order.entries()) {
      // The judged document itself is counted behind its own place.
      rank += counts[place]!
      grades[rank] = this.#grades[j]!
      ranks.push(rank)
    }
    const value = metric.score(this.#ranking as JudgedRanking)
    for (const i of ranks) grades[i] = undefined
    return value
  }

  /** Puts the judged in order; between two settings it changes little, so insertion is cheap. */
  #orderBy(scores: Float64Array): void {
    const order = this.#order
    const places = this.#places
    for (let end = 1; end < order.length; end++) {
      const moved = order[end]!
      const place = places[moved]!
      const score = scores[place]!
      let at = end
      for (; at > 0; at--) {
        const other = places[order[at - 1]!]!
        const otherScore = scores[other]!
        if (otherScore > score || (otherScore === score && other < place)) break
        order[at] = order[at - 1]!
      }
      order[at] = moved
    }
  }

  /** Counts each candidate at the first judged one that it stands before. */
  #countBetween(scores: Float64Array): Uint32Array {
    const counts = this.#counts.fill(0)
    const numJudged = counts.length
    if (numJudged === 0) return counts
    const judgedAt = Uint32Array.from(this.#order, j => this.#places[j]!)
    const judgedScores = Float64Array.from(judgedAt, i => scores[i]!)
    const lowest = judgedScores[numJudged - 1]!
    for (let i = 0; i < this.#numCandidates; i++) {
      const score = scores[i]!
      if (score < lowest) continue
      let low = 0
      let high = numJudged
      while (low < high) {
        const middle = (low + high) >> 1
        const other = judgedScores[middle]!
        if (score > other || (score === other && i < judgedAt[middle]!)) high = middle
        else low = middle + 1
      }
      if (low < numJudged) counts[low]!++
    }
    return counts
  }
}
