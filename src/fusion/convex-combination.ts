import { TopK } from '../kernel/top-k.ts'
import {
  type Candidates,
  candidatesOf,
  DEFAULT_DEPTH,
  type FusedHit,
  type FusionList,
  type FusionOptions,
  rankFused,
  scoresIn,
  sharesOf
} from './fusion-list.ts'
import { checkNormalization, NORMALIZATIONS, type Normalization } from './normalization.ts'

export interface ConvexCombinationOptions extends FusionOptions {
  /** How scores are made comparable; default `'min-max'`. */
  readonly normalization?: Normalization
}

/**
 * A weighted mean of normalised scores: the weights of the lists, divided by their sum, times each
 * list's normalised score. With two lists and `normalization: 'none'` it is the single α of Pinecone's
 * hybrid search.
 *
 * Ties stand as the first list has them. Source: Bruch, Gai, Ingber, "An Analysis of Fusion Functions for
 * Hybrid Retrieval", TOIS 2023 (arXiv:2210.11934), who find it better than ranks, and stable.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function convexCombination<Key = string>(
  lists: readonly FusionList<Key>[],
  options: ConvexCombinationOptions = {}
): FusedHit<Key>[] {
  const { normalization = 'min-max', depth = DEFAULT_DEPTH } = options
  checkNormalization(normalization)
  const candidates = candidatesOf(lists, depth)
  const shares = sharesOf(lists)
  const normalizers = lists.map(({ list }) => NORMALIZATIONS[normalization](list, depth))
  const combine = (scores: readonly Float64Array[], i: number): number => {
    let sum = 0
    for (let at = 0; at < lists.length; at++) {
      sum += shares[at]! * normalizers[at]!(scores[at]![i]!)
    }
    return sum
  }
  const isAsked = mayBeBest(lists, candidates, combine, depth, options.k)
  const scores = lists.map((list, at) => scoresIn(list, at, candidates, isAsked, list.list.min))
  const normalized = (at: number, i: number) => normalizers[at]!(scores[at]![i]!)
  const scoring = {
    added: (at: number, i: number) => shares[at]! * normalized(at, i),
    normalized,
    factor: (at: number) => shares[at]!,
    scores
  }
  return rankFused(lists, candidates, scoring, options)
}

/**
 * Which candidates can be among the best k, whatever their true scores are in lists that lack them: one
 * whose largest possible sum is below the k-th smallest possible one cannot. All sums are made alike, and
 * rounding keeps their order, so this is exact.
 */
function mayBeBest<Key>(
  lists: readonly FusionList<Key>[],
  candidates: Candidates<Key>,
  combine: (scores: readonly Float64Array[], i: number) => number,
  depth: number,
  k: number | undefined
): ((i: number) => boolean) | undefined {
  const isAsked = lists.some(({ missing }) => missing === 'score')
  const isBound = lists.every(({ missing, missingAtMost }) => {
    return missing === 'zero' || missingAtMost !== undefined
  })
  const numCandidates = candidates.keys.length
  if (!isAsked || !isBound || k === undefined || !(k < numCandidates)) return undefined
  const scoresAt = (limitOf: (list: FusionList<Key>) => number) =>
    lists.map((list, at) => scoresIn(list, at, candidates, () => false, limitOf(list)))
  const least = scoresAt(({ list }) => list.min)
  // A hit behind the first `depth` counts as missing, too.
  const most = scoresAt(({ list, missingAtMost = 0 }) =>
    Math.max(missingAtMost, list.hits[depth]?.score ?? Number.NEGATIVE_INFINITY)
  )
  const best = new TopK(k)
  for (let i = 0; i < numCandidates; i++) best.offer(i, combine(least, i))
  const { threshold } = best
  return i => combine(most, i) >= threshold
}
