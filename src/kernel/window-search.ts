import { Candidates } from './candidates.ts'
import type { RequestFields } from './memory-views.ts'
import { BLOCK_DOCUMENTS, blockTableMin, denseMin } from './request.ts'

/**
 * The best k documents of a segment, window after window, term at a time: MaxScore (Turtle & Flood,
 * "Query Evaluation: Strategies and Optimizations", 1995) inside windows of documents, as in SINDI
 * and Lucene 10, with the bounds of blocks (Ding & Suel, "Faster Top-k Document Retrieval Using
 * Block-Max Indexes", 2011) where terms are left out.
 *
 * 1. A window whose bounds cannot reach the threshold is passed over. The windows of the largest
 *    bounds come first, to raise the threshold.
 * 2. In a window the terms of the most postings per unit of bound are left out, as long as their
 *    bounds sum to no more than a share of the threshold, and with the slack to less than it. The
 *    others are added into one integer a document.
 * 3. Each block of 64 documents has a limit: the threshold less what the left-out terms can add in
 *    this block. Only documents whose sum reaches it are scored, exactly, from the forward index.
 *
 * Why this is exact: a contribution has a surcharge of at least its largest error downwards
 * (quantisation of the weights, rounding of multiplier and product), so all contributions of a
 * document sum to no less than its score times `scale`; `slack` makes up for the arithmetic of
 * doubles. A document that is passed over has a bound below threshold − slack, hence a score below
 * that of k others, or below `minScore`. Only the terms that a document holds are surcharged: one sum
 * of the errors of all terms would let in several times as many documents of long queries.
 * Contributions are at least 1, so a document that matches a term that is kept has a sum above 0; one
 * that matches none of them cannot reach the threshold.
 */
export function windowSearch(request: RequestFields): number {
  const candidates = new Candidates(request)
  const search = new WindowSearch(request, candidates)
  const numVisits = request.u32('numVisits')
  const windows = search.visitOrder(request.u32('numOrdered'))
  for (const [step, window] of windows.slice(0, numVisits).entries()) {
    search.visit(window, step < request.u32('numSeeds'))
  }
  return candidates.finish()
}

/** A term's postings of the window at hand. */
interface Run {
  readonly multiplier: number
  readonly surcharge: number
  readonly numPostings: number
  /** Where its bytes begin. */
  readonly data: number
  /** The largest contribution. */
  readonly bound: number
  readonly costPerBound: number
}

/** What a term adds; nothing where it does not occur. */
export function contribution(impact: number, multiplier: number, surcharge: number): number {
  return impact === 0 ? 0 : ((impact * multiplier + 128) >>> 8) + surcharge
}

class WindowSearch {
  readonly #request: RequestFields
  readonly #candidates: Candidates
  readonly #numTerms: number
  readonly #numWindows: number
  readonly #slack: number
  /** `#plan[window · numTerms + term]`: the run's number in the term, from 1; 0 if there is none. */
  readonly #plan: Uint32Array
  readonly #bounds: Uint32Array

  constructor(request: RequestFields, candidates: Candidates) {
    this.#request = request
    this.#candidates = candidates
    this.#numTerms = request.u32('numTerms')
    this.#numWindows = request.u32('numWindows')
    this.#slack = request.i32('slack')
    this.#plan = new Uint32Array(this.#numWindows * this.#numTerms)
    this.#bounds = new Uint32Array(this.#numWindows)
    const { u8, u16 } = request.memory
    for (let t = 0; t < this.#numTerms; t++) {
      const [start, end] = [request.term(t, 'runs'), request.term(t, 'runsEnd')]
      const maxima = request.term(t, 'maxima')
      const multiplier = request.term(t, 'multiplier')
      const surcharge = request.term(t, 'surcharge')
      for (let run = start; run < end; run += 8) {
        const window = u16[run >>> 1]!
        const at = (run - start) >>> 3
        this.#plan[window * this.#numTerms + t] = at + 1
        this.#bounds[window]! += contribution(u8[maxima + at]!, multiplier, surcharge)
      }
    }
  }

  /** Windows in the order of the search: so many by descending bound, then the others. */
  visitOrder(numOrdered: number): number[] {
    const bounds = this.#bounds
    const best = [...bounds.keys()].sort((a, b) => bounds[b]! - bounds[a]! || a - b)
    const first = best.slice(0, numOrdered)
    return [...first, ...best.slice(numOrdered).sort((a, b) => a - b)]
  }

  /** Searches one window, if its bound can reach the threshold. */
  visit(window: number, isSeed: boolean): void {
    const bound = this.#bounds[window]!
    const request = this.#request
    if (bound === 0 || bound + this.#slack < this.#candidates.threshold) return
    const isLast = window === this.#numWindows - 1
    const numDocuments = request.u32(isLast ? 'lastWindowDocuments' : 'windowDocuments')
    const runs = this.#runsOf(window, numDocuments)
    const numKept = isSeed ? runs.length : this.#numKept(runs)
    for (const run of runs.slice(0, numKept)) this.#accumulate(run, numDocuments)
    const leftOut = this.#leftOutBounds(runs.slice(numKept), numDocuments)
    this.#collect(window, numDocuments, leftOut)
  }

  /** The runs of a window, by ascending cost per unit of bound. */
  #runsOf(window: number, windowDocuments: number): Run[] {
    const request = this.#request
    const { u8, u16, u32 } = request.memory
    const runs: Run[] = []
    for (let t = 0; t < this.#numTerms; t++) {
      const at = this.#plan[window * this.#numTerms + t]!
      if (at === 0) continue
      const run = request.term(t, 'runs') + 8 * (at - 1)
      const multiplier = request.term(t, 'multiplier')
      const numPostings = u16[(run >>> 1) + 1]! + 1
      const surcharge = request.term(t, 'surcharge')
      const bound = contribution(u8[request.term(t, 'maxima') + at - 1]!, multiplier, surcharge)
      const isDense = numPostings >= denseMin(windowDocuments)
      const cost = isDense ? windowDocuments >>> 3 : numPostings + 32
      const data = request.u32('postings') + u32[(run >>> 2) + 1]!
      const costPerBound = Math.fround(Math.fround(cost) / Math.fround(bound + 1))
      runs.push({ multiplier, surcharge, numPostings, data, bound, costPerBound })
    }
    return runs.sort((a, b) => a.costPerBound - b.costPerBound)
  }

  /** How many runs are added up; the others are left out. At least one is kept. */
  #numKept(runs: readonly Run[]): number {
    const threshold = Math.max(this.#candidates.threshold, 0)
    // A document that only left-out terms match is not even looked at, so all of them together
    // must stay below the threshold.
    const safe = (threshold - this.#slack - 1) / this.#request.f64('overestimate')
    const budget = Math.trunc(Math.min(this.#request.f64('leaveOut') * threshold, safe))
    let numKept = runs.length
    for (let left = 0; numKept > 1; numKept--) {
      left += runs[numKept - 1]!.bound
      if (left > budget) break
    }
    return numKept
  }

  /** Adds what one term contributes to the documents of the window. */
  #accumulate(run: Run, windowDocuments: number): void {
    const { numPostings, multiplier, surcharge } = run
    const { u8, u16 } = this.#request.memory
    const sums = this.#request.u32('accumulator') >>> 1
    const hasTable = numPostings >= blockTableMin(windowDocuments)
    const data = run.data + (hasTable ? windowDocuments / BLOCK_DOCUMENTS : 0)
    if (numPostings >= denseMin(windowDocuments)) {
      for (let i = 0; i < windowDocuments; i++) {
        u16[sums + i]! += contribution(u8[data + i]!, multiplier, surcharge)
      }
    } else {
      const impacts = data + 2 * numPostings
      for (let i = 0; i < numPostings; i++) {
        u16[sums + u16[(data >>> 1) + i]!]! += contribution(u8[impacts + i]!, multiplier, surcharge)
      }
    }
    this.#request.setU32('numPostings', this.#request.u32('numPostings') + numPostings)
  }

  /** What the left-out runs can add in each block, at most; undefined when none is left out. */
  #leftOutBounds(runs: readonly Run[], windowDocuments: number): Float64Array | undefined {
    if (runs.length === 0) return undefined
    const request = this.#request
    const bounds = new Float64Array(windowDocuments / BLOCK_DOCUMENTS)
    let everywhere = 0
    for (const { numPostings, multiplier, surcharge, data, bound } of runs) {
      if (numPostings < blockTableMin(windowDocuments)) {
        everywhere += bound
        continue
      }
      for (let block = 0; block < bounds.length; block++) {
        bounds[block]! += contribution(request.memory.u8[data + block]!, multiplier, surcharge)
      }
      request.setU32('numBlocks', request.u32('numBlocks') + bounds.length)
    }
    const share = request.f64('overestimate')
    return bounds.map(bound => Math.trunc(share * (bound + everywhere)))
  }

  /** Considers every document whose sum reaches the limit of its block; clears the sums. */
  #collect(window: number, windowDocuments: number, leftOut: Float64Array | undefined): void {
    const candidates = this.#candidates
    const { u16 } = this.#request.memory
    const sums = this.#request.u32('accumulator') >>> 1
    const firstDocId = window * this.#request.u32('windowDocuments')
    for (let i = 0; i < windowDocuments; i++) {
      const sum = u16[sums + i]!
      if (sum === 0) continue
      u16[sums + i] = 0
      const more = leftOut?.[Math.floor(i / BLOCK_DOCUMENTS)] ?? 0
      candidates.consider(firstDocId + i, sum, sum + more)
    }
  }
}
