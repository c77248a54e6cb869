import type { Metadata } from '../corpus/metadata.ts'
import { checkQueryMode, type QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { checkTypes } from '../filter/check-types.ts'
import type { Filter } from '../filter/filter.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import type { ValueType } from '../filter/value.ts'
import type { StageTime } from '../rerank/stopwatch.ts'
import { checkedOptions } from '../search/search-options.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Hit } from '../vector/hit.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { type DenseStrategy, graphWalk } from './dense-strategy.ts'
import type { CollectionSearchStats, FirstStageSelection } from './first-stage.ts'
import type { HybridFusion } from './hybrid-fusion.ts'
import { checkMode, type SearchMode } from './search-mode.ts'
import { firstStageDepth, type SecondStageOptions } from './second-stage.ts'
import type { CollectionSettings } from './settings.ts'
import type { View } from './view.ts'

/** One document that a search found. */
export interface CollectionHit extends Hit {
  readonly text: string
  readonly metadata: Metadata
  /** Where its best passage lies in `text`, `[start, end)`; absent for one undivided text. */
  readonly passage?: readonly [start: number, end: number]
  /** With `includeVectors`: the model's, or those that were given, one a passage, in their order. */
  readonly vectors?: readonly SparseVector[]
  /** With `includeVectors`, where words are terms: those of each passage, in their order. */
  readonly lexicalVectors?: readonly SparseVector[]
  /** With `explain`: why it has its score. */
  readonly explanation?: HitExplanation
  /** With `rerank`: what the first stage made of it, and with `explain` why. */
  readonly before?: {
    readonly score: number
    readonly rank: number
    readonly explanation?: HitExplanation
  }
}

/** What a search of a collection found. */
export interface CollectionResult {
  readonly hits: readonly CollectionHit[]
  /**
   * Whether the hits are certain to be those of the exhaustive search, in the same order. With
   * `rerank`: whether the hits that were reranked are.
   */
  readonly rankSafe: boolean
  /**
   * How long each stage took, in the order they ran: `encode` (the query), `search`, `read` (the
   * documents), `rerank` with the reranker's parts, `explain`.
   */
  readonly stages: readonly StageTime[]
  readonly stats: CollectionSearchStats
}

/** Options of a search of a collection. */
export interface CollectionSearchOptions extends SecondStageOptions {
  /** Documents to return, a whole number from 1; default 10. */
  readonly k?: number
  /**
   * What is compared: the model's terms, the words, both in one vector, the dense vectors, or all of
   * these as lists that are fused. Default: `'hybrid'` where the collection has a dense model and another
   * list, `'combined'` where it has a model and lexical terms, else what it has; a sparse vector is
   * searched as it is.
   */
  readonly mode?: SearchMode
  /**
   * Of the mode `'hybrid'`: how its lists are fused. Default: as learned for the collection
   * (`saveFusionTuning`, `esplanade tune --topics`), else convex, min-max, .25, .5 and .25.
   */
  readonly fusion?: HybridFusion
  /** How the model makes a vector of a text; default: as the collection was opened, else `'full'`. */
  readonly queryMode?: QueryMode
  /** Searches only documents whose metadata pass; see `docs/filters.md`. Default: all. */
  readonly filter?: unknown
  /** Searches only the documents of this namespace; default `''`. */
  readonly namespace?: string
  /** Says of each hit why it has its score; default false. */
  readonly explain?: boolean
  /** Leaves out documents that score below this in the first stage; default: none. */
  readonly minScore?: number
  /** The last hit of the page before, of the same query and filter; not with `rerank`. */
  readonly searchAfter?: Hit
  /** Gives the vectors of each hit; default false. */
  readonly includeVectors?: boolean
  /** How to search (default `'auto'`: exact); an approximate one is asked for by name. */
  readonly strategy?: Strategy
  /**
   * How dense vectors are searched; default: by the collection's graphs where it was made with
   * `index: 'hnsw'`, else exactly.
   */
  readonly denseStrategy?: DenseStrategy
  /** Stops the search before it starts, and the second stage at its next safe point. */
  readonly signal?: AbortSignal
}

/** @throws EsplanadeError `INVALID_ARGUMENT`, `FILTER_INVALID`, `ABORTED` */
export function checkSearch(
  options: CollectionSearchOptions,
  view: View,
  settings: CollectionSettings
): FirstStageSelection & { readonly depth: number } {
  const { k, minScore, searchAfter, strategy, signal, namespace = '' } = options
  const checked = checkedOptions({ k, minScore, searchAfter, strategy, signal }, 0)
  if (options.queryMode !== undefined) checkQueryMode(options.queryMode)
  checkMode(options.mode, settings)
  if (typeof namespace !== 'string') refuse('namespace', namespace, 'a string')
  const filter = options.filter === undefined ? undefined : parseFilter(options.filter)
  if (filter !== undefined) checkFilterTypes(filter, namespace, view)
  return {
    k: checked.k,
    depth: firstStageDepth(options, checked.k, settings),
    minScore: checked.minScore,
    searchAfter: checked.searchAfter,
    strategy: checked.strategy,
    walk: graphWalk(options.denseStrategy, settings.dense),
    scope: { namespace, filter }
  }
}

/**
 * Refuses a filter that compares a field with a type that no document of the namespace has there.
 *
 * @throws EsplanadeError `FILTER_INVALID`
 */
export function checkFilterTypes(filter: Filter, namespace: string, view: View): void {
  checkTypes(filter, path => {
    const types = new Set<ValueType>()
    for (const { segment } of view.segments) {
      for (const type of segment.columns.typesOf(path, namespace)) types.add(type)
    }
    for (const { delta, numEntries } of view.deltas) {
      for (const type of delta.typesOf(path, namespace, numEntries)) types.add(type)
    }
    return types
  })
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given ${String(given)}`,
    expected
  })
}
