/**
 * Sentence borders by Unicode (UAX #29), in time linear in the length of the text.
 *
 * The segmenter of V8 takes time that grows with the square of the string it is given (1 MB of
 * short sentences: 39 s), so it is given windows, each starting at a sentence border.
 */

/** Characters a window has at first; one that holds no whole sentence is doubled. */
const WINDOW_CHARS = 2048

// The language is fixed, so that a text is cut alike on every machine.
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

/**
 * The offsets where the sentences of `text` in `[start, end)` end, ascending; the last is `end`.
 * White space after a sentence belongs to it, and a line end ends a sentence.
 */
export function* sentenceEnds(text: string, start: number, end: number): Generator<number> {
  let from = start
  let windowChars = WINDOW_CHARS
  while (from < end) {
    const to = Math.min(from + windowChars, end)
    let next = from
    for (const { index, segment } of segmenter.segment(text.slice(from, to))) {
      const segmentEnd = from + index + segment.length
      // The last sentence of a window may go on beyond it: the next window starts with it.
      if (segmentEnd === to && to < end) break
      yield segmentEnd
      next = segmentEnd
    }
    windowChars = next === from ? windowChars * 2 : WINDOW_CHARS
    from = next
  }
}
