import type { Metadata } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import type { RerankCandidate, Reranker, ScoreOptions } from '../rerank/reranker.ts'
import type { CollectionQuery } from './collection-query.ts'
import type { CollectionSettings } from './settings.ts'

/**
 * The second stage of a search: the first finds `depth` documents, a reranker puts them in order, and
 * the best k are returned. Without a reranker nothing of this runs.
 */

/** A hit of the first stage as a second one of a collection sees it. */
export interface CollectionCandidate extends RerankCandidate {
  /** The best passage, as the first stage sees it; of a document that is one passage, all of it. */
  readonly text: string
  readonly metadata: Metadata
}

/** A second stage that is a function: gives a score for each candidate, in their order. */
export type RerankFunction = (
  query: CollectionQuery,
  candidates: readonly CollectionCandidate[],
  options: ScoreOptions
) => ArrayLike<number> | Promise<ArrayLike<number>>

/** What orders the hits of the first stage. */
export type SecondStage = Reranker | RerankFunction | 'dense'

/** What a search says of its second stage. */
export interface SecondStageOptions {
  /**
   * What orders the hits of the first stage; `'dense'`: the similarity of the collection's own dense
   * vectors. Default: none.
   */
  readonly rerank?: SecondStage
  /** Hits of the first stage that are reranked, at least `k`; default: 100, or `k` if that is more. */
  readonly depth?: number
}

/** Enough for the best documents to be among them, and few enough for a model to read. */
const DEFAULT_DEPTH = 100

/**
 * How many hits the first stage is to find.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`
 */
export function firstStageDepth(
  { rerank, depth, searchAfter }: SecondStageOptions & { readonly searchAfter?: unknown },
  k: number,
  settings: CollectionSettings
): number {
  if (rerank === undefined) {
    if (depth === undefined) return k
    throw invalid('depth', `given ${depth}, and nothing is reranked`, 'rerank, or no depth')
  }
  checkSecondStage(rerank, settings)
  if (searchAfter !== undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'searchAfter',
      problem: 'given with rerank, whose order ends with the last of the hits that it looked at',
      expected: 'one of the two',
      remedy: 'Ask for all pages at once, with a larger k'
    })
  }
  if (depth === undefined) return Math.max(k, DEFAULT_DEPTH)
  if (Number.isInteger(depth) && depth >= k) return depth
  throw invalid('depth', `given ${depth}`, `a whole number from ${k}, which is k`)
}

function checkSecondStage(rerank: SecondStage, settings: CollectionSettings): void {
  if (typeof rerank === 'function') return
  if (rerank !== 'dense') {
    if (typeof rerank?.score === 'function') return
    throw invalid('rerank', `given ${String(rerank)}`, "a reranker, a function, or 'dense'")
  }
  if (settings.dense !== undefined) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'rerank',
    problem: 'given dense, and the collection was made without dense vectors',
    expected: 'a reranker, or a function',
    remedy: 'Make a collection with a dense model: open(directory, { denseModel })'
  })
}

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
