import type { Metadata } from '../corpus/metadata.ts'
import { checkQueryMode, type QueryMode } from '../encoder/query-modes.ts'
import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { checkTypes } from '../filter/check-types.ts'
import type { Filter } from '../filter/filter.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import type { ValueType } from '../filter/value.ts'
import type { StageTime } from '../rerank/stopwatch.ts'
import { checkedOptions, type SearchStats } from '../search/search-options.ts'
import type { Strategy } from '../search/strategy.ts'
import type { Hit } from '../vector/hit.ts'
import { checkSparseVector, type SparseVector, sparseVector } from '../vector/sparse-vector.ts'
import type { DocumentSelection } from './document-search.ts'
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
  readonly stats: Omit<SearchStats, 'numUnknownTerms'>
}

/** Options of a search of a collection. */
export interface CollectionSearchOptions extends SecondStageOptions {
  /** Documents to return, a whole number from 1; default 10. */
  readonly k?: number
  /**
   * What is compared: the model's terms, the words, or both. Default: both where the collection has
   * lexical terms and a model (`'combined'`), else what it has.
   */
  readonly mode?: SearchMode
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
  /** Stops the search before it starts, and the second stage at its next safe point. */
  readonly signal?: AbortSignal
}

/** @throws EsplanadeError `INVALID_ARGUMENT`, `FILTER_INVALID`, `ABORTED` */
export function checkSearch(
  options: CollectionSearchOptions,
  view: View,
  settings: CollectionSettings
): Omit<DocumentSelection, 'metric'> & { readonly depth: number } {
  const { k, minScore, searchAfter, strategy, signal, namespace = '' } = options
  const checked = checkedOptions({ k, minScore, searchAfter, strategy, signal }, 0)
  if (options.queryMode !== undefined) checkQueryMode(options.queryMode)
  checkMode(options.mode, settings)
  if (typeof namespace !== 'string') refuse('namespace', namespace, 'a string')
  const filter = options.filter === undefined ? undefined : parseFilter(options.filter)
  if (filter !== undefined) checkFilterTypes(filter, namespace, view)
  return {
    k: checked.k,
    depth: firstStageDepth(options, checked.k),
    minScore: checked.minScore,
    searchAfter: checked.searchAfter,
    strategy: checked.strategy,
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

/** A vector of the caller's. @throws EsplanadeError `INVALID_VECTOR` */
export function checkVector(vector: SparseVector, place = 'query'): SparseVector {
  const { terms, weights } = vector ?? {}
  if (terms instanceof Uint32Array && weights instanceof Float32Array) {
    checkSparseVector(terms, weights, place)
    return vector
  }
  if (terms === undefined || weights === undefined) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: 'it is neither a text nor a vector',
      expected: 'a string, or { terms, weights }'
    })
  }
  return sparseVector(terms, weights, place)
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given ${String(given)}`,
    expected
  })
}
