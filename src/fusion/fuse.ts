import { EsplanadeError } from '../errors.ts'
import { combMnz } from './comb-mnz.ts'
import { combSum } from './comb-sum.ts'
import { type ConvexCombinationOptions, convexCombination } from './convex-combination.ts'
import type { FusedHit, FusionList, FusionOptions } from './fusion-list.ts'
import { minMax } from './min-max.ts'
import { NORMALIZATIONS, type Normalize } from './normalization.ts'
import { type RrfOptions, rrf } from './rrf.ts'
import type { ScoredList } from './scored-list.ts'

/** A way of fusing rankings, with its parameters. */
export type FusionMethod =
  | ({ readonly method: 'rrf' } & Pick<RrfOptions, 'rankConstant'>)
  | ({ readonly method: 'convex' } & Pick<ConvexCombinationOptions, 'normalization'>)
  | { readonly method: 'comb-sum' }
  | { readonly method: 'comb-mnz' }

/**
 * Several rankings as one.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function fuse<Key = string>(
  lists: readonly FusionList<Key>[],
  method: FusionMethod,
  options: FusionOptions = {}
): FusedHit<Key>[] {
  switch (method.method) {
    case 'rrf':
      return rrf(lists, { ...method, ...options })
    case 'convex':
      return convexCombination(lists, { ...method, ...options })
    case 'comb-sum':
      return combSum(lists, options)
    case 'comb-mnz':
      return combMnz(lists, options)
    default:
      return refuseMethod(method)
  }
}

/**
 * How a method makes scores of a list comparable; undefined for one that looks at ranks only.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function normalizerOf(
  method: FusionMethod,
  list: ScoredList,
  depth: number
): Normalize | undefined {
  switch (method.method) {
    case 'rrf':
      return undefined
    case 'convex':
      return NORMALIZATIONS[method.normalization ?? 'min-max'](list, depth)
    case 'comb-sum':
    case 'comb-mnz':
      return minMax(list)
    default:
      return refuseMethod(method)
  }
}

function refuseMethod(method: unknown): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'method',
    problem: `there is no fusion ${JSON.stringify((method as { method: unknown }).method)}`,
    expected: 'rrf, convex, comb-sum or comb-mnz'
  })
}
