import type { Report, Topics } from 'esplanade/eval'
import { printable } from './highlighted-text.ts'
import { readableCount } from './readable.ts'

const MAX_NAMED = 5

/**
 * What a reader has to know of a report's figures, a clause each: queries that one side lacks, and
 * hits of which nothing is known.
 */
export function evaluationNotes(report: Report): string[] {
  const { unansweredQueryIds, unjudgedQueryIds, unanswerableQueryIds, numJudgedHits } = report
  return [
    note(unansweredQueryIds, 'without hits in the run; each counts 0'),
    note(unanswerableQueryIds, 'without a relevant document; each counts 0'),
    note(unjudgedQueryIds, 'of the run without judgements, left out'),
    numJudgedHits === 0
      ? 'no hit is judged: every figure is 0. Are the keys those of the judgements?'
      : ''
  ].filter(text => text !== '')
}

/** That queries have no text, if any are so: they may well find documents, and nobody asked for these. */
export function emptyTopicsNote(topics: Topics): string {
  const empty = [...topics].flatMap(([queryId, text]) => (text.trim() === '' ? [queryId] : []))
  return note(empty, 'without a text, searched like any other')
}

function note(queryIds: readonly string[], what: string): string {
  if (queryIds.length === 0) return ''
  const named = queryIds.slice(0, MAX_NAMED).map(printable).join(', ')
  const more = queryIds.length > MAX_NAMED ? ', …' : ''
  return `${queries(queryIds.length)} ${what} (${named}${more})`
}

/** `1 query`, `2,000 queries`. */
export function queries(count: number): string {
  return `${readableCount(count)} ${count === 1 ? 'query' : 'queries'}`
}
