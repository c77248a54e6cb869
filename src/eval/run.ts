import { EsplanadeError } from '../errors.ts'
import {
  excerpt,
  forEachLine,
  type Line,
  type Lines,
  type LinesOptions,
  trecColumns
} from './lines.ts'

/** A document that a system returned for a query. A `Hit` of this package is one. */
export interface RunHit {
  /** The document's key (TREC's docno). */
  readonly key: string
  /** Finite; higher is better. */
  readonly score: number
}

/** What a system returned: query id → hits, each document once. */
export type Run = ReadonlyMap<string, readonly RunHit[]>

/**
 * Reads a TREC run: `query id, Q0, document key, rank, score, tag` separated by white space. The
 * second column, the rank and the tag are ignored, as trec_eval ignores them: the score alone orders
 * a run. A line that begins with `#` is a comment (trec_eval 10). Hits keep the order of the file.
 *
 * @throws EsplanadeError `RUN_INVALID`, naming `file:line`, at the first line that is not a hit: a
 *   wrong number of columns, a score that is no finite number, a document that the query already has
 */
export async function readRun(lines: Lines, options: LinesOptions = {}): Promise<Run> {
  const run = new Map<string, RunHit[]>()
  const keysOf = new Map<string, Set<string>>()
  await forEachLine(lines, options, line => {
    if (line.text.startsWith('#')) return
    const { queryId, key, score } = parseHit(line)
    let hits = run.get(queryId)
    let keys = keysOf.get(queryId)
    if (hits === undefined || keys === undefined) {
      hits = []
      keys = new Set()
      run.set(queryId, hits)
      keysOf.set(queryId, keys)
    }
    if (keys.has(key)) {
      throw invalid(
        line.place,
        `document ${excerpt(key)} stands twice for query ${excerpt(queryId)}`,
        'each document once for a query'
      )
    }
    keys.add(key)
    hits.push({ key, score })
  })
  return run
}

function parseHit({ text, place }: Line) {
  const columns = trecColumns(text)
  const [queryId, , key, , scoreText, tag] = columns
  const complete = queryId !== undefined && key !== undefined && scoreText !== undefined
  if (columns.length !== 6 || !complete || tag === undefined) {
    throw invalid(
      place,
      `${excerpt(text)} has ${columns.length} columns`,
      'six columns separated by white space: query id, Q0, document key, rank, score, tag'
    )
  }
  const score = Number(scoreText)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(scoreText) || !Number.isFinite(score)) {
    throw invalid(place, `score ${excerpt(scoreText)} is not a number`, 'a finite decimal number')
  }
  return { queryId, key, score }
}

function invalid(place: string, problem: string, expected: string) {
  const remedy = 'Write the run again, or correct this line; nothing was judged'
  return new EsplanadeError('RUN_INVALID', { place, problem, expected, remedy })
}
