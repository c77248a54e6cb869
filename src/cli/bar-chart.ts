import { displayWidth, padEnd, padStart, shorten, wrap } from './display-width.ts'
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
/** Room for a mark, a label of some length and a figure; bars may have to go. */
const MIN_CHART_WIDTH = 24
const MAX_CHART_WIDTH = 76
const MIN_BAR_WIDTH = 6
/** Labels are cut beyond this before bars are left out. */
const LONG_LABEL = 18
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/**
 * Draws charts side by side, as many in a row as the terminal has room for and rows of the same number
 * where that can be. Where one has no room for bars, none has any.
 */
export function renderBarCharts(charts: readonly BarChart[], terminal: Terminal): string {
  const fitting = Math.floor((terminal.columns + GAP) / (MIN_CHART_WIDTH + GAP))
  const numRows = Math.ceil(charts.length / Math.max(1, fitting))
  const perRow = Math.max(1, Math.ceil(charts.length / numRows))
  const width = Math.min(
    MAX_CHART_WIDTH,
    Math.floor((terminal.columns - GAP * (perRow - 1)) / perRow)
  )
  const hasBars = charts.every(chart => barWidth(chart, width) >= MIN_BAR_WIDTH)
  // As many lines for each, so that what stands below is in line.
  const numLines = Math.max(...charts.map(({ subtitle }) => wrap(subtitle, width).length))
  const rows: string[] = []
  for (let first = 0; first < charts.length; first += perRow) {
    const columns = charts
      .slice(first, first + perRow)
      .map(chart => renderBarChart(chart, { width, numLines, hasBars }, terminal.paint))
    rows.push(sideBySide(columns, width))
  }
  return rows.join('\n')
}

/** A painted line and the cells that it takes: escape sequences take none. */
interface Line {
  readonly text: string
  readonly width: number
}

/** Cells that a chart's labels and figures take. */
function widthsOf({ bars }: BarChart): { labels: number; figures: number } {
  return {
    labels: Math.max(0, ...bars.map(({ label }) => displayWidth(label))),
    figures: Math.max(0, ...bars.map(({ figure }) => displayWidth(figure)))
  }
}

/** Cells that a chart of some width leaves for bars: behind mark, label, figure and what parts them. */
function barWidth(chart: BarChart, width: number): number {
  const { labels, figures } = widthsOf(chart)
  return width - (2 + Math.min(labels, LONG_LABEL) + 2 + figures + 2)
}

function renderBarChart(
  chart: BarChart,
  { width, numLines, hasBars }: { width: number; numLines: number; hasBars: boolean },
  paint: Terminal['paint']
): Line[] {
  const line = (text: string, ...styles: Style[]): Line => {
    const fitted = shorten(text, width)
    return { text: paint(fitted, ...styles), width: displayWidth(fitted) }
  }
  const { labels, figures: figureWidth } = widthsOf(chart)
  const fixed = 2 + 2 + figureWidth + (hasBars ? 2 : 0)
  const room = width - fixed - (hasBars ? MIN_BAR_WIDTH : 0)
  const labelWidth = Math.max(1, Math.min(labels, room))
  const cells = hasBars ? width - fixed - labelWidth : 0
  const bars = chart.bars.map(({ mark, label, figure, fraction, style }): Line => {
    const name = `${mark} ${padEnd(shorten(label, labelWidth), labelWidth)}`
    const bar = hasBars ? renderBar(fraction, cells) : ''
    const styled = style === undefined ? name : paint(name, style)
    const drawn = bar === '' ? '' : `  ${paint(bar, style ?? 'dim')}`
    return {
      text: `${styled}  ${padStart(figure, figureWidth)}${drawn}`,
      width: 4 + labelWidth + figureWidth + (bar === '' ? 0 : 2 + displayWidth(bar))
    }
  })
  const subtitle = wrap(chart.subtitle, width)
  const empty = { text: '', width: 0 }
  return [
    line(chart.title, 'bold'),
    ...Array.from({ length: numLines }, (_, i) => line(subtitle[i] ?? '', 'dim')),
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
