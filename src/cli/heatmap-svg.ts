import { displayWidth, wrap } from './display-width.ts'
import { escapeMarkup } from './escape-markup.ts'
import { formatValue, type Heatmap, shadeOf } from './heatmap.ts'

/**
 * A heatmap as a self-contained SVG: no script, no style sheet, no font of its own. Every value
 * stands in its cell as text, and every cell names its pair for screen readers and pointers.
 */

const MARGIN = 24
const TITLE_HEIGHT = 40
const HEADER_HEIGHT = 26
const LABEL_CELLS = 44
const LABEL_LINES = 3
const LINE_HEIGHT = 17
const NUMBER_WIDTH = 28
/** A cell of the label font, on average; fonts differ, so room is left. */
const CHARACTER_WIDTH = 7
const SCALE_HEIGHT = 56
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
/** From no likeness to the largest: near white over blue to deep navy. */
const RAMP: readonly (readonly [number, number, number])[] = [
  [244, 247, 251],
  [190, 214, 236],
  [111, 168, 214],
  [40, 108, 176],
  [8, 42, 98]
]

interface Layout {
  readonly cell: number
  /** Where the cells begin. */
  readonly left: number
  readonly top: number
  readonly size: number
  readonly width: number
  readonly height: number
}

/** Draws a {@link Heatmap}. */
export function renderHeatmapSvg(heatmap: Heatmap): string {
  const { title, texts } = heatmap
  const labels = texts.map(text => wrap(text === '' ? '(empty)' : text, LABEL_CELLS, LABEL_LINES))
  const layout = layoutOf(heatmap, labels)
  const { width, height } = layout
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description" font-family="${FONT}">`,
    `<title id="title">${escapeMarkup(title)}</title>`,
    `<desc id="description">${escapeMarkup(describe(heatmap))}</desc>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="${MARGIN + 16}" font-size="18" font-weight="600" fill="#16202c">${escapeMarkup(title)}</text>`,
    ...texts.map((_, column) => columnHeader(column, layout)),
    ...labels.map((lines, row) => rowLabel(lines, row, layout)),
    ...cells(heatmap, layout),
    ...scale(heatmap, layout),
    '</svg>',
    ''
  ].join('\n')
}

function layoutOf({ matrix, max }: Heatmap, labels: readonly string[][]): Layout {
  const numTexts = labels.length
  const digits = Math.max(...matrix.flat().map(value => formatValue(value, max).length))
  const tallest = Math.max(...labels.map(lines => lines.length)) * LINE_HEIGHT + 12
  const cell = Math.max(numTexts <= 6 ? 72 : 54, tallest, digits * 9 + 14)
  const longest = Math.max(...labels.flat().map(displayWidth))
  const left = MARGIN + NUMBER_WIDTH + longest * CHARACTER_WIDTH + 12
  const top = MARGIN + TITLE_HEIGHT + HEADER_HEIGHT
  const size = cell * numTexts
  const height = top + size + SCALE_HEIGHT + MARGIN
  return { cell, left, top, size, width: left + size + MARGIN, height }
}

function columnHeader(column: number, { left, top, cell }: Layout): string {
  const x = left + (column + 0.5) * cell
  return `<text x="${x}" y="${top - 9}" font-size="13" font-weight="600" text-anchor="middle" fill="#51606f" aria-hidden="true">${column + 1}</text>`
}

function rowLabel(lines: readonly string[], row: number, { left, top, cell }: Layout): string {
  const middle = top + (row + 0.5) * cell
  const first = middle - ((lines.length - 1) * LINE_HEIGHT) / 2 + 4.5
  const spans = lines.map(
    (line, i) =>
      `<tspan x="${left - 12 - NUMBER_WIDTH}" y="${first + i * LINE_HEIGHT}">${escapeMarkup(line)}</tspan>`
  )
  return (
    `<text x="${left - 12}" y="${middle + 4.5}" font-size="13" font-weight="600" text-anchor="end" fill="#51606f">${row + 1}</text>` +
    `<text font-size="13" text-anchor="end" fill="#16202c">${spans.join('')}</text>`
  )
}

function cells({ texts, matrix, max }: Heatmap, { left, top, cell }: Layout): string[] {
  return matrix.flatMap((values, row) =>
    values.map((value, column) => {
      const shade = shadeOf(value, max)
      const color = colorAt(shade)
      const figure = formatValue(value, max)
      const x = left + column * cell
      const y = top + row * cell
      const pair = `${row + 1} × ${column + 1}: ${figure}\n${texts[row]}\n${texts[column]}`
      return (
        `<g><title>${escapeMarkup(pair)}</title>` +
        `<rect x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${cell - 2}" rx="4" fill="${hex(color)}"/>` +
        `<text x="${x + cell / 2}" y="${y + cell / 2 + 5}" font-size="15" text-anchor="middle" fill="${isDark(color) ? '#ffffff' : '#16202c'}">${figure}</text></g>`
      )
    })
  )
}

/** The colour scale under the cells: what light and dark stand for. */
function scale({ max }: Heatmap, { left, top, size }: Layout): string[] {
  const y = top + size + 22
  const length = Math.max(120, Math.min(size, 300))
  const stops = RAMP.map(
    (color, i) => `<stop offset="${(i / (RAMP.length - 1)) * 100}%" stop-color="${hex(color)}"/>`
  )
  const label = (value: number, x: number, anchor: string) =>
    `<text x="${x}" y="${y + 26}" font-size="12" text-anchor="${anchor}" fill="#51606f">${formatValue(value, max)}</text>`
  return [
    `<defs><linearGradient id="scale">${stops.join('')}</linearGradient></defs>`,
    `<g aria-hidden="true"><rect x="${left + 1}" y="${y}" width="${length - 2}" height="10" rx="3" fill="url(#scale)" stroke="#d5dde5" stroke-width="1"/>`,
    `${label(0, left + 1, 'start')}${label(max, left + length - 1, 'end')}</g>`
  ]
}

function describe({ texts, matrix, max }: Heatmap): string {
  const pairs = texts.flatMap((_, i) =>
    texts.slice(i + 1).map((_, j) => {
      const other = i + 1 + j
      return `${i + 1} and ${other + 1}: ${formatValue(matrix[i]![other]!, max)}`
    })
  )
  const names = texts.map((text, i) => `${i + 1}: ${text}`).join('\n')
  return `Similarity of ${texts.length} texts. ${pairs.join('; ')}.\n${names}`
}

type Color = readonly [number, number, number]

function colorAt(shade: number): Color {
  const position = shade * (RAMP.length - 1)
  const below = Math.min(RAMP.length - 2, Math.floor(position))
  const part = position - below
  const [from, to] = [RAMP[below]!, RAMP[below + 1]!]
  const mix = (i: 0 | 1 | 2) => Math.round(from[i] + (to[i] - from[i]) * part)
  return [mix(0), mix(1), mix(2)]
}

function hex(color: Color): string {
  return `#${color.map(channel => channel.toString(16).padStart(2, '0')).join('')}`
}

/** Whether white text has more contrast on a colour than dark text, by WCAG's luminance. */
function isDark(color: Color): boolean {
  const [r, g, b] = color.map(channel => {
    const c = channel / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as unknown as Color
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.2
}
