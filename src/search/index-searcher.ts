import type { Segment } from '../segment/segment.ts'
import { type DocumentBits, hasBit, numBitBytes } from './document-bits.ts'
import type { DocumentSet } from './document-set.ts'
import { pageStart } from './page-start.ts'
import type { LookedUpQuery } from './query-terms.ts'
import { type SegmentResult, SegmentSearcher } from './segment-searcher.ts'
import type { Strategy } from './strategy.ts'

/** A search whose options were checked; documents by their place in the index. */
export interface IndexSelection {
  readonly k: number
  readonly filter: DocumentSet | undefined
  readonly minScore: number
  readonly after: { readonly place: number; readonly score: number } | undefined
  readonly strategy: Strategy
}

/** What a search found; documents by their place in the index, in insertion order. */
export interface IndexRanking {
  readonly places: readonly number[]
  readonly scores: readonly number[]
  /** That of the first segment. */
  readonly strategy: SegmentResult['strategy']
  readonly numPostings: number
  readonly numBlocks: number
  readonly numScored: number
}

/** Searches the segments of an index one after the other. */
export class IndexSearcher {
  readonly #segments: readonly {
    readonly segment: Segment
    readonly first: number
    readonly size: number
    readonly searcher: SegmentSearcher
  }[]
  /** The filter of the search before, most often that of the next. */
  #filter: { readonly set: DocumentSet; readonly ofSegments: readonly DocumentBits[] } | undefined

  /** @param scratches - where the kernels' scratch begins; by default after each segment */
  constructor(segments: readonly Segment[], scratches?: readonly number[]) {
    let first = 0
    this.#segments = segments.map((segment, i) => {
      const entry = {
        segment,
        first,
        size: segment.header.numDocuments,
        searcher: new SegmentSearcher(segment, scratches?.[i])
      }
      first += entry.size
      return entry
    })
  }

  /** The best documents of all segments. */
  search(query: LookedUpQuery, selection: IndexSelection): IndexRanking {
    const { k, filter, after, strategy } = selection
    const filters = filter && this.#filtersOf(filter)
    const results: { first: number; result: SegmentResult }[] = []
    let { minScore } = selection
    for (let i = 0; i < this.#segments.length; i++) {
      const { first, size, searcher } = this.#segments[i]!
      const segmentSelection = {
        k: Math.max(1, Math.min(k, size)),
        filter: filters?.[i],
        minScore,
        after: after && pageStart(after.place - first, after.score, size)
      }
      const result = searcher.search(query, segmentSelection, strategy)
      results.push({ first, result })
      // A later document must be better than the k-th, since at equal scores it stands behind.
      if (result.ids.length === k) minScore = Math.max(minScore, result.scores[k - 1]!)
    }
    return merge(results, k)
  }

  /** The smallest score of the documents of a set, or of all; 0 where there are none. */
  smallestScore(query: LookedUpQuery, set: DocumentSet | undefined): number {
    const filters = set && this.#filtersOf(set)
    let smallest = Number.POSITIVE_INFINITY
    for (const [i, { searcher }] of this.#segments.entries()) {
      if (smallest > 0) smallest = Math.min(smallest, searcher.smallestScore(query, filters?.[i]))
    }
    return Number.isFinite(smallest) ? smallest : 0
  }

  #filtersOf(set: DocumentSet): readonly DocumentBits[] {
    if (this.#filter?.set !== set) {
      const ofSegments = this.#segments.map(({ segment, first }) => bitsOf(set, segment, first))
      this.#filter = { set, ofSegments }
    }
    return this.#filter!.ofSegments
  }
}

/** The documents of a set that are in a segment, by document id. */
function bitsOf(set: DocumentSet, segment: Segment, first: number): DocumentBits {
  const { numDocuments } = segment.header
  const places = set.bits
  const bits = new Uint8Array(numBitBytes(numDocuments))
  let size = 0
  for (let id = 0; id < numDocuments; id++) {
    if (!hasBit(places, first + id)) continue
    const docId = segment.docId(id)
    bits[docId >>> 3]! |= 1 << (docId & 7)
    size++
  }
  return { bits, size }
}

/** The best k of all segments: score descending, then place ascending. */
function merge(
  results: readonly { first: number; result: SegmentResult }[],
  k: number
): IndexRanking {
  if (results.length === 1) {
    const { ids, scores, strategy, numPostings, numBlocks, numScored } = results[0]!.result
    return { places: ids, scores, strategy, numPostings, numBlocks, numScored }
  }
  const sum = (field: 'numPostings' | 'numBlocks' | 'numScored'): number =>
    results.reduce((total, { result }) => total + result[field], 0)
  const all = results.flatMap(({ first, result }) =>
    result.ids.map((id, i) => ({ place: first + id, score: result.scores[i]! }))
  )
  const best = all.sort((a, b) => b.score - a.score || a.place - b.place).slice(0, k)
  return {
    places: best.map(({ place }) => place),
    scores: best.map(({ score }) => score),
    strategy: results[0]!.result.strategy,
    numPostings: sum('numPostings'),
    numBlocks: sum('numBlocks'),
    numScored: sum('numScored')
  }
}
