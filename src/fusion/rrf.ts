import { EsplanadeError } from '../errors.ts'
import {
  candidatesOf,
  type FusedHit,
  type FusionList,
  type FusionOptions,
  rankFused
} from './fusion-list.ts'

/** Cormack et al.'s constant: what the first ranks count for more than those behind them. */
const DEFAULT_RANK_CONSTANT = 60

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
export function rrf(lists: readonly FusionList[], options: RrfOptions = {}): FusedHit[] {
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
  const addedBy = (at: number, i: number) => {
    const rank = candidates[i]!.hits[at]?.rank
    return rank === undefined ? 0 : weights[at]! / (rankConstant + rank)
  }
  return rankFused(lists, candidates, addedBy, options)
}
