import {
  type Comparison,
  type MeanOfRun,
  type MovedDocument,
  type MovedQuery,
  movedDocuments,
  movedQueries,
  type NamedReport,
  type Qrels,
  type RankOrder,
  type Report,
  type Run,
  type RunDifference,
  type Topics
} from 'esplanade/eval'
import type { HitExplanation } from 'esplanade/explain'
import { evaluationNotes, queries } from './evaluation-notes.ts'

/** `--test`: by which test a difference is marked; both are computed. */
export type SignificanceTest = 't-test' | 'randomization'

/** A run as it was read, under its name. */
export interface NamedRun {
  readonly name: string
  readonly run: Run
}

/** What `compare` shows, in whatever format. */
export interface CompareView {
  readonly comparison: Comparison
  readonly reports: readonly NamedReport[]
  readonly qrelsFile: string
  readonly test: SignificanceTest
  readonly confidence: number
  readonly numPermutations: number
  readonly seed: number
  /** The first metric: queries are sorted and drawn by it. */
  readonly mainMetric: string
  /** What a reader has to know of the figures, a sentence each. */
  readonly notes: readonly string[]
  readonly topics: Topics | undefined
  /** One for every run but the baseline. */
  readonly moves: readonly RunMoves[]
}

/** The queries that moved most from the baseline to a run. */
export interface RunMoves {
  readonly run: string
  readonly up: readonly QueryMove[]
  readonly down: readonly QueryMove[]
}

export interface QueryMove extends MovedQuery {
  readonly documents: readonly DocumentMove[]
}

export interface DocumentMove extends MovedDocument {
  /** Why the collection scores it as it does; undefined without a collection, or if it is not in it. */
  readonly reason: HitExplanation | undefined
}

/** Says why a document has its score for a query. */
export type Explain = (queryId: string, key: string) => Promise<HitExplanation | undefined>

/** Documents that are shown of a query: relevant ones, and others. */
const MAX_RELEVANT = 3
const MAX_OTHERS = 2

export interface MovesRequest {
  readonly runs: readonly NamedRun[]
  readonly reports: readonly NamedReport[]
  readonly qrels: Qrels
  readonly baseline: string
  readonly metric: string
  readonly order: RankOrder
  /** Queries of each kind. */
  readonly numQueries: number
  readonly explain: Explain | undefined
}

/** Finds what moved, and has it explained. */
export async function findMoves(request: MovesRequest): Promise<RunMoves[]> {
  const { reports, baseline, metric, numQueries } = request
  const before = reports.find(({ name }) => name === baseline)!.report
  const moves: RunMoves[] = []
  for (const { name, report } of reports) {
    if (name === baseline) continue
    const { up, down } = movedQueries(before, report, metric, numQueries)
    const detailed = async (queries: readonly MovedQuery[]) => {
      const found: QueryMove[] = []
      for (const query of queries) {
        found.push({ ...query, documents: await documentsOf(query.queryId, name, request) })
      }
      return found
    }
    moves.push({ run: name, up: await detailed(up), down: await detailed(down) })
  }
  return moves
}

async function documentsOf(
  queryId: string,
  name: string,
  { runs, qrels, baseline, order, explain }: MovesRequest
): Promise<DocumentMove[]> {
  const hitsOf = (wanted: string) =>
    runs.find(({ name }) => name === wanted)!.run.get(queryId) ?? []
  const judged = qrels.get(queryId)!
  const moved = movedDocuments(queryId, hitsOf(baseline), hitsOf(name), judged, { order })
  const isRelevant = ({ grade }: MovedDocument) => grade !== undefined && grade > 0
  const shown = [
    ...moved.filter(isRelevant).slice(0, MAX_RELEVANT),
    ...moved.filter(document => !isRelevant(document)).slice(0, MAX_OTHERS)
  ]
  const documents: DocumentMove[] = []
  for (const document of shown) {
    documents.push({ ...document, reason: await explain?.(queryId, document.key) })
  }
  return documents
}

/** What a reader has to know of the figures. */
export function notesOf(reports: readonly NamedReport[], topics: Topics | undefined): string[] {
  const notes = reports.flatMap(({ name, report }) =>
    evaluationNotes(report).map(note => `${name}: ${note}`)
  )
  if (topics === undefined) return notes
  const { queryIds } = reports[0]!.report
  const unknown = queryIds.filter(id => !topics.has(id)).length
  const empty = queryIds.filter(id => topics.get(id)?.trim() === '').length
  if (unknown > 0) notes.push(`The topics lack ${queries(unknown)} of the judgements.`)
  if (empty > 0) notes.push(`The topics have no text for ${queries(empty)} of the judgements.`)
  return notes
}

/** The p-value that a difference is marked by: that of the test asked for, corrected. */
export function markedPValue(
  { tTest, randomization }: RunDifference,
  test: SignificanceTest
): number {
  return (test === 't-test' ? tTest : randomization).correctedPValue
}

/** A run's difference by a metric; undefined for the baseline. */
export function differenceOf(
  { differences }: Comparison,
  run: string,
  metric: string
): RunDifference | undefined {
  return differences.find(candidate => candidate.run === run && candidate.metric === metric)
}

/** A run's mean by a metric, with its interval. */
export function meanOf({ means }: Comparison, run: string, metric: string): MeanOfRun {
  return means.find(candidate => candidate.run === run && candidate.metric === metric)!
}

/** The values of a run per query. */
export function valuesOf(view: CompareView, run: string, metric: string): Float64Array {
  const { report } = view.reports.find(({ name }) => name === run) as { report: Report }
  return report.perQuery[metric]!
}
