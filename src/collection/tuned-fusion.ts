import { DEFAULT_DEPTH } from '../fusion/fusion-list.ts'
import type { WeightedFusion } from '../fusion/fusion-tuning.ts'
import type { HybridFusion } from './hybrid-fusion.ts'
import type { ListName } from './search-mode.ts'

/**
 * A learned fusion for the lists that a query has, which may be fewer than it was learned for: ready
 * vectors have no words. The others keep their weights.
 *
 * @returns undefined where it says nothing of one of the lists, or leaves fewer than two: the default
 *   is better than a guess
 */
export function tunedFor(
  tuned: WeightedFusion | undefined,
  lists: readonly ListName[]
): HybridFusion | undefined {
  if (tuned === undefined) return undefined
  const { weights, depth, ...fusion } = tuned
  const own = lists.map(name => [name, weights[name]] as const)
  if (own.some(([, weight]) => weight === undefined)) return undefined
  const isAll = Object.entries(weights).every(
    ([name, weight]) => weight === 0 || (lists as readonly string[]).includes(name)
  )
  const numWeighted = own.filter(([, weight]) => weight! > 0).length
  if (!isAll && numWeighted < 2) return undefined
  // Lists of the usual length say nothing of how deep to search.
  const usual = depth === DEFAULT_DEPTH ? {} : { depth }
  return { ...fusion, ...usual, weights: Object.fromEntries(own) }
}
