import { EsplanadeError } from '../errors.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { Hit } from '../vector/hit.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { type StageTime, Stopwatch } from './stopwatch.ts'

/** A hit of the first stage, with what a second one can look at. */
export interface RerankCandidate extends Hit {
  readonly text?: string
  /** Of the document, where it is at hand; by the model that the reranker uses. */
  readonly sparse?: SparseVector
  /** Of the document, where it is at hand; by the model that the reranker uses. */
  readonly dense?: DenseVector
}

/** What a reranker makes of candidates. */
export interface RerankScores {
  /** One a candidate, in their order; higher is better, the scale is the reranker's. */
  readonly scores: ArrayLike<number>
  /** The reranker's parts in the order they ran. */
  readonly stages: readonly StageTime[]
}

export interface ScoreOptions {
  /** Stops the work at the next safe point; it then throws `ABORTED`. */
  readonly signal?: AbortSignal
}

/**
 * A second stage of search: looks at a query and each of few candidates more closely than a first
 * stage can afford. It scores all candidates or fails: an error names the candidate it is about.
 */
export interface Reranker {
  /** What to call it in reports. */
  readonly name: string
  /**
   * Which vectors of its own a collection hands in with the candidates; default none. They are by the
   * collection's models, and mean nothing to a reranker of another one.
   */
  readonly reads?: readonly ('sparse' | 'dense')[]
  score(
    query: string,
    candidates: readonly RerankCandidate[],
    options?: ScoreOptions
  ): Promise<RerankScores> | RerankScores
}

/** Leaves the first stage's scores as they are: the second stage of those who want none. */
export const identity: Reranker = {
  name: 'identity',
  score: (_, candidates) => ({ scores: candidates.map(({ score }) => score), stages: [] })
}

/** The score of one pair of query and candidate. */
export type ScorePair = (
  query: string,
  candidate: RerankCandidate,
  options: ScoreOptions
) => number | Promise<number>

/**
 * A reranker of a function of your own, which is asked for one candidate after the other.
 *
 * `score` throws `RERANK_FAILED`, which names the candidate, where the function throws; `ABORTED`.
 */
export function pairReranker(name: string, scorePair: ScorePair): Reranker {
  return {
    name,
    score: async (query, candidates, options = {}) => {
      const stopwatch = new Stopwatch()
      const scores = new Float64Array(candidates.length)
      for (const [i, candidate] of candidates.entries()) {
        checkSignal(options.signal)
        scores[i] = await aboutHit(candidate, () => scorePair(query, candidate, options))
      }
      stopwatch.lap('score')
      return { scores, stages: stopwatch.stages }
    }
  }
}

/** The text of a candidate. @throws EsplanadeError `INVALID_ARGUMENT` where it has none */
export function textOf(candidate: RerankCandidate, need: string): string {
  if (typeof candidate.text === 'string') return candidate.text
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: placeOf(candidate),
    problem: 'it has no text',
    expected: need,
    remedy: 'Give each hit the text of its document'
  })
}

/** Runs what is about one candidate; an error says which. */
async function aboutHit<T>(candidate: Hit, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw failedAt(candidate, error)
  }
}

/**
 * Runs what is about the texts of several candidates; an error that says which text it is about
 * (`textIndex`) says which candidate.
 */
export async function aboutHits<T>(
  candidates: readonly Hit[],
  run: () => T | Promise<T>
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const index = error instanceof EsplanadeError ? error.textIndex : undefined
    const candidate = index === undefined ? undefined : candidates[index]
    throw candidate === undefined ? error : failedAt(candidate, error)
  }
}

function failedAt(candidate: Hit, error: unknown): EsplanadeError {
  const place = placeOf(candidate)
  if (error instanceof EsplanadeError) {
    const { code, problem, expected, remedy } = error
    if (code === 'ABORTED' || error.place === place) return error
    return new EsplanadeError(code, { place, problem, expected, remedy, cause: error })
  }
  return new EsplanadeError('RERANK_FAILED', {
    place,
    problem: `the reranker failed: ${error instanceof Error ? error.message : String(error)}`,
    cause: error
  })
}

/** What to call a hit in errors. */
export function placeOf({ key }: Hit): string {
  return `hit ${JSON.stringify(key)}`
}

/** @throws EsplanadeError `ABORTED` */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return
  throw new EsplanadeError('ABORTED', {
    problem: 'reranking was stopped',
    cause: signal.reason
  })
}
