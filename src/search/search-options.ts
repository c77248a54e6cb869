import { EsplanadeError } from '../errors.ts'
import type { Hit, RankedList } from '../vector/hit.ts'
import { type SparseVector, sparseVector } from '../vector/sparse-vector.ts'
import type { DocumentSet } from './document-set.ts'

/** Options of `SparseIndex.search`. */
export interface SearchOptions {
  /** Hits wanted, an integer of at least 1 (default 10). Fewer come when fewer documents match. */
  readonly k?: number | undefined
  /** Searches these documents only (default: all); made by `SparseIndex.documentSet`. */
  readonly filter?: DocumentSet | undefined
  /** Leaves out hits that score below this (default: none). */
  readonly minScore?: number | undefined
  /**
   * Continues after this hit, the last one of the page before, of the same query and filter
   * (default: begins at the best one). Ranks go on from it.
   */
  readonly searchAfter?: Hit | undefined
  /** Stops the search before it starts; one query takes no longer than a few milliseconds. */
  readonly signal?: AbortSignal | undefined
}

/** How a search was done and what it cost. */
export interface SearchStats {
  /** How documents were scored. */
  readonly strategy: 'exhaustive'
  /** Terms of the query that occur in the index. */
  readonly numQueryTerms: number
  /** Terms of the query that the index lacks: they match nothing. */
  readonly numUnknownTerms: number
  /** Postings read. */
  readonly numPostings: number
  /** Documents that pass the filter and match at least one term. */
  readonly numScored: number
}

/** What `SparseIndex.search` returns. */
export interface SearchResult extends RankedList {
  /** Whether the hits are certain to be those of the exhaustive search, in the same order. */
  readonly rankSafe: boolean
  readonly stats: SearchStats
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given ${String(given)}`,
    expected
  })
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`; `ABORTED` when the signal has fired
 */
export function checkedOptions(
  options: SearchOptions,
  numDocuments: number
): Pick<SearchOptions, 'filter' | 'searchAfter'> & { k: number; minScore: number } {
  const { k = 10, filter, minScore = Number.NEGATIVE_INFINITY, searchAfter, signal } = options
  if (signal?.aborted === true) {
    throw new EsplanadeError('ABORTED', {
      problem: 'the search was stopped by its signal',
      cause: signal.reason
    })
  }
  if (!Number.isInteger(k) || k < 1) refuse('k', k, 'an integer of at least 1')
  if (typeof minScore !== 'number' || Number.isNaN(minScore)) {
    refuse('minScore', minScore, 'a number')
  }
  if (filter !== undefined && filter.numDocuments !== numDocuments) {
    refuse('filter', `a set over ${filter.numDocuments} documents`, 'a set made by this index')
  }
  if (searchAfter !== undefined) {
    const { score, rank } = searchAfter
    if (!Number.isFinite(score)) refuse('searchAfter.score', score, 'the score of a hit')
    if (!Number.isInteger(rank) || rank < 1) refuse('searchAfter.rank', rank, 'the rank of a hit')
  }
  return { k, filter, minScore, searchAfter }
}

/**
 * A vector that keeps its contract, whoever made it: typed arrays, or plain ones from JavaScript.
 *
 * @throws EsplanadeError `INVALID_VECTOR`
 */
export function checkedVector(vector: SparseVector, place: string): SparseVector {
  if (!isArrayLike(vector?.terms) || !isArrayLike(vector.weights)) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: 'not a sparse vector',
      expected: 'an object of two arrays: terms and weights',
      remedy: 'Encode the text first, or make the vector with sparseVector(terms, weights)'
    })
  }
  return sparseVector(vector.terms, vector.weights, place)
}

function isArrayLike(value: unknown): value is ArrayLike<number> {
  return typeof value === 'object' && value !== null && 'length' in value
}
