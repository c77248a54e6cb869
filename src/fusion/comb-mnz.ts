import { combine } from './comb-sum.ts'
import type { FusedHit, FusionList, FusionOptions } from './fusion-list.ts'

/**
 * CombMNZ: CombSUM times the number of lists that have the document, so that agreement counts.
 *
 * Ties stand as the first list has them. Source: Fox and Shaw, "Combination of Multiple Searches", TREC-2,
 * 1994; the normalisation is Lee's (SIGIR 1997).
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function combMnz<Key = string>(
  lists: readonly FusionList<Key>[],
  options: FusionOptions = {}
): FusedHit<Key>[] {
  return combine(lists, options, numLists => numLists)
}
