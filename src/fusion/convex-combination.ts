import {
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
  const scores = lists.map((list, at) => scoresIn(list, at, candidates))
  const normalized = (at: number, i: number) => normalizers[at]!(scores[at]![i]!)
  const scoring = {
    added: (at: number, i: number) => shares[at]! * normalized(at, i),
    normalized,
    factor: (at: number) => shares[at]!,
    scores
  }
  return rankFused(lists, candidates, scoring, options)
}
