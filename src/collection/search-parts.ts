import type { EntryHit, EntryPlace } from './entry-key.ts'

/** What the search of one part of a view found: entries by their numbers there, the best first. */
export interface PartRanking {
  readonly ids: ArrayLike<number>
  /** `scores[i]` belongs to `ids[i]`. */
  readonly scores: ArrayLike<number>
}

/** A segment or a delta as one of the parts of a view that are searched. */
export interface SearchedPart {
  /** Entries, whether they count or not. */
  readonly numEntries: number
  /** The best k entries of at least a score. */
  search(k: number, minScore: number): PartRanking
  placeOf(id: number): EntryPlace
}

/** So many times the hits that the first of several parts should have of the best k are asked of it. */
const MARGIN = 1.5
const MARGIN_HITS = 16

/**
 * The best k entries of parts that follow each other in the order in which entries were written.
 *
 * To keep the best 1,000 of each of six parts costs six times what it costs to keep those of one. So the
 * first part is asked for its share and some more, and the others for what scores at least as much as
 * the last of these. If that makes k entries that score more, they are the best k: nobody of their
 * scores was left out. Otherwise the first part has other documents than the rest, and all are asked for
 * k, one after the other.
 */
export function searchParts(
  parts: readonly SearchedPart[],
  k: number,
  minScore: number
): EntryHit[] {
  const [first, ...others] = parts
  if (first === undefined) return []
  const numEntries = parts.reduce((sum, part) => sum + part.numEntries, 0)
  const share = MARGIN_HITS + Math.ceil((MARGIN * k * first.numEntries) / numEntries)
  if (share < k) {
    const merged = new MergedHits(k)
    merged.add(first.search(share, minScore), first)
    // With fewer there are no others in this part.
    const isShort = merged.size < share
    const floor = isShort ? minScore : merged.last
    for (const part of others) merged.add(part.search(k, Math.max(floor, merged.threshold)), part)
    if (isShort || merged.threshold > floor) return merged.finish()
  }
  const merged = new MergedHits(k)
  for (const part of parts) {
    merged.add(part.search(k, Math.max(minScore, merged.threshold)), part)
  }
  return merged.finish()
}

/**
 * The best k entries of several parts, which are searched one after the other: what the parts before have
 * is a threshold for the next. Places are looked up for the final entries only.
 */
class MergedHits {
  readonly #k: number
  readonly #searched: SearchedPart[] = []
  /** In columns, the best first. */
  #scores = new Float64Array(0)
  #ids = new Uint32Array(0)
  #parts = new Uint32Array(0)

  constructor(k: number) {
    this.#k = k
  }

  /** A score that an entry of a later part must have at least; −∞ while there are fewer than k. */
  get threshold(): number {
    return this.#scores.length < this.#k ? Number.NEGATIVE_INFINITY : this.last
  }

  get size(): number {
    return this.#scores.length
  }

  /** The smallest score of all. */
  get last(): number {
    return this.#scores.at(-1)!
  }

  /** Adds the hits of the next part, whose entries were written after those of all parts before. */
  add({ ids, scores }: PartRanking, from: SearchedPart): void {
    const part = this.#searched.push(from) - 1
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
      const { seq, passageIndex } = this.#searched[this.#parts[n]!]!.placeOf(id)
      return { seq, passageIndex, score: this.#scores[n]! }
    })
  }
}
