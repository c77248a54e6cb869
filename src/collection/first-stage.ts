import type { HitExplanation } from '../explain/explain-hit.ts'
import { DEFAULT_DEPTH } from '../fusion/fusion-list.ts'
import { type StageTime, Stopwatch } from '../rerank/stopwatch.ts'
import type { SearchStats } from '../search/search-options.ts'
import type { Strategy } from '../search/strategy.ts'
import type { CollectionContext } from './collection-context.ts'
import { searchDense } from './dense-search.ts'
import type { GraphWalk } from './dense-strategy.ts'
import {
  bestPassage,
  type DocumentSelection,
  searchDocuments,
  seqAfter
} from './document-search.ts'
import type { EncodedHybridQuery, EncodedQuery } from './encode-query.ts'
import type { EntryHit } from './entry-key.ts'
import { explainDense } from './explain-dense.ts'
import { explainDocument } from './explain-document.ts'
import { explainFused, explainNotFused } from './explain-hybrid.ts'
import { fuseFirst, type HybridList, type ListStats } from './hybrid-search.ts'
import type { StoredDocument } from './store.ts'
import { thresholdAlgorithm } from './threshold-algorithm.ts'
import type { View } from './view.ts'

/** How a search was done and what it cost; of the mode `'hybrid'` the sums over its lists. */
export interface CollectionSearchStats extends Omit<SearchStats, 'numUnknownTerms' | 'strategy'> {
  /**
   * How documents were found; of the first segment where there are several. `'flat'`: every dense vector
   * was looked at. `'hnsw'`: of some segment, those to which its graph led. `'fusion'`: `lists` has it for
   * each.
   */
  readonly strategy: SearchStats['strategy'] | 'flat' | 'hnsw' | 'fusion'
  /** Of the mode `'hybrid'`: the same of each list, in the order in which they are fused. */
  readonly lists?: readonly ListStats[]
}

/** What the first stage of a search found. */
export interface FoundDocuments {
  readonly hits: readonly EntryHit[]
  readonly stats: CollectionSearchStats
  /** Of the mode `'hybrid'`: how long each list took, and the fusion. */
  readonly parts?: readonly StageTime[]
  /** Why a document has its score, whether it was found or not. */
  explain(document: StoredDocument): Promise<HitExplanation>
}

/** What is wanted of the first stage. */
export interface FirstStageSelection extends Omit<DocumentSelection, 'metric'> {
  /** How graphs over dense vectors are walked, those that are open; undefined: they are not. */
  readonly walk: GraphWalk | undefined
}

/** Whether hits are certain to be those of the exhaustive search. */
export function isRankSafe(
  strategy: Strategy,
  { strategy: done, lists }: CollectionSearchStats
): boolean {
  const isWalk = done === 'hnsw' || lists?.some(list => list.strategy === 'hnsw') === true
  return typeof strategy === 'string' && !isWalk
}

/**
 * The best documents of a view for a query, in its mode.
 *
 * @throws EsplanadeError `KEY_NOT_FOUND`, `INVALID_ARGUMENT` for the hit that a page is to begin after
 */
export function findDocuments(
  query: EncodedQuery,
  selection: FirstStageSelection,
  view: View,
  context: CollectionContext
): FoundDocuments {
  if (query.mode === 'hybrid') return findFused(query, selection, view, context)
  const explain = (document: StoredDocument) => explainOne(query, document, view, context)
  if (query.mode === 'dense') {
    const wanted = { ...selection, after: seqAfter(view, selection) }
    const { hits, stats } = searchDense(view, query.vector, wanted)
    const { strategy, numScored } = stats
    return { hits, stats: { ...NO_POSTINGS, strategy, numScored }, explain }
  }
  const { metric } = context.settings
  const { hits, stats } = searchDocuments(view, query.vector, { ...selection, metric })
  return { hits, stats: { numQueryTerms: query.vector.terms.length, ...stats }, explain }
}

const NO_POSTINGS = { numQueryTerms: 0, numPostings: 0, numBlocks: 0 }

/** Why a document has its score among those of a scope. */
export async function explainIn(
  { scope, walk }: Pick<FirstStageSelection, 'scope' | 'walk'>,
  query: EncodedQuery,
  document: StoredDocument,
  view: View,
  context: CollectionContext
): Promise<HitExplanation> {
  if (query.mode !== 'hybrid') return explainOne(query, document, view, context)
  return findFused(query, { scope, walk, ...BEST }, view, context).explain(document)
}

const BEST = {
  k: 1,
  minScore: Number.NEGATIVE_INFINITY,
  strategy: 'auto',
  searchAfter: undefined
} as const

async function explainOne(
  query: Exclude<EncodedQuery, EncodedHybridQuery>,
  document: StoredDocument,
  view: View,
  context: CollectionContext
): Promise<HitExplanation> {
  if (query.mode === 'dense') {
    return explainDense(query.vector, document, view, context.settings.dense!)
  }
  return explainDocument({ ...query, document }, view, context)
}

function findFused(
  { vectors, plan, text }: EncodedHybridQuery,
  { k, minScore, scope, strategy, searchAfter, walk }: FirstStageSelection,
  view: View,
  context: CollectionContext
): FoundDocuments {
  const { metric } = context.settings
  const after = seqAfter(view, { scope, searchAfter })
  const stopwatch = new Stopwatch()
  const lists = { view, vectors, selection: { scope, strategy, metric, walk }, stopwatch }
  // Whoever asks for all of them may name any number.
  const page = { k: Math.min(k, view.numEntries + 1), minScore, after }
  // Only exact lists tell what documents further down score at most, and the same at every depth.
  const isExact = typeof strategy === 'string' && walk === undefined
  const fused =
    plan.depth === undefined && isExact
      ? thresholdAlgorithm(lists, plan, page)
      : fuseFirst(lists, { ...plan, depth: plan.depth ?? DEFAULT_DEPTH }, page)
  return {
    hits: fused.hits,
    stats: sumOf(fused.lists),
    parts: stopwatch.stages.slice(),
    explain: document => {
      const { entry, lists } = fused.entryOf(document.seq)
      if (entry === undefined) return explainNotFused(document, plan.depth ?? DEFAULT_DEPTH)
      const explainTerms = (name: 'sparse' | 'bm25') => {
        const query = { mode: name, vector: vectors[name]!, ...(text !== undefined && { text }) }
        return explainDocument({ ...query, document }, view, context)
      }
      const offsetOf = (name: 'sparse' | 'bm25') => {
        const { passageIndex } = bestPassage(view, vectors[name]!, document.seq, metric)
        return document.passages?.[passageIndex]?.[0] ?? 0
      }
      return explainFused({ document, entry, lists, plan, explainTerms, offsetOf })
    }
  }
}

function sumOf(lists: readonly HybridList[]): CollectionSearchStats {
  const stats = lists.map(list => list.stats)
  const sum = (field: 'numQueryTerms' | 'numPostings' | 'numBlocks' | 'numScored'): number =>
    stats.reduce((total, one) => total + one[field], 0)
  return {
    strategy: 'fusion',
    numQueryTerms: sum('numQueryTerms'),
    numPostings: sum('numPostings'),
    numBlocks: sum('numBlocks'),
    numScored: sum('numScored'),
    lists: stats
  }
}
