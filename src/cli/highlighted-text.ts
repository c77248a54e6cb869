import { stripVTControlCharacters } from 'node:util'
import type { Highlight } from 'esplanade/explain'
import { displayWidth } from './display-width.ts'
import type { Terminal } from './terminal.ts'

/**
 * A text of somebody else's as one line that a terminal can show: white space becomes single
 * spaces, and control characters, which could drive the terminal, become a visible sign.
 */
export function printable(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(/\p{Cc}/gu, '\ufffd')
}

/** The part `[start, end)` of a text with its highlights marked: by colour, or in brackets. */
export function highlighted(
  text: string,
  found: readonly Highlight[],
  terminal: Terminal,
  start: number = 0,
  end: number = text.length
): string {
  const mark = (part: string): string => {
    const painted = terminal.paint(part, 'bold', 'yellow')
    return painted === part ? `[${part}]` : painted
  }
  let result = ''
  let at = start
  for (const { start: from, end: to } of found) {
    if (from < at || to > end) continue
    result += printable(text.slice(at, from)) + mark(printable(text.slice(from, to)))
    at = to
  }
  return result + printable(text.slice(at, end))
}

/** Breaks a painted line at spaces to fit the terminal, each row behind `indent`. */
export function wrapPainted(line: string, indent: string, columns: number): string {
  const widthOf = (text: string) => displayWidth(stripVTControlCharacters(text))
  const rows: string[] = []
  let row = ''
  let used = 0
  for (const word of line.split(' ')) {
    const width = widthOf(word)
    if (row !== '' && used + 1 + width > columns - indent.length) {
      rows.push(row)
      row = word
      used = width
    } else {
      used += (row === '' ? 0 : 1) + width
      row = row === '' ? word : `${row} ${word}`
    }
  }
  rows.push(row)
  return rows.map(one => indent + one).join('\n')
}
