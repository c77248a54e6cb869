import { displayWidth, padEnd, padStart, shorten } from './display-width.ts'
import type { Style, Terminal } from './terminal.ts'

/** One line of a chart: a mark, a label, a figure and a bar. */
export interface Bar {
  /** One character before the label, or a space. */
  readonly mark: string
  readonly label: string
  /** The figure as it is shown. */
  readonly figure: string
  /** Length of the bar, from 0 to 1. */
  readonly fraction: number
  /** How mark and label look. */
  readonly style?: Style
}

/** A chart with its heading and, below, what it leaves out. */
export interface BarChart {
  readonly title: string
  readonly subtitle: string
  readonly bars: readonly Bar[]
  readonly footer: string
}

const GAP = 4
const MIN_CHART_WIDTH = 30
const MAX_CHART_WIDTH = 76
const MIN_BAR_WIDTH = 6
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Draws charts side by side, as many in a row as the terminal has room for. */
export function renderBarCharts(charts: readonly BarChart[], terminal: Terminal): string {
  const fitting = Math.floor((terminal.columns + GAP) / (MIN_CHART_WIDTH + GAP))
  const perRow = Math.max(1, Math.min(charts.length, fitting))
  const width = Math.min(
    MAX_CHART_WIDTH,
    Math.floor((terminal.columns - GAP * (perRow - 1)) / perRow)
  )
  const rows: string[] = []
  for (let first = 0; first < charts.length; first += perRow) {
    const columns = charts
      .slice(first, first + perRow)
      .map(chart => renderBarChart(chart, width, terminal.paint))
    rows.push(sideBySide(columns, width))
  }
  return rows.join('\n')
}

/** A painted line and the cells that it takes: escape sequences take none. */
interface Line {
  readonly text: string
  readonly width: number
}

function renderBarChart(chart: BarChart, width: number, paint: Terminal['paint']): Line[] {
  const line = (text: string, ...styles: Style[]): Line => {
    const fitted = shorten(text, width)
    return { text: paint(fitted, ...styles), width: displayWidth(fitted) }
  }
  const figureWidth = Math.max(0, ...chart.bars.map(bar => displayWidth(bar.figure)))
  const fixed = 2 + 2 + figureWidth + 2
  const longest = Math.max(0, ...chart.bars.map(bar => displayWidth(bar.label)))
  const labelWidth = Math.max(1, Math.min(longest, width - fixed - MIN_BAR_WIDTH))
  const barWidth = width - fixed - labelWidth
  const bars = chart.bars.map(({ mark, label, figure, fraction, style }): Line => {
    const name = `${mark} ${padEnd(shorten(label, labelWidth), labelWidth)}`
    const bar = renderBar(fraction, barWidth)
    const styled = style === undefined ? name : paint(name, style)
    return {
      text: `${styled}  ${padStart(figure, figureWidth)}  ${paint(bar, style ?? 'dim')}`,
      width: fixed + labelWidth + displayWidth(bar)
    }
  })
  const empty = { text: '', width: 0 }
  return [
    line(chart.title, 'bold'),
    line(chart.subtitle, 'dim'),
    ...(bars.length > 0 ? [empty, ...bars] : []),
    ...(chart.footer === '' ? [] : [line(chart.footer, 'dim')])
  ]
}

/** A bar of up to `width` cells, in steps of an eighth. */
function renderBar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8)
  // Something that is there must be seen, however small beside the largest.
  const shown = fraction > 0 ? Math.max(1, eighths) : 0
  return '█'.repeat(Math.floor(shown / 8)) + EIGHTHS[shown % 8]!
}

function sideBySide(columns: readonly Line[][], width: number): string {
  const height = Math.max(...columns.map(lines => lines.length))
  const rows: string[] = []
  for (let row = 0; row < height; row++) {
    const cells = columns.map(lines => {
      const { text, width: used } = lines[row] ?? { text: '', width: 0 }
      return text + ' '.repeat(Math.max(0, width - used))
    })
    rows.push(cells.join(' '.repeat(GAP)).trimEnd())
  }
  return `${rows.join('\n')}\n`
}
