/**
 * Text in a terminal's grid, where a cell is not a UTF-16 unit: CJK and emoji take two cells,
 * combining marks none (after Unicode's UAX #11, as far as terminals agree with it).
 */

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const WIDE =
  /\p{Emoji_Presentation}|\uFE0F|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u
const INVISIBLE = /^(?:\p{Cc}|\p{Cf}|\p{M})+$/u

/** Cells that a text takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += cellsOf(segment)
  return width
}

function cellsOf(grapheme: string): number {
  if (INVISIBLE.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}

/** The text on one line in at most `width` cells; what does not fit gives way to `…`. */
export function shorten(text: string, width: number): string {
  const line = oneLine(text)
  if (displayWidth(line) <= width) return line
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(line)) {
    used += cellsOf(segment)
    if (used > width - 1) break
    kept += segment
  }
  return `${kept.trimEnd()}…`
}

/** The text followed by as many spaces as fill `width` cells. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** The text preceded by as many spaces as fill `width` cells. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text
}

/**
 * Breaks a text at spaces into lines of at most `width` cells. A word that is wider is cut. With
 * `maxLines` the last line ends with `…` where text is left over.
 */
export function wrap(
  text: string,
  width: number,
  maxLines: number = Number.POSITIVE_INFINITY
): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of oneLine(text)
    .split(' ')
    .flatMap(word => pieces(word, width))) {
    if (line === '') line = word
    else if (displayWidth(line) + 1 + displayWidth(word) <= width) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  lines.push(line)
  if (lines.length <= maxLines) return lines
  return [...lines.slice(0, maxLines - 1), shorten(lines.slice(maxLines - 1).join(' '), width)]
}

function pieces(word: string, width: number): string[] {
  if (displayWidth(word) <= width) return [word]
  const parts = ['']
  for (const { segment } of graphemes.segment(word)) {
    if (displayWidth(parts.at(-1) + segment) > width) parts.push('')
    parts[parts.length - 1] += segment
  }
  return parts
}

/** White space as single spaces, without control characters: they would move the cursor. */
function oneLine(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim()
}
