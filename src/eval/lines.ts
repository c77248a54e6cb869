/** The lines of a text file without their line ends, as a reader or a `split('\n')` gives them. */
export type Lines = Iterable<string> | AsyncIterable<string>

/** Where a file of lines comes from, for the place that an error names. */
export interface LinesOptions {
  /** Name of the file in error messages; the line number is added to it. Default: `<lines>`. */
  readonly place?: string | undefined
}

/** A line for a parser: its text, and its `file:line` when an error has to name it. */
export interface Line {
  readonly text: string
  /** Counted from 1. */
  readonly lineNumber: number
  readonly place: string
}

class PlacedLine implements Line {
  readonly text: string
  readonly lineNumber: number
  readonly #file: string

  constructor(text: string, lineNumber: number, file: string) {
    this.text = text
    this.lineNumber = lineNumber
    this.#file = file
  }

  get place(): string {
    return `${this.#file}:${this.lineNumber}`
  }
}

/**
 * Hands every line that is not blank to `visit`, in order. A byte order mark before the first line
 * and a carriage return after any line are taken away; blank lines are skipped, as trec_eval does.
 * Lines that are at hand are visited without waiting, so a run of millions of lines costs no
 * millions of promises.
 */
export async function forEachLine(
  lines: Lines,
  options: LinesOptions,
  visit: (line: Line) => void
): Promise<void> {
  const file = options.place ?? '<lines>'
  let lineNumber = 0
  const take = (raw: string) => {
    lineNumber += 1
    const start = lineNumber === 1 && raw.startsWith('\uFEFF') ? 1 : 0
    const end = raw.endsWith('\r') ? raw.length - 1 : raw.length
    const text = raw.slice(start, end)
    if (text.trim() !== '') visit(new PlacedLine(text, lineNumber, file))
  }
  if (Symbol.asyncIterator in lines) {
    for await (const line of lines) take(line)
  } else {
    for (const line of lines) take(line)
  }
}

/**
 * The columns of a line of a TREC file: separated by any ASCII white space. White space beyond
 * ASCII stays part of a column, as in trec_eval.
 */
export function trecColumns(text: string): string[] {
  return text.split(/[ \t\v\f\r]+/).filter(column => column !== '')
}

/** Shortens what was given, so that an error message stays readable whatever the file holds. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
