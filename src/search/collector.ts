import { TopK } from '../kernel/top-k.ts'
import type { DocumentBits } from './document-bits.ts'

/** The last hit of the page before: only what stands after it is wanted. */
export interface PageStart {
  /** Its insertion id in the segment; below 0 or beyond the last where it is in another segment. */
  readonly id: number
  readonly score: number
}

/** Which of the scored documents of a segment are wanted. */
export interface Selection {
  /** Documents wanted at most, at least 1. */
  readonly k: number
  /** Only these documents count at all. */
  readonly filter: DocumentBits | undefined
  /** Only documents of at least this score become hits. */
  readonly minScore: number
  /** Only documents after this one become hits. */
  readonly after: PageStart | undefined
}

/** What a search strategy found in a segment. */
export interface Ranking {
  /** The best documents by insertion id: score descending, then insertion id ascending. */
  readonly ids: readonly number[]
  /** `scores[i]` belongs to `ids[i]`. */
  readonly scores: readonly number[]
  readonly numScored: number
  readonly numPostings: number
  readonly numBlocks: number
}

/** Takes documents that match a query, with their scores, and keeps what is wanted of them. */
export class Collector {
  readonly #topK: TopK
  readonly #after: PageStart | undefined
  /** No hit may score below this: `minScore` at first, then what the worst hit held scores. */
  #floor: number
  #numScored = 0

  constructor({ k, minScore, after }: Selection) {
    this.#topK = new TopK(k)
    this.#floor = minScore
    this.#after = after
  }

  /** Takes a document that matches at least one term; each once, in any order. */
  collect(id: number, score: number): void {
    this.#numScored++
    if (score < this.#floor) return
    const after = this.#after
    if (after !== undefined) {
      if (score > after.score || (score === after.score && id <= after.id)) return
    }
    this.#topK.offer(id, score)
    this.#floor = Math.max(this.#floor, this.#topK.threshold)
  }

  /** What was found. The collector is empty afterwards. */
  finish(): Ranking {
    const { ids, scores } = this.#topK.drain()
    const counters = { numScored: this.#numScored, numPostings: 0, numBlocks: 0 }
    return { ids: [...ids], scores: [...scores], ...counters }
  }
}
