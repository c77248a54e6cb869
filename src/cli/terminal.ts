import { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

/** What `paint` knows: names of `styleText`. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'blue' | 'magenta'

/** What a command may count on where its output goes. */
export interface Terminal {
  /** Cells in a line. */
  readonly columns: number
  /** Adds styles where the output shows them, and nothing elsewhere. */
  readonly paint: (text: string, ...styles: Style[]) => string
  /** Whether the 256 colours are there. */
  readonly hasShades: boolean
}

const PLAIN_COLUMNS = 80
const MIN_COLUMNS = 40
/** Longer lines are harder to read, however wide the window. */
const MAX_COLUMNS = 120

/**
 * A terminal as far as it has one: without colours in a pipe, or where `NO_COLOR` asks for none;
 * with them where `FORCE_COLOR` does.
 */
export function terminalOf(stream: NodeJS.WriteStream): Terminal {
  const forced = process.env.FORCE_COLOR !== undefined
  const depth = forced || stream.isTTY ? WriteStream.prototype.getColorDepth() : 1
  const columns = stream.isTTY ? stream.columns : PLAIN_COLUMNS
  return {
    columns: Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, columns)),
    paint: painter(depth),
    hasShades: depth >= 8
  }
}

/** @param colorDepth - bits of colour; 1 for none */
export function painter(colorDepth: number): Terminal['paint'] {
  if (colorDepth <= 2) return text => text
  // One style at a time: on Node 20 a list of styles is applied even in a pipe.
  return (text, ...styles) =>
    styles.reduce((painted, style) => styleText(style, painted, { validateStream: false }), text)
}

/** A text on a background of the 256 colours, light or dark enough to be read. */
export function onBackground(text: string, background: number, foreground: number): string {
  return `\u001b[38;5;${foreground}m\u001b[48;5;${background}m${text}\u001b[0m`
}
