/**
 * The best `capacity` documents of those offered, in a binary heap whose root is the worst of them.
 *
 * The order is the one of the whole package: score descending, then id ascending (ids count
 * in insertion order). So of equal scores the document that was inserted first wins, in whatever
 * order they are offered.
 */
export class TopK {
  readonly #scores: Float64Array
  readonly #ids: Uint32Array
  #size = 0

  /** @param capacity - how many documents to keep, at least 1 */
  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity)
    this.#ids = new Uint32Array(capacity)
  }

  /** Documents held. */
  get size(): number {
    return this.#size
  }

  /**
   * The score below which no document can enter: that of the worst one held, or −∞ while there is
   * room. A document of exactly this score enters if its id is smaller.
   */
  get threshold(): number {
    return this.#size < this.#scores.length ? Number.NEGATIVE_INFINITY : this.#scores[0]!
  }

  /** Takes the document if it is better than the worst one held, or if there is room. */
  offer(id: number, score: number): void {
    if (this.#size < this.#scores.length) {
      this.#rise(this.#size++, id, score)
    } else if (isWorse(this.#scores[0]!, this.#ids[0]!, score, id)) {
      this.#sink(id, score)
    }
  }

  /** Empties the heap into arrays, best document first. */
  drain(): { ids: Uint32Array; scores: Float64Array } {
    const ids = new Uint32Array(this.#size)
    const scores = new Float64Array(this.#size)
    while (this.#size > 0) {
      const last = --this.#size
      ids[last] = this.#ids[0]!
      scores[last] = this.#scores[0]!
      if (last > 0) this.#sink(this.#ids[last]!, this.#scores[last]!)
    }
    return { ids, scores }
  }

  /** Puts a document where a free place `at` the bottom lets it rise to. */
  #rise(at: number, id: number, score: number): void {
    const scores = this.#scores
    const ids = this.#ids
    let child = at
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!isWorse(score, id, scores[parent]!, ids[parent]!)) break
      scores[child] = scores[parent]!
      ids[child] = ids[parent]!
      child = parent
    }
    scores[child] = score
    ids[child] = id
  }

  /** Puts a document at the root, in place of the one there, and lets it sink. */
  #sink(id: number, score: number): void {
    const scores = this.#scores
    const ids = this.#ids
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= this.#size) break
      const right = child + 1
      if (right < this.#size && isWorse(scores[right]!, ids[right]!, scores[child]!, ids[child]!)) {
        child = right
      }
      if (!isWorse(scores[child]!, ids[child]!, score, id)) break
      scores[parent] = scores[child]!
      ids[parent] = ids[child]!
      parent = child
    }
    scores[parent] = score
    ids[parent] = id
  }
}

/** Whether document `a` stands after document `b` in a result. */
export function isWorse(scoreA: number, idA: number, scoreB: number, idB: number): boolean {
  return scoreA < scoreB || (scoreA === scoreB && idA > idB)
}
