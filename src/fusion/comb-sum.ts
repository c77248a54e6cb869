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
export function combSum(lists: readonly FusionList[], options: FusionOptions = {}): FusedHit[] {
  return combine(lists, options, () => 1)
}

/**
 * The sums of both CombSUM and CombMNZ.
 *
 * @param factorOf - what a document's sum is multiplied by, given the number of lists that have it
 */
export function combine(
  lists: readonly FusionList[],
  options: FusionOptions,
  factorOf: (numLists: number) => number
): FusedHit[] {
  const candidates = candidatesOf(lists, options.depth ?? DEFAULT_DEPTH)
  const normalizers = lists.map(({ list }) => minMax(list))
  const factors = candidates.map(({ hits }) => {
    return factorOf(hits.filter(hit => hit !== undefined).length)
  })
  const addedBy = (at: number, i: number) => {
    const hit = candidates[i]!.hits[at]
    if (hit === undefined) return 0
    const { weight = 1 } = lists[at]!
    return factors[i]! * weight * normalizers[at]!(hit.score)
  }
  return rankFused(lists, candidates, addedBy, options)
}
