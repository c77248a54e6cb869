/**
 * A run and judgements give figures, by trec_eval's conventions with its option `-c`:
 * - The mean is over every query of the judgements. One that the run lacks counts 0, and so does one
 *   that has no relevant document; queries without judgements are ignored. The report names all of
 *   these, and says how many hits are judged at all, so that no figure is 0 without a word.
 * - Hits are ordered by score and then by key, both descending ({@link RankOrder}); ranks that a file
 *   gives are ignored.
 * - A document without a judgement, or with a negative grade, is not relevant.
 */
import { EsplanadeError } from '../errors.ts'
import { excerpt } from './lines.ts'
import type { Metric } from './metric.ts'
import { parseMetric } from './parse-metric.ts'
import type { Qrels } from './qrels.ts'
import { type RankOrder, rankKeys } from './rank-order.ts'
import type { Run } from './run.ts'

/** What {@link evaluate} found. Keys of the records are the metrics' canonical names. */
export interface Report {
  /** The metrics, in the order asked for. */
  readonly metrics: readonly string[]
  /** The mean of each metric over {@link queryIds}. */
  readonly means: Readonly<Record<string, number>>
  /** The queries of the judgements, in their order. */
  readonly queryIds: readonly string[]
  /** `perQuery[metric][i]` belongs to `queryIds[i]`. */
  readonly perQuery: Readonly<Record<string, Float64Array>>
  /** Judged queries for which the run has no hit; each counts 0. */
  readonly unansweredQueryIds: readonly string[]
  /** Queries of the run without any judgement; they are ignored. */
  readonly unjudgedQueryIds: readonly string[]
  /** Judged queries without a document of grade 1 or more; each counts 0 whatever the run has. */
  readonly unanswerableQueryIds: readonly string[]
  /** Hits of judged queries that have a judgement. 0 hints at keys of another collection. */
  readonly numJudgedHits: number
}

export interface EvaluateOptions {
  /** How hits are ordered before they are judged. Default: `float32`, as nearly all tools do. */
  readonly order?: RankOrder | undefined
}

/**
 * Judges a run, per query and in the mean.
 *
 * @param metrics ir-measures names, or what `parseMetric` made of them; one given twice counts once
 * @throws EsplanadeError `RUN_INVALID` when the run and the judgements have no query in common (a
 *   wrong pair of files, not a figure of 0), a document stands twice or a score is not finite;
 *   `QRELS_INVALID` when there is no judgement or a grade is no integer; `METRIC_UNKNOWN` for a name
 *   that is not known
 */
export function evaluate(
  run: Run,
  qrels: Qrels,
  metrics: readonly (string | Metric)[],
  options: EvaluateOptions = {}
): Report {
  checkPair(run, qrels)
  const bound = metrics.map(metric => (typeof metric === 'string' ? parseMetric(metric) : metric))
  const queryIds = [...qrels.keys()]
  const perQuery: Record<string, Float64Array> = {}
  for (const { name } of bound) perQuery[name] = new Float64Array(queryIds.length)
  const unansweredQueryIds: string[] = []
  let numJudgedHits = 0
  for (const [queryIndex, queryId] of queryIds.entries()) {
    const judged = qrels.get(queryId) ?? new Map<string, number>()
    checkGrades(queryId, judged)
    const hits = run.get(queryId) ?? []
    if (hits.length === 0) {
      unansweredQueryIds.push(queryId)
      continue
    }
    const keys = rankKeys(queryId, hits, options.order ?? 'float32')
    const ranking = { grades: keys.map(key => judged.get(key)), judgedGrades: [...judged.values()] }
    for (const grade of ranking.grades) if (grade !== undefined) numJudgedHits += 1
    for (const { name, score } of bound) {
      const values = perQuery[name]
      if (values !== undefined) values[queryIndex] = score(ranking)
    }
  }
  const means: Record<string, number> = {}
  for (const [name, values] of Object.entries(perQuery)) means[name] = mean(values)
  const unjudgedQueryIds = [...run.keys()].filter(queryId => !qrels.has(queryId))
  const unanswerableQueryIds = queryIds.filter(queryId => !isAnswerable(qrels.get(queryId)))
  return {
    metrics: Object.keys(perQuery),
    means,
    queryIds,
    perQuery,
    unansweredQueryIds,
    unjudgedQueryIds,
    unanswerableQueryIds,
    numJudgedHits
  }
}

function isAnswerable(judged: ReadonlyMap<string, number> | undefined): boolean {
  for (const grade of judged?.values() ?? []) if (grade >= 1) return true
  return false
}

/** Grades of a file are integers; those that a program hands in may be anything. */
function checkGrades(queryId: string, judged: ReadonlyMap<string, number>): void {
  for (const [key, grade] of judged) {
    if (Number.isSafeInteger(grade)) continue
    throw new EsplanadeError('QRELS_INVALID', {
      place: `query ${excerpt(queryId)}`,
      problem: `the grade of document ${excerpt(key)} is ${grade}`,
      expected: 'an integer such as 0, 1 or 2'
    })
  }
}

function mean(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

function checkPair(run: Run, qrels: Qrels): void {
  if (qrels.size === 0) {
    throw new EsplanadeError('QRELS_INVALID', {
      place: 'qrels',
      problem: 'there is no judgement, so there is nothing to take a mean over',
      expected: 'at least one judged query',
      remedy: 'Name the judgements of the collection that was searched'
    })
  }
  for (const queryId of run.keys()) if (qrels.has(queryId)) return
  const [inRun] = run.keys()
  const [inQrels] = qrels.keys()
  throw new EsplanadeError('RUN_INVALID', {
    place: 'run',
    problem:
      inRun === undefined
        ? 'the run has no hit for any query'
        : `none of its ${run.size} queries is judged (it has query ${excerpt(inRun)})`,
    expected: `queries of the judgements, such as ${excerpt(inQrels ?? '')}`,
    remedy: 'Pair the run with the judgements of the same topics'
  })
}
