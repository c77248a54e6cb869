import { figure, gradeName, legendOf, rankChange, signed, termFigure } from './compare-figures.ts'
import { directionsOf, metricTable, overviewTable, type TextTable } from './compare-tables.ts'
import type { CompareView, DocumentMove, QueryMove } from './compare-view.ts'
import { displayWidth, padEnd, padStart, shorten, wrap } from './display-width.ts'
import { queries } from './evaluation-notes.ts'
import { printable } from './highlighted-text.ts'
import type { Terminal } from './terminal.ts'

const MAX_NAME_WIDTH = 28
const MIN_NAME_WIDTH = 12
const GAP = '  '
const SHOWN_TERMS = 6

/** A comparison for people at a terminal. */
export function renderTerminal(view: CompareView, terminal: Terminal): string {
  const { comparison, qrelsFile } = view
  const { paint, columns } = terminal
  const paragraph = (text: string) => wrap(text, columns).map(line => paint(line, 'dim'))
  const tables = comparison.metrics.flatMap(metric => [
    paint(metric, 'bold'),
    ...tableLines(withoutOwnInterval(metricTable(view, metric)), terminal),
    ''
  ])
  const moves = view.moves.flatMap(moved => {
    const heading = `${printable(moved.run)} against ${printable(comparison.baseline)}: queries that moved most by ${view.mainMetric}`
    const found = directionsOf(moved).flatMap(({ queries }) =>
      queries.flatMap(query => queryLines(query, view, terminal))
    )
    return [paint(heading, 'bold'), ...(found.length === 0 ? ['None moved.'] : found), '']
  })
  return [
    `${queries(comparison.numQueries)} of ${printable(qrelsFile)}`,
    '',
    ...tableLines(overviewTable(view), terminal),
    '',
    ...legendOf(view).flatMap(paragraph),
    ...view.notes.flatMap(paragraph),
    '',
    ...tables,
    ...moves
  ].join('\n')
}

/** A line of a terminal has no room for the intervals of the means; that of the difference matters. */
function withoutOwnInterval({ header, rows }: TextTable): TextTable {
  const drop = (row: readonly string[]) => row.filter((_, column) => column !== 2)
  return { header: drop(header), rows: rows.map(drop) }
}

function tableLines({ header, rows }: TextTable, { paint, columns }: Terminal): string[] {
  // Marks stand behind the figures, which stay in line.
  const isMarked = rows.some(row => row.some(cell => cell.endsWith('*')))
  const figures = [header, ...rows].map(row =>
    row.slice(1).map(cell => (isMarked ? markWidth(cell) : cell))
  )
  const widths = header
    .slice(1)
    .map((_, i) => Math.max(...figures.map(row => displayWidth(row[i]!))))
  const taken = widths.reduce((sum, width) => sum + GAP.length + width, 0)
  const room = Math.min(MAX_NAME_WIDTH, Math.max(MIN_NAME_WIDTH, columns - taken))
  const names = [header, ...rows].map(row => shorten(printable(row[0]!), room))
  const nameWidth = Math.max(...names.map(displayWidth))
  return figures.map((row, i) => {
    const cells = row.map((cell, column) => padStart(cell, widths[column]!))
    const line = [padEnd(names[i]!, nameWidth), ...cells].join(GAP).trimEnd()
    return i === 0 ? paint(line, 'dim') : line
  })
}

/** Room for three stars behind a cell. */
function markWidth(cell: string): string {
  const stars = /\**$/.exec(cell)![0]
  return stars === '' ? `${cell}    ` : cell + ' '.repeat(3 - stars.length)
}

function queryLines(query: QueryMove, { topics }: CompareView, terminal: Terminal): string[] {
  const { paint, columns } = terminal
  const { queryId, before, after, difference } = query
  const color = difference > 0 ? 'green' : 'red'
  const values = `${figure(before)} → ${figure(after)}`
  const text = topics?.get(queryId) ?? ''
  const name = [printable(queryId), printable(text)].filter(part => part !== '').join('  ')
  const head = `${signed(difference)}  ${values}  `
  const shown = shorten(name, columns - displayWidth(head))
  return [
    `${paint(signed(difference), color)}  ${paint(values, 'dim')}  ${shown}`,
    ...query.documents.flatMap(document => documentLines(document, terminal))
  ]
}

function documentLines(document: DocumentMove, { paint, columns }: Terminal): string[] {
  const { key, grade, reason } = document
  const head = `  ${padStart(rankChange(document), 11)}  ${padEnd(gradeName(grade), 10)}  `
  const line = head + shorten(printable(key), columns - displayWidth(head))
  if (reason === undefined) return [line]
  const indent = ' '.repeat(15)
  const width = columns - indent.length
  const rest = reason.terms.length - SHOWN_TERMS
  const more = rest > 0 ? `, ${rest} more` : ''
  const terms = reason.terms.slice(0, SHOWN_TERMS).map(termFigure).join(', ')
  const because = terms === '' ? 'no term in common' : `${terms}${more}`
  return [
    line,
    ...wrap(`${reason.score.toFixed(2)}: ${printable(because)}`, width).map(row => indent + row),
    paint(indent + shorten(printable(reason.text), width), 'dim')
  ]
}
