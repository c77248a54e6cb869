import type { Metadata } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import type { RerankCandidate, Reranker, ScoreOptions } from '../rerank/reranker.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

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
  query: string | SparseVector,
  candidates: readonly CollectionCandidate[],
  options: ScoreOptions
) => ArrayLike<number> | Promise<ArrayLike<number>>

/** What a search says of its second stage. */
export interface SecondStageOptions {
  /** Default: none. */
  readonly rerank?: Reranker | RerankFunction
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
  k: number
): number {
  if (rerank === undefined) {
    if (depth === undefined) return k
    throw invalid('depth', `given ${depth}, and nothing is reranked`, 'rerank, or no depth')
  }
  if (typeof rerank !== 'function' && typeof rerank?.score !== 'function') {
    throw invalid('rerank', `given ${String(rerank)}`, 'a reranker, or a function')
  }
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

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
