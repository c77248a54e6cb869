import { EsplanadeError, type SparseVector } from 'esplanade'

/** The text formats that vectors are written in. */
export type LineFormat = 'jsonl' | 'anserini'

/** One encoded text. */
export interface EncodedText {
  readonly key: string
  readonly text: string
  readonly vector: SparseVector
}

/** Anserini's impacts are integers: weights times this, rounded. */
const ANSERINI_SCALE = 100

/**
 * The line of a text: for `jsonl` `{"_id", "indices", "values"}`, term ids ascending, each weight
 * with as few digits as give back the same float32; for `anserini` `{"id", "contents", "vector"}`
 * with the weight times 100, rounded, by token. A weight that rounds to 0 is left out there.
 */
export function formatLine(
  format: LineFormat,
  { key, text, vector }: EncodedText,
  termOf: (termId: number) => string
): string {
  const { terms, weights } = vector
  if (format === 'jsonl') {
    const values = Array.from(weights, shortestFloat32)
    return `{"_id":${JSON.stringify(key)},"indices":[${terms.join()}],"values":[${values.join()}]}`
  }
  const entries: string[] = []
  terms.forEach((termId, i) => {
    const impact = Math.round(weights[i]! * ANSERINI_SCALE)
    if (impact > 0) entries.push(`${JSON.stringify(termOf(termId))}:${impact}`)
  })
  return `{"id":${JSON.stringify(key)},"contents":${JSON.stringify(text)},"vector":{${entries.join()}}}`
}

/** The shortest decimal number that rounds to this float32. */
export function shortestFloat32(weight: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(weight.toPrecision(digits))
    if (Math.fround(short) === weight) return short
  }
  return Number(weight.toPrecision(9))
}

/** A line read back: the key, and weights by term id or token. */
export interface VectorLine {
  readonly key: string
  /** Weights by term id (`jsonl`) or token (`anserini`). */
  readonly weights: ReadonlyMap<number | string, number>
}

/**
 * Reads a line that {@link formatLine} wrote.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for any other
 */
export function parseLine(format: LineFormat, line: string, place: string): VectorLine {
  try {
    const { _id, id, indices, values, vector } = JSON.parse(line)
    const entries: [number | string, number][] =
      format === 'jsonl'
        ? indices.map((termId: number, i: number) => [termId, values[i]])
        : Object.entries(vector)
    const key = format === 'jsonl' ? _id : id
    if (typeof key === 'string') return { key, weights: new Map(entries) }
  } catch {
    // Said below: a line that is not JSON and one of another format have the same remedy.
  }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `this is no line of the format ${format}`,
    remedy: 'Ask for the format that the file was begun with, or delete it to begin anew'
  })
}
