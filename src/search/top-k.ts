/**
 * The best `capacity` documents of those offered, in a binary heap whose root is the worst of them.
 *
 * The order is the one of the whole package: score descending, then document id ascending (ids count
 * in insertion order). So of equal scores the document that was inserted first wins, in whatever
 * order they are offered.
 */
export class TopK {
  readonly #scores: Float64Array
  readonly #docIds: Uint32Array
  #size = 0

  /** @param capacity - how many documents to keep, at least 1 */
  constructor(capacity: number) {
    this.#scores = new Float64Array(capacity)
    this.#docIds = new Uint32Array(capacity)
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

  /** Whether a document of this score could enter; at the threshold its id decides. */
  wouldEnter(score: number): boolean {
    return score >= this.threshold
  }

  /** Takes the document if it is better than the worst one held, or if there is room. */
  offer(docId: number, score: number): void {
    if (this.#size < this.#scores.length) {
      this.#rise(this.#size++, docId, score)
    } else if (isWorse(this.#scores[0]!, this.#docIds[0]!, score, docId)) {
      this.#sink(docId, score)
    }
  }

  /** Empties the heap into arrays, best document first. */
  drain(): { docIds: Uint32Array; scores: Float64Array } {
    const docIds = new Uint32Array(this.#size)
    const scores = new Float64Array(this.#size)
    while (this.#size > 0) {
      const last = --this.#size
      docIds[last] = this.#docIds[0]!
      scores[last] = this.#scores[0]!
      if (last > 0) this.#sink(this.#docIds[last]!, this.#scores[last]!)
    }
    return { docIds, scores }
  }

  /** Puts a document where a free place `at` the bottom lets it rise to. */
  #rise(at: number, docId: number, score: number): void {
    const scores = this.#scores
    const docIds = this.#docIds
    let child = at
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!isWorse(score, docId, scores[parent]!, docIds[parent]!)) break
      scores[child] = scores[parent]!
      docIds[child] = docIds[parent]!
      child = parent
    }
    scores[child] = score
    docIds[child] = docId
  }

  /** Puts a document at the root, in place of the one there, and lets it sink. */
  #sink(docId: number, score: number): void {
    const scores = this.#scores
    const docIds = this.#docIds
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= this.#size) break
      const right = child + 1
      if (
        right < this.#size &&
        isWorse(scores[right]!, docIds[right]!, scores[child]!, docIds[child]!)
      ) {
        child = right
      }
      if (!isWorse(scores[child]!, docIds[child]!, score, docId)) break
      scores[parent] = scores[child]!
      docIds[parent] = docIds[child]!
      parent = child
    }
    scores[parent] = score
    docIds[parent] = docId
  }
}

/** Whether document `a` stands after document `b` in a result. */
function isWorse(scoreA: number, docIdA: number, scoreB: number, docIdB: number): boolean {
  return scoreA < scoreB || (scoreA === scoreB && docIdA > docIdB)
}
