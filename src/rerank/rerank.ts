import { EsplanadeError } from '../errors.ts'
import { checkCount } from '../fusion/fusion-list.ts'
import type { Hit } from '../vector/hit.ts'
import {
  checkSignal,
  placeOf,
  type RerankCandidate,
  type Reranker,
  type RerankScores,
  type ScoreOptions
} from './reranker.ts'
import { type StageTime, Stopwatch } from './stopwatch.ts'

export interface RerankOptions extends ScoreOptions {
  /** So many of the first hits are reranked; those behind them are cut. Default: all. */
  readonly depth?: number
  /** Hits to return, at most `depth`; default: all that were reranked. */
  readonly k?: number
}

/** A hit with its score and rank of the second stage. */
export type Reranked<H extends Hit> = Omit<H, 'score' | 'rank'> &
  Hit & {
    /** What the first stage made of it. */
    readonly before: { readonly score: number; readonly rank: number }
  }

/** What {@link rerank} gives. */
export interface RerankResult<H extends Hit> {
  readonly hits: readonly Reranked<H>[]
  /** Hits that were given a new score: `depth`, or as many as there were. */
  readonly numReranked: number
  /** How long each part of the reranker took. */
  readonly stages: readonly StageTime[]
  /** Milliseconds in all. */
  readonly totalMs: number
}

/**
 * Puts the first hits of a search in the order that a reranker gives them: score descending; hits of the
 * same score stay in the order they had. Hits behind the first `depth` are cut, as their scores do not
 * compare with the new ones.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for a `depth` or `k` without meaning and for a key that is there
 * twice; `RERANK_FAILED` for a score that is no number, with the key, and where the reranker throws
 * anything but an `EsplanadeError`; `ABORTED`; and the `EsplanadeError` that the reranker throws
 */
export async function rerank<H extends RerankCandidate>(
  reranker: Reranker,
  query: string,
  hits: readonly H[],
  options: RerankOptions = {}
): Promise<RerankResult<H>> {
  const { depth, k, signal } = options
  if (typeof query !== 'string') refuse('query', `given ${typeof query}`, 'a text')
  if (depth !== undefined) checkCount('depth', depth)
  if (k !== undefined) checkCount('k', k)
  if (depth !== undefined && k !== undefined && k > depth) {
    refuse('k', `${k} hits of which ${depth} are reranked`, `at most the depth, ${depth}`)
  }
  checkKeys(hits)
  checkSignal(signal)
  const candidates = hits.slice(0, depth)
  const stopwatch = new Stopwatch()
  const { scores, stages } = await scoresOf(reranker, query, candidates, signal)
  stopwatch.lap('all')
  const order = [...candidates.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b)
  const ranked = order.slice(0, k).map((index, i) => {
    const hit = candidates[index]!
    const before = { score: hit.score, rank: hit.rank }
    return { ...hit, score: scores[index]!, rank: i + 1, before }
  })
  const totalMs = stopwatch.stages[0]!.ms
  return { hits: ranked, numReranked: candidates.length, stages, totalMs }
}

async function scoresOf(
  reranker: Reranker,
  query: string,
  candidates: readonly RerankCandidate[],
  signal: AbortSignal | undefined
): Promise<RerankScores> {
  if (candidates.length === 0) return { scores: [], stages: [] }
  let given: RerankScores
  try {
    given = await reranker.score(query, candidates, signal ? { signal } : {})
  } catch (cause) {
    // Whatever a reranker makes of it: who stopped the work is told so.
    checkSignal(signal)
    if (cause instanceof EsplanadeError) throw cause
    throw new EsplanadeError('RERANK_FAILED', {
      place: reranker.name,
      problem: `the reranker failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause
    })
  }
  checkSignal(signal)
  checkScores(reranker, candidates, given?.scores)
  return given
}

/** @throws EsplanadeError `RERANK_FAILED` unless there is a finite score for each hit */
function checkScores(
  { name }: Reranker,
  candidates: readonly Hit[],
  scores: ArrayLike<number> | undefined
): void {
  if (scores?.length !== candidates.length) {
    throw new EsplanadeError('RERANK_FAILED', {
      place: name,
      problem: `it gave ${scores?.length ?? 'no'} scores for ${candidates.length} hits`,
      expected: 'one a hit'
    })
  }
  for (const [i, candidate] of candidates.entries()) {
    if (Number.isFinite(scores[i])) continue
    throw new EsplanadeError('RERANK_FAILED', {
      place: placeOf(candidate),
      problem: `${name} gave it the score ${String(scores[i])}`,
      expected: 'a finite number'
    })
  }
}

function checkKeys(hits: readonly Hit[]): void {
  const keys = new Set<string>()
  for (const { key } of hits) {
    if (keys.has(key)) refuse('hits', `${JSON.stringify(key)} is there twice`, 'each key once')
    keys.add(key)
  }
}

function refuse(place: string, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
