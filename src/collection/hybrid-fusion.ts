import { EsplanadeError } from '../errors.ts'
import { type FusionMethod, normalizerOf } from '../fusion/fuse.ts'
import { checkCount, DEFAULT_DEPTH } from '../fusion/fusion-list.ts'
import { checkNormalization } from '../fusion/normalization.ts'
import { LIST_NAMES, type ListName } from './search-mode.ts'

/** How the mode `'hybrid'` fuses its lists. */
export type HybridFusion = FusionMethod & {
  /**
   * The weights of the lists; 0 leaves a list out. A list that is not named has its default: for
   * `'convex'` .25 sparse, .5 dense and .25 BM25, or the same for both of two lists; else 1.
   */
  readonly weights?: Partial<Readonly<Record<ListName, number>>>
  /**
   * So many of each list's first documents are fused, a whole number from 1; one that the sparse list or
   * BM25 lacks counts as 0 there. Default: of `'convex'` with `'min-max'` or `'none'` all documents, by
   * their true scores; else 1,000.
   */
  readonly depth?: number
}

/** A fusion, with the weight of each list that takes part. */
export type FusionPlan = WholePlan | PlanOfFirst

/** A fusion of all documents, by their true scores. */
export interface WholePlan extends PlannedLists {
  readonly method: WholeMethod
  readonly depth?: undefined
}

/** A fusion of the first documents of each list. */
export interface PlanOfFirst extends PlannedLists {
  readonly method: FusionMethod
  /** Documents of each list that take part. */
  readonly depth: number
}

interface PlannedLists {
  /** In the order in which the lists are fused. */
  readonly weights: ReadonlyMap<ListName, number>
}

/** A method that looks at nothing of a list but its scores, their minimum and their maximum. */
type WholeMethod = Extract<FusionMethod, { method: 'convex' }> & {
  readonly normalization?: 'min-max' | 'none'
}

/** What is best on most collections of the figures in `docs/hybrid.md`. */
const DEFAULT_FUSION: HybridFusion = { method: 'convex', normalization: 'min-max' }
const THREE_LISTS: Readonly<Record<ListName, number>> = { sparse: 0.25, dense: 0.5, bm25: 0.25 }

/**
 * How the lists of a query are fused.
 *
 * @param fusion - undefined: convex, min-max, with the default weights
 * @param lists - those that can be made, in their order
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function fusionPlan(
  fusion: HybridFusion | undefined,
  lists: readonly ListName[]
): FusionPlan {
  const { weights: given = {}, depth, ...method } = fusion ?? DEFAULT_FUSION
  if (depth !== undefined) checkCount('fusion.depth', depth)
  for (const [name, weight] of Object.entries(given)) checkWeight(name, weight, lists)
  // Methods and their parameters are checked as they are used; the lists cost more than that.
  if (method.method === 'convex') checkNormalization(method.normalization ?? 'min-max')
  normalizerOf(method, { hits: [], min: 0, max: 0 }, DEFAULT_DEPTH)
  const fused = lists.filter(name => given[name] !== 0)
  if (fused.length === 0) refuse('fusion.weights', 'all of them are 0', 'one above 0')
  const defaults = method.method === 'convex' && fused.length === 3 ? THREE_LISTS : undefined
  const weights = new Map(fused.map(name => [name, given[name] ?? defaults?.[name] ?? 1]))
  if (depth === undefined && isWhole(method)) return { method, weights }
  return { method, depth: depth ?? DEFAULT_DEPTH, weights }
}

function isWhole(method: FusionMethod): method is WholeMethod {
  if (method.method !== 'convex') return false
  const { normalization = 'min-max' } = method
  return normalization === 'min-max' || normalization === 'none'
}

function checkWeight(name: string, weight: unknown, lists: readonly ListName[]): void {
  const place = `fusion.weights.${name}`
  if (!(name in THREE_LISTS)) refuse(place, 'there is no such list', LIST_NAMES.join(', '))
  if (!(typeof weight === 'number' && weight >= 0 && Number.isFinite(weight))) {
    refuse(place, `given ${String(weight)}`, 'a number from 0')
  }
  if (weight === 0 || lists.includes(name as ListName)) return
  refuse(place, 'there is nothing to search that list for', `weights of ${lists.join(', ')}`)
}

function refuse(place: string, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
