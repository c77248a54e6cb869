import { EsplanadeError } from '../errors.ts'
import { combMnz } from './comb-mnz.ts'
import { combSum } from './comb-sum.ts'
import { type ConvexCombinationOptions, convexCombination } from './convex-combination.ts'
import type { FusedHit, FusionList, FusionOptions } from './fusion-list.ts'
import { type RrfOptions, rrf } from './rrf.ts'

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
export function fuse(
  lists: readonly FusionList[],
  method: FusionMethod,
  options: FusionOptions = {}
): FusedHit[] {
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
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'method',
        problem: `there is no fusion ${JSON.stringify((method as { method: unknown }).method)}`,
        expected: 'rrf, convex, comb-sum or comb-mnz'
      })
  }
}
