/**
 * A text that normalisation has edited, and where in the text as given each of its units stands.
 *
 * Unlike `alignment.ts`, which reads code point by code point as BERT does, this one takes any number
 * of normalisers one after the other, and each may replace several characters at once (NFC composes,
 * a charsmap knows whole graphemes). Most texts are not changed at all: then nothing is recorded.
 */
export interface EditedText {
  readonly text: string
  /** UTF-16 ranges of the text as given, one a unit of `text`; undefined while nothing has changed. */
  readonly origin: Origin | undefined
}

export interface Origin {
  /** Unit `i` stands for `given.slice(starts[i], ends[i])`; both ascend. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** `text.slice(start, end)` becomes the replacement, each unit of which stands for that whole slice. */
export type Edit = readonly [start: number, end: number, replacement: string]

/** One step of normalisation. */
export type Normalizer = (input: EditedText) => EditedText

/** Applies edits that ascend and do not overlap. */
export function applyEdits(input: EditedText, edits: readonly Edit[]): EditedText {
  if (edits.length === 0) return input
  const { text, origin } = input
  let length = text.length
  for (const [start, end, replacement] of edits) length += replacement.length - (end - start)
  const starts = new Uint32Array(length)
  const ends = new Uint32Array(length)
  const parts: string[] = []
  let at = 0 // in the new text
  let from = 0 // in the old one
  const keep = (to: number): void => {
    parts.push(text.slice(from, to))
    for (; from < to; from++, at++) {
      starts[at] = origin?.starts[from] ?? from
      ends[at] = origin?.ends[from] ?? from + 1
    }
  }
  for (const [start, end, replacement] of edits) {
    keep(start)
    parts.push(replacement)
    starts.fill(origin?.starts[start] ?? start, at, at + replacement.length)
    ends.fill(origin?.ends[end - 1] ?? end, at, at + replacement.length)
    at += replacement.length
    from = end
  }
  keep(text.length)
  return { text: parts.join(''), origin: { starts, ends } }
}
