import { EsplanadeError } from '../errors.ts'
import {
  candidatesOf,
  type FusedHit,
  type FusionList,
  type FusionOptions,
  rankFused
} from './fusion-list.ts'

/** Cormack et al.'s constant: what the first ranks count for more than those behind them. */
export const DEFAULT_RANK_CONSTANT = 60

export interface RrfOptions extends FusionOptions {
  /** Added to each rank; larger values level the ranks. A number from 0, default 60. */
  readonly rankConstant?: number
}

/**
 * Reciprocal rank fusion: the score of a document is the sum over the lists of
 * `weight / (rankConstant + rank)`; a list that lacks it among its first `depth` adds nothing.
 *
 * It looks at ranks only, so it needs no scores that compare, and no tuning. Ties stand as
 * the first list has them. Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion outperforms Condorcet
 * and individual Rank Learning Methods", SIGIR 2009.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function rrf<Key = string>(
  lists: readonly FusionList<Key>[],
  options: RrfOptions = {}
): FusedHit<Key>[] {
  const { rankConstant = DEFAULT_RANK_CONSTANT } = options
  if (!(rankConstant >= 0 && Number.isFinite(rankConstant))) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'rankConstant',
      problem: `${rankConstant} is no constant`,
      expected: 'a number from 0; 60 is usual'
    })
  }
  const candidates = candidatesOf(lists, options.depth)
  const weights = lists.map(({ weight = 1 }) => weight)
  const scoring = {
    // Divided, not multiplied by the inverse: ranks tie often, and what is equal must stay equal.
    added: (at: number, i: number) => {
      const rank = candidates.ranks[at]![i]!
      return rank > 0 ? weights[at]! / (rankConstant + rank) : 0
    },
    normalized: (at: number, i: number) => {
      const rank = candidates.ranks[at]![i]!
      return rank > 0 ? 1 / (rankConstant + rank) : 0
    },
    factor: (at: number) => weights[at]!
  }
  return rankFused(lists, candidates, scoring, options)
}
