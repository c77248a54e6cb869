import { EsplanadeError } from '../errors.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Hit } from '../vector/hit.ts'
import { type Metric, similarity } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { EntryHit } from './entry-key.ts'
import { searchEntries, type ViewStats } from './entry-search.ts'
import type { DocumentScope } from './open-segment.ts'
import type { View } from './view.ts'

/** What is wanted of a search for documents. */
export interface DocumentSelection {
  readonly k: number
  readonly scope: DocumentScope
  readonly minScore: number
  /** The last hit of the page before. */
  readonly searchAfter: Hit | undefined
  readonly strategy: Strategy
  readonly metric: Metric
}

/** How much deeper is looked where passages of k documents took too many places. */
const DEEPER = 4

/**
 * The best documents of a view, each by its best passage: score descending, then in the order in
 * which they were written.
 *
 * @throws EsplanadeError `KEY_NOT_FOUND` when `searchAfter` names no document of the namespace
 */
export function searchDocuments(
  view: View,
  query: SparseVector,
  { k, searchAfter, ...selection }: DocumentSelection
): { readonly hits: readonly EntryHit[]; readonly stats: ViewStats } {
  const after = searchAfter && placeOf(view, query, searchAfter, selection)
  if (!view.hasPassages) return searchEntries(view, query, { ...selection, k, after })
  const { numEntries } = view
  for (let depth = k; ; depth *= DEEPER) {
    const { hits, stats } = searchEntries(view, query, { ...selection, k: depth, after })
    const best = new Map<number, EntryHit>()
    for (const hit of hits) if (!best.has(hit.seq)) best.set(hit.seq, hit)
    // A document whose best passage stands before this page is not one of it.
    if (after !== undefined) {
      for (const seq of best.keys()) {
        const place = bestPassage(view, query, seq, selection.metric)
        if (!standsBehind({ seq, ...place }, after)) best.delete(seq)
      }
    }
    if (best.size >= k || hits.length < depth || depth >= numEntries) {
      return { hits: [...best.values()].slice(0, k), stats }
    }
  }
}

/** The score of a document's best passage, and which that is: the first of the best. */
export function bestPassage(
  view: View,
  query: SparseVector,
  seq: number,
  metric: Metric
): { readonly score: number; readonly passageIndex: number } {
  let score = Number.NEGATIVE_INFINITY
  let passageIndex = 0
  for (const [i, vector] of view.store.vectors(seq)!.passages.entries()) {
    const own = similarity(query, vector, metric)
    if (own > score) {
      score = own
      passageIndex = i
    }
  }
  return { score, passageIndex }
}

/** Where the last page ended. */
function placeOf(
  view: View,
  query: SparseVector,
  searchAfter: Hit,
  { scope, metric }: Pick<DocumentSelection, 'scope' | 'metric'>
): EntryHit {
  const after = seqAfter(view, { scope, searchAfter })!
  const { seq, score } = after
  if (!view.hasPassages) return after
  return { seq, passageIndex: bestPassage(view, query, seq, metric).passageIndex, score }
}

/**
 * The document where the last page ended; of its passages the first, whichever is the best.
 *
 * @throws EsplanadeError `KEY_NOT_FOUND` when the namespace has no document of the key
 */
export function seqAfter(
  view: View,
  { scope, searchAfter }: Pick<DocumentSelection, 'scope' | 'searchAfter'>
): EntryHit | undefined {
  if (searchAfter === undefined) return undefined
  const { key, score } = searchAfter
  const seq = view.store.seqOf(scope.namespace, key)
  if (seq !== undefined) return { seq, passageIndex: 0, score }
  throw new EsplanadeError('KEY_NOT_FOUND', {
    place: 'searchAfter',
    problem: `the collection has no document ${JSON.stringify(key)} any more`,
    remedy: 'Page through a snapshot, in which nothing changes'
  })
}

function standsBehind(hit: EntryHit, other: EntryHit): boolean {
  if (hit.score !== other.score) return hit.score < other.score
  if (hit.seq !== other.seq) return hit.seq > other.seq
  return hit.passageIndex > other.passageIndex
}
