import {
  candidatesOf,
  checkCount,
  DEFAULT_DEPTH,
  type FusedHit,
  type FusionList,
  type FusionOptions,
  type FusionPart,
  rankFused,
  scoresIn,
  sharesOf
} from './fusion-list.ts'
import { scoresOfBest } from './minimal-probing.ts'
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
  const { k = Number.POSITIVE_INFINITY } = options
  if (options.k !== undefined) checkCount('k', options.k)
  const isBound = lists.every(
    ({ missing, missingAtMost }) => missing === 'zero' || missingAtMost !== undefined
  )
  const scores =
    isBound && k < candidates.keys.length
      ? scoresOfBest(lists, candidates, combine, { depth, k })
      : lists.map((list, at) => scoresIn(list, at, candidates))
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
 * What one document of these true scores is made of, one a list: the values sum to the score that
 * {@link convexCombination} gives it.
 */
export function convexParts<Key>(
  lists: readonly FusionList<Key>[],
  scores: ArrayLike<number>,
  { normalization = 'min-max', depth = DEFAULT_DEPTH }: ConvexCombinationOptions = {}
): FusionPart[] {
  const shares = sharesOf(lists)
  return lists.map(({ name, list }, at) => {
    const normalized = NORMALIZATIONS[normalization](list, depth)(scores[at]!)
    const factor = shares[at]!
    return { list: name, score: scores[at]!, normalized, factor, value: factor * normalized }
  })
}
