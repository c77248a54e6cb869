import { EsplanadeError } from '../errors.ts'
import type { Qrels } from '../eval/qrels.ts'
import type { FusionList } from '../fusion/fusion-list.ts'
import { CandidateScores } from './candidate-scores.ts'
import { JudgedCandidates } from './judged-candidates.ts'
import type { PreparedQuery } from './value-table.ts'

/** The rankings of one query. */
export interface QueryLists {
  readonly queryId: string
  /** As they are to be fused; of all queries the same names in the same order. */
  readonly lists: readonly FusionList[]
}

/** Judged queries, and which of them say something, by the conventions of trec_eval's `-c`. */
export interface JudgedQueries {
  readonly listNames: readonly string[]
  /** The weights that the lists came with. */
  readonly listWeights: readonly number[]
  /** All queries of the judgements, in their order. */
  readonly queryIds: readonly string[]
  /** Those with hits; the others count 0. */
  readonly prepared: readonly PreparedQuery[]
  /** Where each of those stands in `queryIds`. */
  readonly preparedAt: readonly number[]
  /** Those with hits and a relevant document: all that can be learned from. */
  readonly numLearnable: number
  /** Judged queries without a hit, or without lists. */
  readonly unansweredQueryIds: readonly string[]
  /** Queries without judgements; they are left out. */
  readonly unjudgedQueryIds: readonly string[]
  /** Judged queries without a document of grade 1 or more. */
  readonly unanswerableQueryIds: readonly string[]
  /** Candidates that have a judgement. 0 hints at keys of another collection. */
  readonly numJudgedHits: number
}

/**
 * Reads the lists of all queries and keeps of them what is needed.
 *
 * @param step - called after each query
 * @throws EsplanadeError `INVALID_ARGUMENT` for lists that differ from query to query, a query that
 *   stands twice, and as `fuse`; `TOPICS_INVALID` where no query is judged; `QRELS_INVALID` where there is
 *   no judgement
 */
export async function judgedQueries(
  queries: Iterable<QueryLists> | AsyncIterable<QueryLists>,
  qrels: Qrels,
  depth: number,
  step: () => Promise<void>
): Promise<JudgedQueries> {
  if (qrels.size === 0) {
    throw new EsplanadeError('QRELS_INVALID', {
      place: 'qrels',
      problem: 'there is no judgement, so there is nothing to learn from'
    })
  }
  const seen = new Set<string>()
  const found = new Map<string, PreparedQuery>()
  const unjudgedQueryIds: string[] = []
  let first: readonly FusionList[] | undefined
  for await (const { queryId, lists } of queries) {
    if (seen.has(queryId)) refuse(`query ${queryId}`, 'it stands twice', 'each query once')
    seen.add(queryId)
    first ??= lists
    checkNames(queryId, lists, first)
    const judged = qrels.get(queryId)
    if (judged === undefined) unjudgedQueryIds.push(queryId)
    else if (lists.some(({ list }) => list.hits.length > 0)) {
      const scores = new CandidateScores(lists, depth)
      found.set(queryId, { scores, judged: new JudgedCandidates(scores.keys, judged) })
    }
    await step()
  }
  const queryIds = [...qrels.keys()]
  if (first === undefined || unjudgedQueryIds.length === seen.size) throw noneJudged(seen.size)
  const answered = queryIds.flatMap((queryId, i) => (found.has(queryId) ? [i] : []))
  const unanswerable = new Set(queryIds.filter(queryId => !isAnswerable(qrels.get(queryId)!)))
  return {
    listNames: first.map(({ name }) => name),
    listWeights: first.map(({ weight = 1 }) => weight),
    queryIds,
    prepared: answered.map(i => found.get(queryIds[i]!)!),
    preparedAt: answered,
    numLearnable: answered.filter(i => !unanswerable.has(queryIds[i]!)).length,
    unansweredQueryIds: queryIds.filter(queryId => !found.has(queryId)),
    unjudgedQueryIds,
    unanswerableQueryIds: [...unanswerable],
    numJudgedHits: [...found.values()].reduce((sum, { judged }) => sum + judged.numJudged, 0)
  }
}

function checkNames(
  queryId: string,
  lists: readonly FusionList[],
  first: readonly FusionList[]
): void {
  const names = lists.map(({ name }) => name).join(', ')
  const expected = first.map(({ name }) => name).join(', ')
  if (names !== expected) refuse(`query ${queryId}`, `it has the lists ${names}`, expected)
}

function isAnswerable(judged: ReadonlyMap<string, number>): boolean {
  for (const grade of judged.values()) if (grade >= 1) return true
  return false
}

function noneJudged(numQueries: number): EsplanadeError {
  return new EsplanadeError('TOPICS_INVALID', {
    place: 'queries',
    problem: numQueries === 0 ? 'there are none' : `none of the ${numQueries} queries is judged`,
    expected: 'the queries of the judgements',
    remedy: 'Name the topics that were judged'
  })
}

function refuse(place: string, problem: string, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
