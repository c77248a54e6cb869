import type { DocumentSet } from './document-set.ts'
import { TopK } from './top-k.ts'

/** The last document of the page before: only what stands after it is wanted. */
export interface PageStart {
  readonly docId: number
  readonly score: number
}

/** Which of the scored documents are wanted. */
export interface Selection {
  /** Documents wanted at most, at least 1. */
  readonly k: number
  /** Only these documents count at all. */
  readonly filter: DocumentSet | undefined
  /** Only documents of at least this score become hits. */
  readonly minScore: number
  /** Only documents after this one become hits. */
  readonly after: PageStart | undefined
}

/** What a search strategy found, by document id. */
export interface Ranking {
  /** The best documents: score descending, then document id ascending. */
  readonly docIds: Uint32Array
  /** `scores[i]` belongs to `docIds[i]`. */
  readonly scores: Float64Array
  /** Smallest score of all documents that pass the filter; 0 as soon as one matches no term. */
  readonly min: number
  /** Largest score of all documents that pass the filter. */
  readonly max: number
  /** Documents that pass the filter and match at least one term. */
  readonly numScored: number
}

/** Takes every document that matches a query, with its score, and keeps what is wanted of them. */
export class Collector {
  readonly #topK: TopK
  readonly #filter: DocumentSet | undefined
  readonly #after: PageStart | undefined
  readonly #numPassing: number
  /** No hit may score below this: `minScore` at first, then what the worst hit held scores. */
  #floor: number
  #min = Number.POSITIVE_INFINITY
  #max = 0
  #numScored = 0

  /** @param numDocuments - documents in the index */
  constructor(selection: Selection, numDocuments: number) {
    const { k, filter, minScore, after } = selection
    this.#topK = new TopK(Math.max(1, Math.min(k, numDocuments)))
    this.#filter = filter
    this.#floor = minScore
    this.#after = after
    this.#numPassing = filter === undefined ? numDocuments : filter.size
  }

  /** Takes a document that matches at least one term; each once, in any order. */
  collect(docId: number, score: number): void {
    if (this.#filter !== undefined && !this.#filter.has(docId)) return
    this.#numScored++
    if (score < this.#min) this.#min = score
    if (score > this.#max) this.#max = score
    if (score < this.#floor) return
    const after = this.#after
    if (after !== undefined) {
      if (score > after.score || (score === after.score && docId <= after.docId)) return
    }
    this.#topK.offer(docId, score)
    this.#floor = Math.max(this.#floor, this.#topK.threshold)
  }

  /** What was found. The collector is empty afterwards. */
  finish(): Ranking {
    const everyDocumentMatches = this.#numScored === this.#numPassing && this.#numScored > 0
    return {
      ...this.#topK.drain(),
      min: everyDocumentMatches ? this.#min : 0,
      max: this.#max,
      numScored: this.#numScored
    }
  }
}
