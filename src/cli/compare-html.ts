import { bestSnippet, highlights, type TermExplanation } from 'esplanade/explain'
import { outcomeOf } from './chart-parts.ts'
import {
  between,
  figure,
  gradeName,
  legendOf,
  markOf,
  percent,
  probability,
  rankChange,
  signed,
  termName
} from './compare-figures.ts'
import { PAGE_STYLE } from './compare-page-style.ts'
import { metricTable } from './compare-tables.ts'
import {
  type CompareView,
  type DocumentMove,
  differenceOf,
  markedPValue,
  meanOf,
  type QueryMove,
  type RunMoves
} from './compare-view.ts'
import { differenceChart } from './difference-chart.ts'
import { escapeMarkup } from './escape-markup.ts'
import { queries } from './evaluation-notes.ts'
import { meansChart } from './means-chart.ts'
import { readableCount } from './readable.ts'
import { scatterChart } from './scatter-chart.ts'

const SHOWN_TERMS = 8
const PASSAGE_LENGTH = 320

/**
 * A comparison as one page that needs nothing else: no script, no request to anywhere (its policy
 * forbids them), charts as SVG. Every text of somebody else's is escaped.
 */
export function renderHtml(view: CompareView): string {
  const { comparison, mainMetric } = view
  const title = `${comparison.runs.join(', ')}: ${mainMetric}`
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    ...header(view),
    ...overview(view),
    '<h2>Means</h2>',
    '<div class="pair">',
    ...comparison.metrics.map(metric =>
      panel(
        metric,
        `mean and ${percent(view.confidence)} interval; in colour where p < 0.05`,
        meansChart(view, metric)
      )
    ),
    '</div>',
    ...view.moves.flatMap(moves => runSection(view, moves)),
    '<h2>All figures</h2>',
    ...comparison.metrics.flatMap(metric => figures(view, metric)),
    '</main>',
    '</body>',
    '</html>',
    ''
  ].join('\n')
}

function header(view: CompareView): string[] {
  const { comparison, qrelsFile, mainMetric, test } = view
  const others = comparison.differences.filter(({ metric }) => metric === mainMetric)
  const sentences = others.map(found => {
    const p = markedPValue(found, test)
    const look = outcomeOf(found.difference)
    const verb =
      p >= 0.05 ? 'does not differ clearly from' : look === 'better' ? 'beats' : 'loses to'
    const by = `<b class="${look}">${signed(found.difference)}</b> (${between(found.interval, signed)}), p ${equals(p)}`
    const counts = `better on ${queries(found.wins)}, worse on ${readableCount(found.losses)}, the same on ${readableCount(found.ties)}`
    return `<li><b>${escapeMarkup(found.run)}</b> ${verb} <b>${escapeMarkup(comparison.baseline)}</b>: ${by}; ${counts}.</li>`
  })
  return [
    `<h1>${escapeMarkup(mainMetric)} of ${comparison.runs.map(escapeMarkup).join(' · ')}</h1>`,
    `<p class="muted">${queries(comparison.numQueries)} of ${escapeMarkup(qrelsFile)}</p>`,
    `<ul class="lead">${sentences.join('')}</ul>`
  ]
}

function equals(p: number): string {
  return p < 0.0001 ? '&lt; 0.0001' : `= ${probability(p)}`
}

/** Runs × metrics, with differences under the means. */
function overview(view: CompareView): string[] {
  const { comparison, test } = view
  const head = comparison.metrics.map(metric => `<th scope="col">${escapeMarkup(metric)}</th>`)
  const rows = comparison.runs.map(run => {
    const cells = comparison.metrics.map(metric => {
      const { mean } = meanOf(comparison, run, metric)
      const found = differenceOf(comparison, run, metric)
      if (found === undefined) return `<td>${figure(mean)}</td>`
      const { difference } = found
      const mark = markOf(markedPValue(found, test))
      const look = mark === '' ? 'muted' : outcomeOf(difference)
      return `<td>${figure(mean)} <span class="${look}">${signed(difference)} ${mark}</span></td>`
    })
    const role = run === comparison.baseline ? ' <span class="muted">(baseline)</span>' : ''
    return `<tr><td>${escapeMarkup(run)}${role}</td>${cells.join('')}</tr>`
  })
  return [
    '<h2>Runs</h2>',
    '<div class="scroll"><table>',
    `<thead><tr><th scope="col">run</th>${head.join('')}</tr></thead>`,
    `<tbody>${rows.join('\n')}</tbody>`,
    '</table></div>',
    `<div class="notes">${[...legendOf(view), ...view.notes].map(note => `<p>${escapeMarkup(note)}</p>`).join('')}</div>`
  ]
}

function panel(name: string, caption: string, content: string): string {
  const head = `<b>${escapeMarkup(name)}</b> ${escapeMarkup(caption)}`
  return `<figure><figcaption>${head}</figcaption>${content}</figure>`
}

/** A run against the baseline: charts, and the queries that moved most. */
function runSection(view: CompareView, moves: RunMoves): string[] {
  const { comparison, mainMetric } = view
  const { run, up, down } = moves
  return [
    `<h2>${escapeMarkup(run)} against ${escapeMarkup(comparison.baseline)}</h2>`,
    '<div class="pair">',
    panel('Each query', `a point; above the line ${run} is better`, scatterChart(view, run)),
    panel('Difference', 'of each query, sorted', differenceChart(view, run)),
    '</div>',
    ...movedList(view, `Queries that gained most (${mainMetric})`, up),
    ...movedList(view, `Queries that lost most (${mainMetric})`, down)
  ]
}

function movedList(view: CompareView, heading: string, moved: readonly QueryMove[]): string[] {
  if (moved.length === 0) return []
  return [
    `<h3>${escapeMarkup(heading)}</h3>`,
    ...moved.map((query, i) => movedQuery(view, query, i))
  ]
}

function movedQuery({ topics }: CompareView, query: QueryMove, position: number): string {
  const { queryId, before, after, difference, documents } = query
  const text = topics?.get(queryId)
  const name = `<span class="muted">${escapeMarkup(queryId)}</span> ${escapeMarkup(text ?? '')}`
  return [
    // The first is open, so that a reader sees what is behind the others.
    `<details${position === 0 ? ' open' : ''}><summary>`,
    `<b class="${outcomeOf(difference)}">${signed(difference)}</b>`,
    `<span class="figures muted">${figure(before)} → ${figure(after)}</span>`,
    `<span class="query">${name.trim()}</span></summary>`,
    `<ul class="moved">${documents.map(movedDocument).join('')}</ul></details>`
  ].join('')
}

function movedDocument(document: DocumentMove): string {
  const { key, grade, reason } = document
  const isRelevant = grade !== undefined && grade > 0
  const place = `<span class="rank">rank ${rankChange(document)}</span> · ${gradeName(grade)}`
  const head = `<b>${escapeMarkup(key)}</b> <span class="muted">· ${place}</span>`
  const text = reason === undefined ? '' : passage(reason.text, reason.terms)
  const why = reason === undefined ? '' : `<div class="why">${termBars(reason)}</div>`
  return `<li${isRelevant ? ' class="relevant"' : ''}><div>${head}${text}</div>${why}</li>`
}

/** The best part of a document, the words that matched marked. */
function passage(text: string, terms: readonly TermExplanation[]): string {
  const found = highlights(terms)
  const { start, end } = bestSnippet(text, found, PASSAGE_LENGTH)
  let content = start > 0 ? '… ' : ''
  let position = start
  for (const { start: from, end: to } of found) {
    if (from < position || to > end) continue
    content += escapeMarkup(text.slice(position, from))
    content += `<mark>${escapeMarkup(text.slice(from, to))}</mark>`
    position = to
  }
  content += escapeMarkup(text.slice(position, end)) + (end < text.length ? ' …' : '')
  return `<p class="passage">${content}</p>`
}

function termBars({ score, terms }: NonNullable<DocumentMove['reason']>): string {
  if (terms.length === 0) return '<p class="muted">It shares no term with the query.</p>'
  const most = Math.max(...terms.map(({ share }) => share))
  const rows = terms.slice(0, SHOWN_TERMS).map(term => {
    const look = term.inText === false ? ' class="added"' : ''
    const width = Math.max(0, (term.share / most) * 100).toFixed(1)
    const bar = `<span><u style="width:${width}%"></u></span>`
    return `<span${look}>${escapeMarkup(termName(term))}</span><i>${term.value.toFixed(2)}</i>${bar}`
  })
  const rest = terms.slice(SHOWN_TERMS)
  const restValue = rest.reduce((sum, { value }) => sum + value, 0)
  const more = rest.length === 0 ? '' : `; ${rest.length} more terms add ${restValue.toFixed(2)}`
  return `<p class="muted">score ${score.toFixed(2)}${more}</p><div class="terms">${rows.join('')}</div>`
}

function figures(view: CompareView, metric: string): string[] {
  const { header, rows } = metricTable(view, metric)
  const cells = (row: readonly string[], tag: string) =>
    row.map(cell => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join('')
  return [
    `<h3>${escapeMarkup(metric)}</h3>`,
    '<div class="scroll"><table>',
    `<thead><tr>${cells(['run', ...header.slice(1)], 'th')}</tr></thead>`,
    `<tbody>${rows.map(row => `<tr>${cells(row, 'td')}</tr>`).join('\n')}</tbody>`,
    '</table></div>'
  ]
}
