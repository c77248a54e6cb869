/** Ids below this are looked up in an array (4 MiB at most), the others in a `Map`. */
const DIRECT_IDS = 2 ** 20

/**
 * Numbers terms in the order in which they are first seen.
 *
 * Vocabularies of models are dense and small, so nearly every id is answered by an array; hashed
 * term ids, which may be anything up to 2^32 − 1, go to a `Map`.
 */
export class TermTable {
  #direct = new Int32Array(1024) // termIndex + 1, or 0 for an id not yet seen
  readonly #others = new Map<number, number>()
  readonly #termIds: number[] = []

  /** Terms seen so far. */
  get size(): number {
    return this.#termIds.length
  }

  /** The index of a term, which is added if it is new. */
  indexOf(termId: number): number {
    const termIndex = this.find(termId)
    if (termIndex !== undefined) return termIndex
    const added = this.#termIds.push(termId) - 1
    if (termId < DIRECT_IDS) this.#setDirect(termId, added)
    else this.#others.set(termId, added)
    return added
  }

  /** The terms by ascending id, and the place `rankOf` each term index has in that order. */
  sorted(): { lexicon: Uint32Array; rankOf: Uint32Array } {
    const termIds = this.#termIds
    const order = Uint32Array.from(termIds.keys()).sort((a, b) => termIds[a]! - termIds[b]!)
    const rankOf = new Uint32Array(order.length)
    for (let rank = 0; rank < order.length; rank++) rankOf[order[rank]!] = rank
    return { lexicon: order.map(termIndex => termIds[termIndex]!), rankOf }
  }

  /** The index of a term, or undefined for one that was not seen. */
  find(termId: number): number | undefined {
    if (termId >= DIRECT_IDS) return this.#others.get(termId)
    const found = this.#direct[termId]
    return found === undefined || found === 0 ? undefined : found - 1
  }

  #setDirect(termId: number, termIndex: number): void {
    if (termId >= this.#direct.length) {
      const capacity = Math.min(DIRECT_IDS, Math.max(2 * this.#direct.length, termId + 1))
      const grown = new Int32Array(capacity)
      grown.set(this.#direct)
      this.#direct = grown
    }
    this.#direct[termId] = termIndex + 1
  }
}
