import type { Stopwatch } from '../rerank/stopwatch.ts'
import type { FusionPlan } from './hybrid-fusion.ts'
import {
  type FusedEntry,
  fuseLists,
  type HybridList,
  type HybridVectors,
  type ListSelection,
  searchLists
} from './hybrid-search.ts'
import type { View } from './view.ts'

/** What is found with a short dense list: the lists, and the best documents. */
export interface ShortFusion {
  readonly lists: readonly HybridList[]
  readonly hits: readonly FusedEntry[]
}

/** Documents of a dense list that cost next to nothing. */
const SHORT_DEPTH = 100

/**
 * The best k documents of a hybrid search, with a dense list of about k documents in place of one of
 * `depth`: to find the 1,000 best vectors takes longer than to find 100, as more of them must be scored
 * in float32.
 *
 * The documents are the same, in the same order. Every document of the other lists has its true dense
 * score, in the dense list or not. One that only the dense list has cannot be among the best k unless it
 * is among the best k there: others of at least its dense score have no less of the other lists, and in
 * ties they stand before it. What is not the same is where documents stand in the dense list. That decides
 * between documents of one fused score whose dense scores differ, and between the k-th and the next; then
 * nothing is returned. Nor is it for methods that look at ranks or at all scores of a list.
 *
 * @returns undefined where the lists must be as long as the plan says
 */
export function shortFusion(
  view: View,
  vectors: HybridVectors,
  selection: ListSelection,
  plan: FusionPlan,
  k: number,
  stopwatch: Stopwatch
): ShortFusion | undefined {
  const { method, weights, depth } = plan
  const denseDepth = Math.max(k, SHORT_DEPTH)
  // The passage that a hit shows depends on its ranks.
  if (!weights.has('dense') || denseDepth >= depth || view.hasPassages) return undefined
  if (selection.walk !== undefined || method.method !== 'convex') return undefined
  const { normalization = 'min-max' } = method
  if (normalization !== 'min-max' && normalization !== 'none') return undefined
  const lists = searchLists(view, vectors, selection, plan, stopwatch, denseDepth)
  const wanted = { k: k + 1, minScore: Number.NEGATIVE_INFINITY, after: undefined }
  const hits = fuseLists(lists, plan, wanted)
  if (!isCertain(hits, k)) return undefined
  return { lists, hits: hits.slice(0, k) }
}

/** Whether no tie is decided by where documents stand in the dense list. */
function isCertain(hits: readonly FusedEntry[], k: number): boolean {
  for (let i = 1; i < hits.length; i++) {
    const [before, hit] = [hits[i - 1]!, hits[i]!]
    if (before.score !== hit.score) continue
    if (i === k || denseScoreOf(before) !== denseScoreOf(hit)) return false
  }
  return true
}

function denseScoreOf({ parts }: FusedEntry): number | undefined {
  return parts.find(({ list }) => list === 'dense')!.score
}
