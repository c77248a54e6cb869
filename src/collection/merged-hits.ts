import type { EntryPlace } from './entry-key.ts'
import type { EntryHit } from './entry-search.ts'

/** What the search of one part of a view found: entries by their numbers there, the best first. */
export interface PartRanking {
  readonly ids: ArrayLike<number>
  /** `scores[i]` belongs to `ids[i]`. */
  readonly scores: ArrayLike<number>
}

/**
 * The best k entries of several parts, which are searched one after the other: what the parts before have
 * is a threshold for the next. Places are looked up for the final entries only.
 */
export class MergedHits {
  readonly #k: number
  readonly #placeOf: ((id: number) => EntryPlace)[] = []
  /** In columns, the best first. */
  #scores = new Float64Array(0)
  #ids = new Uint32Array(0)
  #parts = new Uint32Array(0)

  constructor(k: number) {
    this.#k = k
  }

  /** A score that an entry of a later part must have at least; −∞ while there are fewer than k. */
  get threshold(): number {
    return this.#scores.length < this.#k ? Number.NEGATIVE_INFINITY : this.#scores.at(-1)!
  }

  /** Adds the hits of the next part, whose entries were written after those of all parts before. */
  add({ ids, scores }: PartRanking, placeOf: (id: number) => EntryPlace): void {
    const part = this.#placeOf.push(placeOf) - 1
    const size = Math.min(this.#k, this.#scores.length + ids.length)
    const merged = {
      scores: new Float64Array(size),
      ids: new Uint32Array(size),
      parts: new Uint32Array(size)
    }
    for (let n = 0, old = 0, own = 0; n < size; n++) {
      // Of equal scores the one that was written first stands first.
      const isOld =
        old < this.#scores.length && (own === ids.length || this.#scores[old]! >= scores[own]!)
      merged.scores[n] = isOld ? this.#scores[old]! : scores[own]!
      merged.ids[n] = isOld ? this.#ids[old]! : ids[own]!
      merged.parts[n] = isOld ? this.#parts[old]! : part
      if (isOld) old++
      else own++
    }
    this.#scores = merged.scores
    this.#ids = merged.ids
    this.#parts = merged.parts
  }

  /** The entries, the best first. */
  finish(): EntryHit[] {
    return Array.from(this.#ids, (id, n) => {
      const { seq, passageIndex } = this.#placeOf[this.#parts[n]!]!(id)
      return { seq, passageIndex, score: this.#scores[n]! }
    })
  }
}
