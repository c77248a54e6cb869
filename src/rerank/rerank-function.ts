import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkScores } from './rerank.ts'
import type { RerankCandidate, Reranker, ScoreOptions } from './reranker.ts'

/** Gives hits new scores, in their order: what a collection's search takes as `rerank`. */
export type RerankFunction = (
  query: string | SparseVector,
  hits: readonly RerankCandidate[],
  options?: ScoreOptions
) => Promise<ArrayLike<number>>

/**
 * A reranker as a function, for the option `rerank` of a collection's search.
 *
 * The function throws `INVALID_ARGUMENT` for a query that is a vector, as rerankers read texts;
 * `RERANK_FAILED` for a score that is no number, with the key; and what the reranker throws.
 */
export function rerankFunction(reranker: Reranker): RerankFunction {
  return async (query, hits, options = {}) => {
    if (typeof query !== 'string') {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: 'rerank',
        problem: `the query is a vector, and ${reranker.name} reads texts`,
        expected: 'a query that is a text',
        remedy: 'Search with the text, or leave rerank out'
      })
    }
    if (hits.length === 0) return []
    const { scores } = await reranker.score(query, hits, options)
    checkScores(reranker, hits, scores)
    return scores
  }
}
