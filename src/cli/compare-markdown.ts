import { figure, gradeName, legendOf, rankChange, signed, termFigure } from './compare-figures.ts'
import { directionsOf, metricTable, overviewTable, type TextTable } from './compare-tables.ts'
import type { CompareView, DocumentMove, QueryMove } from './compare-view.ts'
import { queries } from './evaluation-notes.ts'
import { printable } from './highlighted-text.ts'

const SHOWN_TERMS = 6
const MAX_TEXT = 200

/** A comparison as GitHub's Markdown. */
export function renderMarkdown(view: CompareView): string {
  const { comparison, qrelsFile, mainMetric } = view
  const tables = comparison.metrics.flatMap(metric => [
    `## ${escapeMarkdown(metric)}`,
    '',
    ...tableLines(metricTable(view, metric)),
    ''
  ])
  const moves = view.moves.flatMap(moved => [
    `## ${escapeMarkdown(moved.run)} against ${escapeMarkdown(comparison.baseline)}: queries that moved most`,
    '',
    ...directionsOf(moved).flatMap(({ name, queries }) => [
      `By ${escapeMarkdown(mainMetric)}, ${name}:`,
      '',
      ...queries.flatMap(query => queryLines(query, view)),
      ''
    ])
  ])
  const numQueries = queries(comparison.numQueries)
  return [
    `# ${comparison.runs.map(escapeMarkdown).join(', ')}`,
    '',
    `${numQueries} of ${escapeMarkdown(qrelsFile)}.`,
    '',
    ...tableLines(overviewTable(view)),
    '',
    ...[...legendOf(view), ...view.notes].flatMap(line => [escapeMarkdown(line), '']),
    ...tables,
    ...moves
  ].join('\n')
}

function tableLines({ header, rows }: TextTable): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`
  const rule = `|${header.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`
  return [line(header), rule, ...rows.map(line)]
}

function queryLines(query: QueryMove, { topics }: CompareView): string[] {
  const { queryId, before, after, difference } = query
  const text = topics?.get(queryId)
  const name = escapeMarkdown(queryId) + (text ? `: ${escapeMarkdown(text)}` : '')
  return [
    `- **${signed(difference)}** (${figure(before)} → ${figure(after)}) ${name}`,
    ...query.documents.flatMap(documentLines)
  ]
}

function documentLines(document: DocumentMove): string[] {
  const { key, grade, reason } = document
  const line = `  - rank ${rankChange(document)}, ${gradeName(grade)}: ${escapeMarkdown(key)}`
  if (reason === undefined) return [line]
  const terms = reason.terms.slice(0, SHOWN_TERMS).map(termFigure).join(', ')
  const text = reason.text.length > MAX_TEXT ? `${reason.text.slice(0, MAX_TEXT)}…` : reason.text
  const because = escapeMarkdown(terms || 'no term in common')
  return [`${line}<br>${reason.score.toFixed(2)}: ${because}<br>${escapeMarkdown(text)}`]
}

/** One line of text in which nothing is markup. */
function escapeMarkdown(text: string): string {
  return printable(text)
    .toWellFormed()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_{}[\]()#|~!]/g, '\\$&')
}
