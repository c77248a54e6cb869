import { convexCombination, convexParts } from '../fusion/convex-combination.ts'
import { DEFAULT_DEPTH, type FusedHit, type FusionPart } from '../fusion/fusion-list.ts'
import { MAX_HITS } from '../kernel/scratch.ts'
import type { WholePlan } from './hybrid-fusion.ts'
import {
  behind,
  type FusedDocument,
  type FusedPage,
  type FusedSearch,
  fusedEntry,
  type HybridList,
  type ListSearch,
  searchLists
} from './hybrid-search.ts'

/**
 * The best documents by a sum of true scores over lists that are read from the top, no further than
 * needed: the threshold algorithm of Fagin, Lotem and Naor ("Optimal aggregation algorithms for
 * middleware", J. Comput. Syst. Sci. 66, 2003).
 *
 * Each list gives its first n documents. Whatever one list has found gets its true scores in the others
 * too. A document that none has found scores in each list no more than the last that was found there, so
 * its sum is at most that of these last scores: the threshold. All sums are made alike, and rounding
 * keeps their order; so documents above the threshold stand where they would stand were every document
 * fused. If there are fewer than wanted the lists are read further.
 */

/** Documents of a list that are read at first: on judged collections they do for nearly all queries. */
const FIRST_HITS = 60
const FIRST_HITS_PER_WANTED = 2

/** How much further is read where that was not enough. */
const DEEPER = 4

/**
 * Order: score descending, then as documents were written.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where `after` is not in the order
 */
export function thresholdAlgorithm(
  search: ListSearch,
  plan: WholePlan,
  { k, minScore, after }: FusedPage
): FusedSearch {
  for (let depth = FIRST_HITS + FIRST_HITS_PER_WANTED * k; ; depth = deeper(depth)) {
    const lists = searchLists(search, plan, depth)
    const isAll = lists.every(({ entries }) => entries.length < depth)
    const threshold = isAll ? Number.NEGATIVE_INFINITY : lastScoresFused(lists, plan)
    // How many documents stand before a later page is not known.
    const found = bestOf(lists, plan, depth, after === undefined ? k : Number.POSITIVE_INFINITY)
    const certain = found.filter(({ score }) => score > threshold)
    const isBehind = after === undefined || after.score > threshold
    const page = isBehind ? behind(certain, after).slice(0, k) : []
    search.stopwatch.lap('fuse')
    if (isAll || (isBehind && (page.length === k || threshold < minScore))) {
      const hits = page.filter(({ score }) => score >= minScore)
      return {
        lists,
        hits: hits.map(hit => fusedEntry(hit, lists)),
        entryOf: entriesByTrueScores(search, plan, Math.max(depth, DEFAULT_DEPTH))
      }
    }
  }
}

/** As many as kernels find, before documents are scored one by one. */
function deeper(depth: number): number {
  return depth < MAX_HITS ? Math.min(DEEPER * depth, MAX_HITS) : DEEPER * depth
}

/**
 * Any document with its true scores.
 *
 * @param depth - of the lists that say its ranks
 */
function entriesByTrueScores(
  search: ListSearch,
  plan: WholePlan,
  depth: number
): (seq: number) => FusedDocument {
  let known: readonly HybridList[] | undefined
  return seq => {
    known ??= searchLists(search, plan, depth)
    const lists = known
    const hits = lists.map(({ list }) => list.hits.find(({ key }) => key === seq))
    const scores = lists.map(({ list }, at) => hits[at]?.score ?? list.scoresOf([seq])[0]!)
    const parts = convexParts(lists, scores, plan.method).map((part, at) => {
      const rank = hits[at]?.rank
      return rank === undefined ? part : { ...part, rank }
    })
    return { lists, entry: fusedEntry({ key: seq, score: sumOf(parts), parts }, lists) }
  }
}

/** What a document has at most that no list has found. */
function lastScoresFused(lists: readonly HybridList[], { method }: WholePlan): number {
  const last = lists.map(({ leftBehind }) => leftBehind)
  return sumOf(convexParts(lists, last, method))
}

function sumOf(parts: readonly FusionPart[]): number {
  return parts.reduce((sum, { value }) => sum + value, 0)
}

/** The best documents of those that were found. */
function bestOf(
  lists: readonly HybridList[],
  { method }: WholePlan,
  depth: number,
  k: number
): FusedHit<number>[] {
  const all = { ...method, depth }
  let fused = convexCombination(lists, Number.isFinite(k) ? { ...all, k: k + 1 } : all)
  // Where the last is as good as the next it depends on the lists which of them it is.
  if (fused.length > k && fused[k]!.score === fused[k - 1]!.score) {
    fused = convexCombination(lists, all)
  }
  return fused.sort((a, b) => b.score - a.score || a.key - b.key)
}
