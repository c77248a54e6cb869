import { escapeMarkup } from './escape-markup.ts'

/**
 * What the charts of a page share. Colours are classes, which the page's style sheet gives for light
 * and dark; sizes are units of the view box, and the page scales the whole.
 */

/** Width of a chart's view box. */
export const CHART_WIDTH = 520

/** Where a chart's plot lies in its view box. */
export interface Plot {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** A linear scale: a value → a position. */
export type Scale = (value: number) => number

export function scaleOf(from: number, to: number, start: number, end: number): Scale {
  return value => start + ((value - from) / (to - from)) * (end - start)
}

/** Round values that cover a range, some five of them; the first and last are its ends. */
export function ticksOf(low: number, high: number): number[] {
  const span = Math.max(high - low, 1e-6)
  const power = 10 ** Math.floor(Math.log10(span / 5))
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(one => span / one <= 6)!
  const first = Math.floor(low / step + 1e-9)
  const last = Math.ceil(high / step - 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(10))
  )
}

/** A tick as it is written: no more digits than its step needs. */
export function tickLabel(value: number): string {
  return String(value).replace('-', '−')
}

/** A coordinate, to a tenth of a unit. */
export function at(position: number): string {
  return String(Math.round(position * 10) / 10)
}

export interface TextPlace {
  readonly x: number
  readonly y: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly class?: string
  /** Degrees, around the place. */
  readonly turn?: number
}

/** Text of a chart. */
export function chartText(text: string, place: TextPlace): string {
  const { x, y, anchor = 'start', turn } = place
  const name = place.class === undefined ? '' : ` class="${place.class}"`
  const turned = turn === undefined ? '' : ` transform="rotate(${turn} ${at(x)} ${at(y)})"`
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${name}${turned}>${escapeMarkup(text)}</text>`
}

export function chartLine(x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${name}"/>`
}

/** The whole chart, with a name for those who do not see it. */
export function chart(
  label: string,
  height: number,
  parts: readonly string[],
  width: number = CHART_WIDTH
): string {
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeMarkup(label)}">`,
    ...parts,
    '</svg>'
  ].join('\n')
}

/** What a pointer is shown. */
export function tip(lines: readonly string[]): string {
  return `<title>${escapeMarkup(lines.filter(line => line !== '').join('\n'))}</title>`
}

/** How a run did on a query, as a class: against the baseline. */
export function outcomeOf(difference: number): 'better' | 'worse' | 'same' {
  if (Math.abs(difference) <= 1e-9) return 'same'
  return difference > 0 ? 'better' : 'worse'
}

/** Room for a name of a run in a chart. */
export function shortName(name: string, length: number): string {
  return name.length <= length ? name : `${name.slice(0, length - 1)}…`
}
