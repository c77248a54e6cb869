import { EsplanadeError } from '../errors.ts'
import { maxListed } from '../kernel/scratch.ts'
import { documentRecord } from '../segment/forward-index.ts'
import type { Segment } from '../segment/segment.ts'
import { approximateParameters, approximatePlan } from './approximate.ts'
import { blockMaxPlan } from './block-max-pruning.ts'
import type { Ranking, Selection } from './collector.ts'
import { documentAtATimePlan } from './document-at-a-time.ts'
import { type DocumentBits, hasBit } from './document-bits.ts'
import { exhaustive } from './exhaustive.ts'
import { KernelSearch, LIST_LENGTH } from './kernel-search.ts'
import { maxScorePlan } from './max-score.ts'
import { choose, fitsKernel } from './planner.ts'
import { type LookedUpQuery, scoreOf } from './query-terms.ts'
import type { ApproximateStrategy, ExactStrategy, KernelPlan, Strategy } from './strategy.ts'
import { windowedPlan } from './windowed.ts'

/** A ranking, and how it was found. */
export interface SegmentResult extends Ranking {
  readonly strategy: Exclude<ExactStrategy, 'auto'> | 'approximate'
}

/** Searches one segment by any strategy. */
export class SegmentSearcher {
  readonly #segment: Segment
  readonly #kernel: KernelSearch

  /** @param scratch - where the kernel's scratch begins; by default after the segment */
  constructor(segment: Segment, scratch?: number) {
    this.#segment = segment
    this.#kernel = new KernelSearch(segment, scratch)
  }

  /** The best documents of the segment. */
  search(query: LookedUpQuery, selection: Selection, strategy: Strategy): SegmentResult {
    if (typeof strategy !== 'string') {
      return { strategy: 'approximate', ...this.#approximate(query, selection, strategy) }
    }
    const name = this.#choose(strategy, query, selection)
    if (name === 'exhaustive') {
      return { strategy: name, ...exhaustive(this.#segment, query, selection) }
    }
    const plan = this.#plan(name, query, selection)
    return { strategy: name, ...this.#kernel.search(query, selection, plan) }
  }

  /**
   * The smallest score of the documents that pass the filter, 0 for one that matches no term; infinity
   * where there are none.
   */
  smallestScore(query: LookedUpQuery, filter: DocumentBits | undefined): number {
    if (fitsKernel(query.terms.length, 1)) return this.#kernel.smallestScore(query, filter)
    const { header } = this.#segment
    let smallest = Number.POSITIVE_INFINITY
    for (let docId = 0; docId < header.numDocuments && smallest > 0; docId++) {
      if (filter !== undefined && !hasBit(filter.bits, docId)) continue
      const score = scoreOf(query, documentRecord(this.#segment, docId), header.metric)
      smallest = Math.min(smallest, score)
    }
    return smallest
  }

  /** The exact scores of some documents by insertion id, in their order; 0 for one that matches no term. */
  scores(query: LookedUpQuery, ids: readonly number[]): Float64Array {
    const distinct = [...new Set(ids)]
    const docIds = Uint32Array.from(distinct, id => this.#segment.docId(id))
    const scoreOfId = new Map<number, number>()
    if (fitsKernel(query.terms.length, 1)) {
      for (let first = 0; first < docIds.length; first += LIST_LENGTH) {
        const found = this.#kernel.scoreList(query, docIds.subarray(first, first + LIST_LENGTH))
        for (const [n, id] of found.ids.entries()) scoreOfId.set(id, found.scores[n]!)
      }
    } else {
      const { metric } = this.#segment.header
      for (const [n, docId] of docIds.entries()) {
        scoreOfId.set(distinct[n]!, scoreOf(query, documentRecord(this.#segment, docId), metric))
      }
    }
    return Float64Array.from(ids, id => scoreOfId.get(id) ?? 0)
  }

  /** The strategy itself; `'exhaustive'` where a kernel was asked for that cannot take the query. */
  #choose(
    strategy: ExactStrategy,
    query: LookedUpQuery,
    { k, filter }: Selection
  ): Exclude<ExactStrategy, 'auto'> {
    const { header, numWindows } = this.#segment
    const { numDocuments } = header
    const numTerms = query.terms.length
    if (strategy === 'document-at-a-time' && filter === undefined) throw noFilter()
    const fits = fitsKernel(numTerms, Math.min(k, numDocuments))
    const filterSize = filter?.size
    const fitsList = filterSize !== undefined && filterSize <= maxListed(header)
    if (!fits || (strategy === 'document-at-a-time' && !fitsList)) return 'exhaustive'
    if (strategy !== 'auto') return strategy
    const numPostings = fitsList ? this.#numPostings(query) : 0
    return choose({ numWindows, numPostings, k, filterSize: fitsList ? filterSize : undefined })
  }

  #plan(
    name: Exclude<ExactStrategy, 'auto' | 'exhaustive'>,
    query: LookedUpQuery,
    { k, filter }: Selection
  ): KernelPlan {
    const { numWindows } = this.#segment
    switch (name) {
      case 'windowed':
        return windowedPlan(numWindows)
      case 'max-score':
        return maxScorePlan(numWindows, query.terms.length, k)
      case 'block-max':
        return blockMaxPlan()
      case 'document-at-a-time':
        return documentAtATimePlan(filter!.size)
    }
  }

  #approximate(query: LookedUpQuery, selection: Selection, strategy: ApproximateStrategy): Ranking {
    const parameters = approximateParameters(strategy)
    const cut = this.#cut(query, parameters.queryTerms)
    const { numDocuments } = this.#segment.header
    if (!fitsKernel(cut.terms.length, Math.min(selection.k, numDocuments))) {
      return exhaustive(this.#segment, query, selection)
    }
    const plan = approximatePlan(parameters, this.#segment.numWindows)
    const ranking = this.#kernel.search(cut, selection, plan)
    return cut === query ? ranking : this.#rescored(ranking, query)
  }

  /** The same documents by their scores for the whole query. */
  #rescored(ranking: Ranking, query: LookedUpQuery): Ranking {
    const { metric } = this.#segment.header
    const hits = ranking.ids.map(id => {
      const record = documentRecord(this.#segment, this.#segment.docId(id))
      return { id, score: scoreOf(query, record, metric) }
    })
    hits.sort((a, b) => b.score - a.score || a.id - b.id)
    return { ...ranking, ids: hits.map(({ id }) => id), scores: hits.map(({ score }) => score) }
  }

  /** The terms of the largest bounds. */
  #cut(query: LookedUpQuery, numTerms: number): LookedUpQuery {
    if (query.terms.length <= numTerms) return query
    const { maxWeights } = this.#segment
    const terms = [...query.terms]
      .sort((a, b) => b.weight * maxWeights[b.termIndex]! - a.weight * maxWeights[a.termIndex]!)
      .slice(0, numTerms)
      .sort((a, b) => a.termIndex - b.termIndex)
    return { ...query, terms }
  }

  #numPostings({ terms }: LookedUpQuery): number {
    return terms.reduce((sum, { termIndex }) => sum + this.#segment.numPostingsOf(termIndex), 0)
  }
}

function noFilter(): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place: 'strategy',
    problem: "'document-at-a-time' without a filter",
    expected: 'a filter: its documents are scored one by one',
    remedy: "Use 'exhaustive' to score every document"
  })
}
