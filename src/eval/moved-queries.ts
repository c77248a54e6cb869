/**
 * Where two runs differ: the queries whose value changed most, and in each the documents that moved.
 */
import { EsplanadeError } from '../errors.ts'
import type { Report } from './evaluate.ts'
import { excerpt } from './lines.ts'
import { type RankOrder, rankKeys } from './rank-order.ts'
import type { RunHit } from './run.ts'

/** A query whose value by a metric is not the same in two runs. */
export interface MovedQuery {
  readonly queryId: string
  readonly before: number
  readonly after: number
  /** `after - before`. */
  readonly difference: number
}

/** Those that gained and those that lost, the largest change first. */
export interface MovedQueries {
  readonly up: readonly MovedQuery[]
  readonly down: readonly MovedQuery[]
}

/**
 * The queries that moved most from one run to another, by a metric that both reports have. Equal
 * changes stand in the order of the judgements.
 *
 * @param count most that are named of each kind
 * @throws EsplanadeError `INVALID_ARGUMENT` when a report lacks the metric, or the two are of different
 *   queries
 */
export function movedQueries(
  before: Report,
  after: Report,
  metric: string,
  count: number
): MovedQueries {
  const valuesBefore = before.perQuery[metric]
  const valuesAfter = after.perQuery[metric]
  const isPair = before.queryIds.every((queryId, i) => queryId === after.queryIds[i])
  if (!valuesBefore || !valuesAfter || !isPair || valuesBefore.length !== valuesAfter.length) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'reports',
      problem: `they do not have ${excerpt(metric)} of the same queries both`,
      expected: 'two reports on the same judgements and metrics'
    })
  }
  const moved = before.queryIds.map((queryId, i) => {
    const [before, after] = [valuesBefore[i]!, valuesAfter[i]!]
    return { queryId, before, after, difference: after - before }
  })
  const up = moved.filter(({ difference }) => difference > 0)
  const down = moved.filter(({ difference }) => difference < 0)
  up.sort((a, b) => b.difference - a.difference)
  down.sort((a, b) => a.difference - b.difference)
  return { up: up.slice(0, count), down: down.slice(0, count) }
}

/** A document whose rank for a query is not the same in two runs. */
export interface MovedDocument {
  readonly key: string
  /** Its judgement; undefined where it has none. */
  readonly grade: number | undefined
  /** From 1; undefined where the run does not have it. */
  readonly rankBefore: number | undefined
  readonly rankAfter: number | undefined
}

/** What {@link movedDocuments} looks at. */
export interface MovedDocumentsOptions {
  /** Documents that neither run has within so many ranks are left out. Default 10. */
  readonly depth?: number | undefined
  /** Default: `float32`, as in `evaluate`. */
  readonly order?: RankOrder | undefined
}

/**
 * The documents of a query that changed their ranks: relevant ones first, by what the move does to the
 * query's discounted gain; then the others, by how much of the place that they take or leave counts
 * (1 / log2(rank + 1), as in nDCG).
 *
 * @param judged document key → grade of this query
 * @throws EsplanadeError `RUN_INVALID` as `evaluate`
 */
export function movedDocuments(
  queryId: string,
  before: readonly RunHit[],
  after: readonly RunHit[],
  judged: ReadonlyMap<string, number>,
  { depth = 10, order = 'float32' }: MovedDocumentsOptions = {}
): MovedDocument[] {
  const ranksOf = (hits: readonly RunHit[]) =>
    new Map(rankKeys(queryId, hits, order).map((key, i) => [key, i + 1]))
  const ranksBefore = ranksOf(before)
  const ranksAfter = ranksOf(after)
  const moved: (MovedDocument & { gain: number; effect: number })[] = []
  for (const key of new Set([...ranksBefore.keys(), ...ranksAfter.keys()])) {
    const [rankBefore, rankAfter] = [ranksBefore.get(key), ranksAfter.get(key)]
    if (
      rankBefore === rankAfter ||
      Math.min(rankBefore ?? Infinity, rankAfter ?? Infinity) > depth
    ) {
      continue
    }
    const grade = judged.get(key)
    const gain = Math.max(0, grade ?? 0)
    const effect = (gain || 1) * Math.abs(discount(rankAfter) - discount(rankBefore))
    moved.push({ key, grade, rankBefore, rankAfter, gain, effect })
  }
  moved.sort((a, b) => Number(b.gain > 0) - Number(a.gain > 0) || b.effect - a.effect)
  return moved.map(({ gain, effect, ...document }) => document)
}

function discount(rank: number | undefined): number {
  return rank === undefined ? 0 : 1 / Math.log2(rank + 1)
}
