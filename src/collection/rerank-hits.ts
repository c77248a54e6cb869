import { EsplanadeError } from '../errors.ts'
import type { HitExplanation } from '../explain/explain-hit.ts'
import { rerank } from '../rerank/rerank.ts'
import type { Reranker } from '../rerank/reranker.ts'
import type { StageTime } from '../rerank/stopwatch.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { CollectionContext } from './collection-context.ts'
import type { EntryHit } from './entry-search.ts'
import type { CollectionHit } from './search-request.ts'
import type { CollectionCandidate, RerankFunction } from './second-stage.ts'
import type { View } from './view.ts'

/** What the second stage works on. */
export interface FirstStage {
  readonly query: string | SparseVector
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
}

/**
 * Puts hits in the order that a reranker gives them, and returns the best k.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a query without text, unless the reranker is a function;
 *   else as `rerank` of `esplanade/rerank`
 */
export async function rerankHits(
  first: FirstStage,
  given: Reranker | RerankFunction,
  { k, signal }: { readonly k: number; readonly signal?: AbortSignal | undefined }
): Promise<RerankedHits> {
  const { query, hits } = first
  const reranker = typeof given === 'function' ? functionReranker(given, query) : given
  const text = typeof given === 'function' ? '' : textOfQuery(query, reranker)
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
    parts: result.stages
  }
}

/**
 * A hit with why it has its score. The score of a second stage is not a sum of what the first has
 * found, so the first one's explanation stays beside it, in `before`.
 *
 * @param own - of the first stage
 */
export function explainedHit(
  hit: CollectionHit,
  own: HitExplanation,
  given: Reranker | RerankFunction | undefined
): CollectionHit {
  const { before, score, key } = hit
  if (before === undefined || given === undefined) return { ...hit, explanation: own }
  const leaf = { value: score, description: `by ${given.name || NAMELESS}`, details: [] }
  const description = `second stage for the query and document ${JSON.stringify(key)}`
  const explanation = { value: score, description, details: [leaf] }
  return {
    ...hit,
    explanation: { score, explanation, terms: [], text: own.text },
    before: { ...before, explanation: own }
  }
}

/** What a function without a name is called. */
const NAMELESS = 'rerank'

function functionReranker(give: RerankFunction, query: string | SparseVector): Reranker {
  return {
    name: give.name || NAMELESS,
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
  { found, view, context: { words } }: FirstStage
): CollectionCandidate {
  const { seq, passageIndex } = found[hitIndex]!
  const vectors = reads.length === 0 ? undefined : view.store.vectors(seq)!
  const stored = reads.includes('sparse') ? vectors?.passages[passageIndex] : undefined
  // Words are BM25's: a reranker of the model's vectors has no use for them.
  const sparse = stored && words ? words.modelPart(stored) : stored
  return {
    key,
    score,
    rank,
    text: passage === undefined ? text : text.slice(...passage),
    metadata,
    ...(sparse && { sparse })
  }
}

function textOfQuery(query: string | SparseVector, { name }: Reranker): string {
  if (typeof query === 'string') return query
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'rerank',
    problem: `the query is a vector, and ${name} reads texts`,
    expected: 'a query that is a text',
    remedy: 'Search with the text, or leave rerank out'
  })
}
