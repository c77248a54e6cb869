import { EsplanadeError } from '../errors.ts'
import {
  excerpt,
  forEachLine,
  type Line,
  type Lines,
  type LinesOptions,
  trecColumns
} from './lines.ts'

/**
 * Relevance judgements: query id → document key → grade, in the order of the file. A grade is an
 * integer: 0 is judged not relevant, 1 and more is relevant to that degree, a negative grade is a
 * document in the pool that nobody judged; like a document that is absent, it gains nothing.
 */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>

/** - `beir`: `query id <TAB> document key <TAB> grade`, as BEIR's `qrels/*.tsv`; a first line whose
 *    grade reads `score` is the header
 *  - `trec`: `query id, iteration, document key, grade`, separated by white space; the iteration is
 *    ignored, a line that begins with `#` is a comment (trec_eval 10) */
export type QrelsFormat = 'beir' | 'trec'

export interface ReadQrelsOptions extends LinesOptions {
  /** Default: by the first line: three columns separated by tabs are `beir`, else `trec`. */
  readonly format?: QrelsFormat | undefined
}

/**
 * Reads relevance judgements. A document may be judged only once for a query.
 *
 * @throws EsplanadeError `QRELS_INVALID`, naming `file:line`, at the first line that is not a
 *   judgement; naming the file, where there is no judgement at all
 */
export async function readQrels(lines: Lines, options: ReadQrelsOptions = {}): Promise<Qrels> {
  const qrels = new Map<string, Map<string, number>>()
  let format = options.format
  let isFirst = true
  await forEachLine(lines, options, line => {
    format ??= line.text.split('\t').length === 3 ? 'beir' : 'trec'
    const isHeader = isFirst && format === 'beir' && /\tscore\s*$/.test(line.text)
    isFirst = false
    if (isHeader || (format === 'trec' && line.text.startsWith('#'))) return
    const [queryId, key, grade] = format === 'beir' ? beirJudgement(line) : trecJudgement(line)
    let judged = qrels.get(queryId)
    if (judged === undefined) {
      judged = new Map()
      qrels.set(queryId, judged)
    }
    if (judged.has(key)) {
      throw invalid(
        line.place,
        `document ${excerpt(key)} is judged twice for query ${excerpt(queryId)}`,
        'one judgement for each document of a query'
      )
    }
    judged.set(key, gradeOf(grade, line.place))
  })
  if (qrels.size === 0) {
    throw invalid(options.place ?? '<lines>', 'there is no judgement', 'at least one')
  }
  return qrels
}

type Judgement = readonly [queryId: string, key: string, grade: string]

function beirJudgement({ text, place }: Line): Judgement {
  const columns = text.split('\t')
  const [queryId = '', key = '', grade = ''] = columns.map(column => column.trim())
  if (columns.length !== 3 || queryId === '' || key === '') {
    throw invalid(
      place,
      `${excerpt(text)} has ${columns.length} columns, or an empty one`,
      'three columns separated by tabs: query id, document key, grade'
    )
  }
  return [queryId, key, grade]
}

function trecJudgement({ text, place }: Line): Judgement {
  const columns = trecColumns(text)
  const [queryId, , key, grade] = columns
  if (columns.length !== 4 || queryId === undefined || key === undefined || grade === undefined) {
    throw invalid(
      place,
      `${excerpt(text)} has ${columns.length} columns`,
      'four columns separated by white space: query id, 0, document key, grade'
    )
  }
  return [queryId, key, grade]
}

function gradeOf(text: string, place: string): number {
  const grade = Number(text)
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(grade)) {
    throw invalid(place, `grade ${excerpt(text)} is not an integer`, 'a grade such as 0, 1 or 2')
  }
  return grade
}

function invalid(place: string, problem: string, expected: string) {
  const remedy =
    'Give BEIR judgements (tab-separated, header query-id corpus-id score) or TREC judgements ' +
    '(query id, 0, document key, grade)'
  return new EsplanadeError('QRELS_INVALID', { place, problem, expected, remedy })
}
