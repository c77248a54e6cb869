import { documentScore, recordOf } from './document-score.ts'
import type { RequestFields } from './memory-views.ts'
import { BIN_SHIFT, FLAGS, NUM_BINS } from './request.ts'
import { isWorse, TopK } from './top-k.ts'

/**
 * What the ways to search have in common: documents that may be hits wait here with their upper
 * bounds until they are scored exactly, and the threshold tells which bounds are still worth it.
 *
 * The threshold rises by two proofs. Once k documents have been scored, the k-th score. And before
 * that, once k documents are known to have sums of at least some number: their scores are at least
 * that less the spread. A histogram in steps of 16 counts the sums.
 */
export class Candidates {
  /** Below this, in units of a contribution and slack aside, no upper bound leads to a hit. */
  threshold: number
  readonly #request: RequestFields
  readonly #topK: TopK
  readonly #k: number
  readonly #slack: number
  readonly #spread: number
  readonly #filter: number
  readonly #counts = new Uint32Array(NUM_BINS)
  readonly #docIds: number[] = []
  readonly #uppers: number[] = []
  #numCounted = 0
  #lowestBin = 0

  constructor(request: RequestFields) {
    this.#request = request
    this.threshold = request.i32('threshold')
    this.#k = request.u32('k')
    this.#topK = new TopK(this.#k)
    this.#slack = request.i32('slack')
    this.#spread = request.i32('spread')
    this.#filter = request.u32('filter')
  }

  /** Takes a document that may be a hit: its sum so far and its upper bound. */
  consider(docId: number, lower: number, upper: number): void {
    if (upper + this.#slack < this.threshold) return
    if (docId >= this.#request.u32('numDocuments')) return
    const { u8 } = this.#request.memory
    if (this.#filter !== 0 && !((u8[this.#filter + (docId >>> 3)]! >>> (docId & 7)) & 1)) return
    if (upper <= this.#request.i32('countable')) this.#count(lower)
    this.#docIds.push(docId)
    this.#uppers.push(upper)
    if (this.#docIds.length >= this.#request.u32('batch')) this.#scorePending(false)
  }

  /** Scores what is left and writes the hits, best first; returns their number. */
  finish(): number {
    this.#scorePending(true)
    const { ids, scores } = this.#topK.drain()
    const { f64, u32 } = this.#request.memory
    f64.set(scores, this.#request.u32('heapScores') >>> 3)
    u32.set(ids, this.#request.u32('heapIds') >>> 2)
    this.#request.setU32('numHits', ids.length)
    return ids.length
  }

  /** Counts a document that is certain to be a hit of at least `lower`; raises the threshold. */
  #count(lower: number): void {
    const bin = lower >>> BIN_SHIFT
    if (bin < this.#lowestBin) return
    this.#counts[bin]!++
    this.#numCounted++
    while (this.#numCounted - this.#counts[this.#lowestBin]! >= this.#k) {
      this.#numCounted -= this.#counts[this.#lowestBin]!
      this.#lowestBin++
    }
    if (this.#numCounted < this.#k) return
    this.threshold = Math.max(this.threshold, (this.#lowestBin << BIN_SHIFT) - this.#spread)
  }

  /** Scores the pending documents that can still enter, exactly. */
  #scorePending(isLast: boolean): void {
    let n = 0
    for (let i = 0; i < this.#docIds.length; i++) {
      if (this.#uppers[i]! + this.#slack < this.threshold) continue
      this.#docIds[n] = this.#docIds[i]!
      this.#uppers[n++] = this.#uppers[i]!
    }
    this.#docIds.length = n
    this.#uppers.length = n
    // As long as there is room, the threshold may yet rise and spare some of them.
    if (!isLast && 2 * n <= this.#request.u32('batch')) return
    for (const docId of this.#docIds) this.#offer(docId)
    this.#docIds.length = 0
    this.#uppers.length = 0
  }

  /** Scores a document and keeps it if it is among the best. */
  #offer(docId: number): void {
    const request = this.#request
    const record = recordOf(request, docId)
    const score = documentScore(request, record, recordOf(request, docId + 1))
    request.setU32('numScored', request.u32('numScored') + 1)
    if (!(score > 0) || score < request.f64('minScore')) return
    const id = request.memory.u32[record >>> 2]!
    if (request.u32('flags') & FLAGS.hasAfter) {
      if (!isWorse(score, id, request.f64('afterScore'), request.u32('afterId'))) return
    }
    this.#topK.offer(id, score)
    if (this.#topK.size === this.#k) {
      const scaled = Math.trunc(this.#topK.threshold * request.f64('scale'))
      this.threshold = Math.max(this.threshold, scaled)
    }
  }
}
