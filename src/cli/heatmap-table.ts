import { padStart, wrap } from './display-width.ts'
import { formatValue, type Heatmap, shadeOf } from './heatmap.ts'
import { onBackground, type Terminal } from './terminal.ts'

/** From the faintest to the fullest; a value of 0 stays blank. */
const BLOCKS = ['░', '▒', '▓', '█'] as const
/**
 * Light to dark blue in the 256 colours, with the text colour that is readable on each: black up to
 * the middle, white from there.
 */
const BLUES = [
  [255, 16],
  [195, 16],
  [153, 16],
  [117, 16],
  [75, 16],
  [33, 231],
  [26, 231],
  [19, 231]
] as const
const LEGEND_LINES = 3

/**
 * A heatmap in a terminal: numbered rows and columns, then the texts that the numbers stand for.
 * Where there are more columns than fit in a line they follow in further tables.
 */
export function renderHeatmapTable(heatmap: Heatmap, terminal: Terminal): string {
  const { title, texts, matrix, max } = heatmap
  const { columns, paint, hasShades } = terminal
  const labelWidth = String(texts.length).length + 2
  const widest = Math.max(...matrix.flat().map(value => formatValue(value, max).length))
  const cellWidth = widest + (hasShades ? 4 : 3)
  const perTable = Math.max(1, Math.floor((columns - labelWidth) / cellWidth))
  const cell = (value: number): string => {
    const figure = formatValue(value, max)
    const shade = shadeOf(value, max)
    if (!hasShades) return `${padStart(figure, widest + 1)} ${blockOf(shade)}`
    const [background, foreground] = BLUES[Math.round(shade * (BLUES.length - 1))]!
    return onBackground(`${padStart(figure, widest + 2)}  `, background, foreground)
  }
  const tables: string[] = []
  for (let first = 0; first < texts.length; first += perTable) {
    const header = texts
      .slice(first, first + perTable)
      .map((_, i) => `${padStart(String(first + i + 1), cellWidth - 2)}  `)
    const rows = matrix.map((row, i) => {
      const cells = row.slice(first, first + perTable).map(cell)
      return `${padStart(String(i + 1), labelWidth - 1)} ${cells.join('')}`.trimEnd()
    })
    tables.push([`${' '.repeat(labelWidth)}${header.join('')}`.trimEnd(), ...rows].join('\n'))
  }
  const legend = texts.map((text, i) => {
    const lines = wrap(text, columns - labelWidth - 1, LEGEND_LINES)
    const [head = '', ...tail] = lines
    const indent = ' '.repeat(labelWidth + 1)
    const number = padStart(String(i + 1), labelWidth - 1)
    return [`${number}  ${head || '(empty)'}`, ...tail.map(line => indent + line)].join('\n')
  })
  return `${paint(title, 'bold')}\n\n${tables.join('\n\n')}\n\n${legend.join('\n')}\n`
}

function blockOf(shade: number): string {
  if (shade === 0) return ' '
  return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(shade * BLOCKS.length))]!
}
