import { PAGE_STYLE } from './compare-page-style.ts'
import { ALONE_STYLE, COST_STYLE } from './cost-page-style.ts'
import { COSTS, type Cost, type CostRow } from './cost-row.ts'
import { COLUMN_NOTES, costTable } from './cost-table.ts'
import { escapeMarkup } from './escape-markup.ts'
import { type ParetoView, paretoChart } from './pareto-chart.ts'
import { counted } from './readable.ts'

/**
 * Cost and quality as one page that needs nothing else: no script, no request to anywhere (its policy
 * forbids them), charts as SVG. Every text of somebody else's is escaped.
 */
export function renderCostPage(
  rows: readonly CostRow[],
  metric: string,
  notes: readonly string[]
): string {
  const title = `${[...new Set(rows.map(({ collection }) => collection))].join(', ')}: ${metric} and cost`
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(title)}</title>`,
    `<style>${PAGE_STYLE}${COST_STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escapeMarkup(title)}</h1>`,
    `<p class="muted">${counted(rows.length, 'setting')}; the line joins those that no other one beats, which are named in bold.</p>`,
    ...chartsOf(rows).map(cost => panel({ rows, cost, metric })),
    '<h2>All figures</h2>',
    ...table(rows),
    `<div class="notes">${notes.map(note => `<p>${escapeMarkup(note)}</p>`).join('')}</div>`,
    `<dl>${COLUMN_NOTES.map(([column, meaning]) => `<dt>${escapeMarkup(column)}</dt><dd>${escapeMarkup(meaning)}</dd>`).join('')}</dl>`,
    '</main>',
    '</body>',
    '</html>',
    ''
  ].join('\n')
}

/** A chart as a file of its own. */
export function renderChartFile(view: ParetoView): string {
  const svg = paretoChart(view)
  const start = svg.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
  return `${start.replace('>\n', `>\n<style>${ALONE_STYLE}</style>\n`)}\n`
}

/** The costs in which settings differ. */
function chartsOf(rows: readonly CostRow[]): Cost[] {
  return Object.values(COSTS).filter(({ figure }) => {
    const values = rows.map(row => row[figure])
    return values.every(Number.isFinite) && new Set(values).size > 1
  })
}

function panel(view: ParetoView): string {
  const head = `<b>${escapeMarkup(view.metric)}</b> over ${escapeMarkup(view.cost.name)}`
  return `<figure><figcaption>${head}</figcaption>${paretoChart(view)}</figure>`
}

function table(rows: readonly CostRow[]): string[] {
  const [head, ...body] = costTable(rows)
  const cells = (name: string, row: readonly string[]) =>
    `<tr>${row.map(cell => `<${name}>${escapeMarkup(cell)}</${name.split(' ')[0]}>`).join('')}</tr>`
  return [
    '<div class="scroll"><table>',
    `<thead>${cells('th scope="col"', head!)}</thead>`,
    `<tbody>${body.map(row => cells('td', row)).join('\n')}</tbody>`,
    '</table></div>'
  ]
}
