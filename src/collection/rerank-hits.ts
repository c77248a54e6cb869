import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { rerank } from '../rerank/rerank.ts'
import type { Reranker } from '../rerank/reranker.ts'
import type { StageTime } from '../rerank/stopwatch.ts'
import type { CollectionContext } from './collection-context.ts'
import { collectionDenseReranker, denseVectorOf } from './collection-dense-reranker.ts'
import { type CollectionQuery, textOfQuery } from './collection-query.ts'
import type { EntryHit } from './entry-key.ts'
import type { CollectionHit } from './search-request.ts'
import type { CollectionCandidate, RerankFunction, SecondStage } from './second-stage.ts'
import type { View } from './view.ts'

/** What the second stage works on. */
export interface FirstStage {
  readonly query: CollectionQuery
  readonly hits: readonly CollectionHit[]
  /** Where each of the hits was found. */
  readonly found: readonly EntryHit[]
  readonly view: View
  readonly context: CollectionContext
}

/** Hits in the order of a second stage. */
export interface RerankedHits {
  readonly hits: readonly CollectionHit[]
  /** How long each part of the reranker took. */
  readonly parts: readonly StageTime[]
  /** Of the reranker. */
  readonly name: string
}

/**
 * Puts hits in the order that a reranker gives them, and returns the best k.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a query without text, unless the reranker is a function;
 *   else as `rerank` of `esplanade/rerank`
 */
export async function rerankHits(
  first: FirstStage,
  given: SecondStage,
  { k, signal }: { readonly k: number; readonly signal?: AbortSignal | undefined }
): Promise<RerankedHits> {
  const { query, hits } = first
  const reranker = rerankerOf(given, first)
  // A function is given the query as it is, and a dense vector that is ready needs no text.
  const text = textOfQuery(query) ?? (typeof given === 'object' ? refuseVector(reranker) : '')
  const candidates = hits.map((hit, i) => candidateOf(hit, i, reranker, first))
  const byKey = new Map(hits.map(hit => [hit.key, hit]))
  const result = await rerank(reranker, text, candidates, { k, ...(signal && { signal }) })
  return {
    hits: result.hits.map(({ key, score, rank, before }) => ({
      ...byKey.get(key)!,
      score,
      rank,
      before
    })),
    parts: result.stages,
    name: reranker.name
  }
}

/**
 * A hit with why it has its score. The score of a second stage is not a sum of what the first has
 * found, so the first one's explanation stays beside it, in `before`.
 *
 * @param own - of the first stage
 * @param name - of the reranker; undefined where there was none
 */
export function explainedHit(
  hit: CollectionHit,
  own: HitExplanation,
  name: string | undefined
): CollectionHit {
  const { before, score, key } = hit
  if (before === undefined || name === undefined) return { ...hit, explanation: own }
  const leaf = { value: score, description: `by ${name}`, details: [] }
  const description = `second stage for the query and document ${JSON.stringify(key)}`
  const explanation = { value: score, description, details: [leaf] }
  return {
    ...hit,
    explanation: { score, explanation, terms: [], text: own.text },
    before: { ...before, explanation: own }
  }
}

function rerankerOf(given: SecondStage, { query, context }: FirstStage): Reranker {
  if (typeof given === 'function') return functionReranker(given, query)
  return given === 'dense' ? collectionDenseReranker(query, context) : given
}

function functionReranker(give: RerankFunction, query: CollectionQuery): Reranker {
  return {
    name: give.name || 'rerank',
    score: async (_, candidates, options = {}) => ({
      scores: await give(query, candidates as readonly CollectionCandidate[], options),
      stages: []
    })
  }
}

function candidateOf(
  { key, score, rank, text, metadata, passage }: CollectionHit,
  hitIndex: number,
  { reads = [] }: Reranker,
  { found, view, context: { words, settings } }: FirstStage
): CollectionCandidate {
  const { seq, passageIndex } = found[hitIndex]!
  const vectors = reads.length === 0 ? undefined : view.store.vectors(seq)!
  const stored = reads.includes('sparse') ? vectors?.passages[passageIndex] : undefined
  // Words are BM25's: a reranker of the model's vectors has no use for them.
  const sparse = stored && words ? words.modelPart(stored) : stored
  const dense = reads.includes('dense')
    ? denseVectorOf(vectors!, passageIndex, settings)
    : undefined
  return {
    key,
    score,
    rank,
    text: passage === undefined ? text : text.slice(...passage),
    metadata,
    ...(sparse && { sparse }),
    ...(dense && { dense })
  }
}

function refuseVector({ name }: Reranker): never {
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'rerank',
    problem: `the query is a vector, and ${name} reads texts`,
    expected: 'a query that is a text, or has one',
    remedy: 'Search with the text, or leave rerank out'
  })
}
