import { EsplanadeError } from '../errors.ts'
import type { Hit, RankedList } from '../vector/hit.ts'
import { checkSparseVector, type SparseVector, sparseVector } from '../vector/sparse-vector.ts'
import { approximateParameters } from './approximate.ts'
import { DocumentSet } from './document-set.ts'
import type { ExactStrategy, Strategy } from './strategy.ts'

/** Options of `SparseIndex.search`. */
export interface SearchOptions {
  /** Hits wanted, an integer of at least 1 (default 10). Fewer come when fewer documents match. */
  readonly k?: number | undefined
  /** Searches these documents only (default: all); made by `SparseIndex.documentSet`. */
  readonly filter?: DocumentSet | undefined
  /** Documents that have not been deleted (default: all); searched like a filter. */
  readonly liveDocs?: DocumentSet | undefined
  /** Leaves out hits that score below this (default: none). */
  readonly minScore?: number | undefined
  /**
   * Continues after this hit, the last one of the page before, of the same query and filter
   * (default: begins at the best one). Ranks go on from it.
   */
  readonly searchAfter?: Hit | undefined
  /** How to search (default `'auto'`: what is fastest and exact). */
  readonly strategy?: Strategy | undefined
  /** Stops the search before it starts; one query takes no longer than a few milliseconds. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `SparseIndex.searchMany`. */
export interface SearchManyOptions extends SearchOptions {
  /**
   * Threads that search at once, a whole number from 1 (default 1: the thread of the caller). More
   * need Node; they share the index's memory.
   */
  readonly threads?: number | undefined
  /** Hears how many queries have been answered. */
  readonly onProgress?: ((numDone: number) => void) | undefined
}

/** How a search was done and what it cost. */
export interface SearchStats {
  /** How documents were found; of the first segment where an index has several. */
  readonly strategy: Exclude<ExactStrategy, 'auto'> | 'approximate'
  /** Terms of the query that occur in the index. */
  readonly numQueryTerms: number
  /** Terms of the query that the index lacks: they match nothing. */
  readonly numUnknownTerms: number
  /** Postings that were added up. */
  readonly numPostings: number
  /** Bounds of blocks that were looked at, one a term and block. */
  readonly numBlocks: number
  /** Documents whose exact score was computed. */
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

const STRATEGIES: ReadonlySet<unknown> = new Set<ExactStrategy>([
  'auto',
  'exhaustive',
  'document-at-a-time',
  'windowed',
  'max-score',
  'block-max'
])

/** @throws EsplanadeError `ABORTED` when the signal has fired */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new EsplanadeError('ABORTED', {
    problem: 'the search was stopped by its signal',
    cause: signal.reason
  })
}

/** Options that were checked. */
export interface CheckedOptions {
  readonly k: number
  readonly minScore: number
  readonly filter: DocumentSet | undefined
  readonly searchAfter: Hit | undefined
  readonly strategy: Strategy
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`; `ABORTED` when the signal has fired
 */
export function checkedOptions(options: SearchOptions, numDocuments: number): CheckedOptions {
  const { k = 10, filter, liveDocs, minScore = Number.NEGATIVE_INFINITY, searchAfter } = options
  const { strategy = 'auto' } = options
  checkSignal(options.signal)
  if (!Number.isInteger(k) || k < 1) refuse('k', k, 'an integer of at least 1')
  if (typeof minScore !== 'number' || Number.isNaN(minScore)) {
    refuse('minScore', minScore, 'a number')
  }
  checkSet('filter', filter, numDocuments)
  checkSet('liveDocs', liveDocs, numDocuments)
  if (searchAfter !== undefined) {
    if (searchAfter === null) refuse('searchAfter', searchAfter, 'a hit')
    const { score, rank } = searchAfter
    if (!Number.isFinite(score)) refuse('searchAfter.score', score, 'the score of a hit')
    if (!Number.isInteger(rank) || rank < 1) refuse('searchAfter.rank', rank, 'the rank of a hit')
  }
  checkStrategy(strategy)
  return { k, filter: both(filter, liveDocs), minScore, searchAfter, strategy }
}

function checkSet(place: string, set: DocumentSet | undefined, numDocuments: number): void {
  if (set === undefined) return
  if (!(set instanceof DocumentSet)) refuse(place, set, 'a set made by this index')
  if (set.numDocuments === numDocuments) return
  refuse(place, `a set over ${set.numDocuments} documents`, 'a set made by this index')
}

function checkStrategy(strategy: Strategy): void {
  if (STRATEGIES.has(strategy)) return
  if (typeof strategy === 'object' && strategy?.name === 'approximate') {
    approximateParameters(strategy)
  } else refuse('strategy', strategy, [...STRATEGIES, "{ name: 'approximate' }"].join(', '))
}

/** Intersections that were made, so that search after search finds the same set. */
const intersections = new WeakMap<DocumentSet, WeakMap<DocumentSet, DocumentSet>>()

function both(
  filter: DocumentSet | undefined,
  liveDocs: DocumentSet | undefined
): DocumentSet | undefined {
  if (filter === undefined || liveDocs === undefined) return filter ?? liveDocs
  const known = intersections.get(filter) ?? new WeakMap<DocumentSet, DocumentSet>()
  const set = known.get(liveDocs) ?? filter.intersection(liveDocs)
  intersections.set(filter, known.set(liveDocs, set))
  return set
}

/**
 * A vector that keeps its contract, whoever made it: typed arrays, or plain ones from JavaScript. It is
 * not copied if it need not be.
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
  const { terms, weights } = vector
  if (terms instanceof Uint32Array && weights instanceof Float32Array) {
    checkSparseVector(terms, weights, place)
    return vector
  }
  return sparseVector(terms, weights, place)
}

function isArrayLike(value: unknown): value is ArrayLike<number> {
  return typeof value === 'object' && value !== null && 'length' in value
}
