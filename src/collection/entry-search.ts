import { type Filter, filterKey } from '../filter/filter.ts'
import { matches } from '../filter/matches.ts'
import type { Ranking } from '../search/collector.ts'
import type { SearchStats } from '../search/search-options.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { DeltaFilter } from './delta.ts'
import type { EntryHit } from './entry-key.ts'
import type { DocumentScope } from './open-segment.ts'
import { type SearchedPart, searchParts } from './search-parts.ts'
import type { View } from './view.ts'

/** What is wanted of a search. */
export interface ViewSelection {
  readonly k: number
  readonly scope: DocumentScope
  readonly minScore: number
  /** Only entries after this one. */
  readonly after: EntryHit | undefined
  readonly strategy: Strategy
  readonly metric: Metric
}

/** What the search of a view cost, over all its parts. */
export type ViewStats = Pick<SearchStats, 'strategy' | 'numPostings' | 'numBlocks' | 'numScored'>

/** The best entries of a view: score descending, then in the order in which they were written. */
export function searchEntries(
  view: View,
  query: SparseVector,
  selection: ViewSelection
): { readonly hits: readonly EntryHit[]; readonly stats: ViewStats } {
  const { k, scope, after, strategy, metric } = selection
  const stats = { strategy: undefined as ViewStats['strategy'] | undefined, ...NO_COST }
  const counted = (ranking: Ranking): Ranking => {
    stats.numPostings += ranking.numPostings
    stats.numBlocks += ranking.numBlocks
    stats.numScored += ranking.numScored
    return ranking
  }
  const parts: SearchedPart[] = []
  for (const { segment, live } of view.segments) {
    const bits = segment.bits(scope, live)
    if (bits?.size === 0) continue
    parts.push({
      numEntries: bits?.size ?? segment.record.numEntries,
      search: (wanted, minScore) => {
        const result = segment.search(query, { k: wanted, minScore, after, strategy }, bits)
        stats.strategy ??= result.strategy
        return counted(result)
      },
      placeOf: id => segment.seqs.placeOf(id)
    })
  }
  const filter = deltaFilter(scope)
  const { commit } = view
  for (const { delta, numEntries } of view.deltas) {
    if (numEntries === 0) continue
    const start = after && { entry: delta.entryAt(after), score: after.score }
    const common = { numEntries, commit, after: start, filter, metric }
    parts.push({
      numEntries,
      search: (wanted, minScore) =>
        counted(delta.search(query, { ...common, k: wanted, minScore })),
      placeOf: entry => delta.placeOf(entry)
    })
  }
  const hits = searchParts(parts, k, selection.minScore)
  return { hits, stats: { ...stats, strategy: stats.strategy ?? 'exhaustive' } }
}

const NO_COST = { numPostings: 0, numBlocks: 0, numScored: 0 }

/** The scope as a test of documents in memory. */
export function deltaFilter({ namespace, filter }: DocumentScope): DeltaFilter {
  return {
    name: `${namespace}\0${filter === undefined ? '' : filterKey(filter)}`,
    passes: document => isInScope(document, { namespace, filter })
  }
}

/** Whether a document is of the namespace and passes the filter. */
export function isInScope(
  document: { readonly namespace: string; readonly metadata: Parameters<typeof matches>[1] },
  { namespace, filter }: { readonly namespace: string; readonly filter: Filter | undefined }
): boolean {
  if (document.namespace !== namespace) return false
  return filter === undefined || matches(filter, document.metadata)
}
