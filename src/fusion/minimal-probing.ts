import { TopK } from '../kernel/top-k.ts'
import { type Candidates, type FusionList, fillScores } from './fusion-list.ts'

/** The sum that a candidate has with these scores, one array a list. */
export type Combine = (scores: readonly Float64Array[], i: number) => number

/** Which candidates matter. */
export interface BestOfCandidates {
  /** So many of the best, fewer than there are candidates. */
  readonly k: number
  /** Hits of each list that take part; one behind them counts as missing. */
  readonly depth: number
}

/**
 * The scores of candidates, true ones of those only that can be among the best k: to look a document's
 * score up costs more than all else. One whose largest possible sum is below the k-th smallest possible
 * one is not asked for, whatever its true scores are in lists that lack it. All sums are made alike, and
 * rounding keeps their order, so this is exact.
 *
 * Lists that are asked say what those score at most that they lack (`missingAtMost`).
 *
 * Asked are first the k of the largest possible sums, most often the best ones, so that few others are
 * left; then one list after the other, the one that decides most first. Source: Chang and Hwang, "Minimal
 * Probing: Supporting Expensive Predicates for Top-k Queries", SIGMOD 2002.
 */
export function scoresOfBest<Key>(
  lists: readonly FusionList<Key>[],
  candidates: Candidates<Key>,
  combine: Combine,
  { k, depth }: BestOfCandidates
): Float64Array[] {
  const { keys, ranks } = candidates
  const least = limited(lists, candidates, ({ list }) => list.min)
  const most = limited(lists, candidates, ({ list, missingAtMost }) =>
    Math.max(missingAtMost!, list.hits[depth]?.score ?? Number.NEGATIVE_INFINITY)
  )
  const ask = (at: number, places: Uint32Array): void => {
    const { list, missing } = lists[at]!
    if (missing === 'zero') return
    const asked = places.filter(i => ranks[at]![i] === 0 && least[at]![i] !== most[at]![i])
    fillScores(list, keys, asked, least[at]!)
    for (const i of asked) most[at]![i] = least[at]![i]!
  }
  const best = (scores: readonly Float64Array[]): TopK => {
    const top = new TopK(k)
    for (let i = 0; i < keys.length; i++) top.offer(i, combine(scores, i))
    return top
  }
  const byWeight = [...lists.keys()].sort((a, b) => weightOf(lists[b]!) - weightOf(lists[a]!))
  const hopeful = best(most).drain().ids
  for (const at of byWeight) ask(at, hopeful)
  const all = Uint32Array.from(keys.keys())
  for (const at of byWeight) {
    const { threshold } = best(least)
    ask(
      at,
      all.filter(i => combine(most, i) >= threshold)
    )
  }
  return least
}

/** The scores of hits, and of the missing what a list says of them. */
function limited<Key>(
  lists: readonly FusionList<Key>[],
  { ranks, scores }: Candidates<Key>,
  limitOf: (list: FusionList<Key>) => number
): Float64Array[] {
  return lists.map((list, at) => {
    const own = scores[at]!
    if (list.missing === 'zero') return own
    const limit = limitOf(list)
    return own.map((score, i) => (ranks[at]![i] === 0 ? limit : score))
  })
}

function weightOf({ weight = 1 }: { readonly weight?: number }): number {
  return weight
}
