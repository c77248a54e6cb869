import {
  candidatesOf,
  DEFAULT_DEPTH,
  type FusedHit,
  type FusionList,
  type FusionOptions,
  rankFused
} from './fusion-list.ts'
import { minMax } from './min-max.ts'

/**
 * CombSUM: the sum of a document's min-max normalised scores in the lists that have it, each times the
 * list's weight.
 *
 * Ties stand as the first list has them. Source: Fox and Shaw, "Combination of Multiple Searches", TREC-2,
 * 1994; the normalisation is Lee's (SIGIR 1997).
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function combSum<Key = string>(
  lists: readonly FusionList<Key>[],
  options: FusionOptions = {}
): FusedHit<Key>[] {
  return combine(lists, options, () => 1)
}

/**
 * The sums of both CombSUM and CombMNZ.
 *
 * @param factorOf - what a document's sum is multiplied by, given the number of lists that have it
 */
export function combine<Key>(
  lists: readonly FusionList<Key>[],
  options: FusionOptions,
  factorOf: (numLists: number) => number
): FusedHit<Key>[] {
  const candidates = candidatesOf(lists, options.depth ?? DEFAULT_DEPTH)
  const { ranks, scores } = candidates
  const normalizers = lists.map(({ list }) => minMax(list))
  const weights = lists.map(({ weight = 1 }) => weight)
  const factors = Float64Array.from(candidates.keys, (_, i) => {
    let numLists = 0
    for (const own of ranks) if (own[i]! > 0) numLists++
    return factorOf(numLists)
  })
  const normalized = (at: number, i: number) =>
    ranks[at]![i]! > 0 ? normalizers[at]!(scores[at]![i]!) : 0
  const factor = (at: number, i: number) => factors[i]! * weights[at]!
  const scoring = {
    added: (at: number, i: number) => factor(at, i) * normalized(at, i),
    normalized,
    factor
  }
  return rankFused(lists, candidates, scoring, options)
}
