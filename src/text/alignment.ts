/**
 * Which piece of the original text a token came from.
 *
 * A tokenizer normalises before it cuts: characters vanish (controls, accents), change (case) and
 * multiply (blanks around ideographs, the letters of a Hangul syllable). The normalised text here
 * remembers for each of its units the range of the original it stands for, so that any piece cut from
 * it can be led back. All positions are UTF-16 indices: `text.slice(start, end)` is the piece.
 *
 * The alignment holds for every normalisation that works code point by code point, as BERT's does;
 * one that composes (NFC) has to be handed whole clusters in place of code points.
 */
export interface AlignedText {
  readonly normalized: string
  /** `starts[i]` and `ends[i]`: the original range of unit `i` of `normalized`; both ascend. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** What extends the character before it: combining marks, variation selectors, emoji tags, ZWNJ. */
const EXTENDER = /^\p{Grapheme_Extend}$/u

/**
 * Normalises `text.slice(from, to)` and keeps the origin of every unit.
 *
 * A combining mark that normalisation removes belongs to the character it stands on, so the slice of
 * `e` is `é` however the accent is written. Other removed characters belong to no unit; inside a token
 * they are part of its slice all the same, since a slice has no holes.
 */
export function alignNormalized(
  text: string,
  from: number,
  to: number,
  normalize: (codePoint: number) => string
): AlignedText {
  const parts: string[] = []
  let starts = new Uint32Array(to - from + 16)
  let ends = new Uint32Array(to - from + 16)
  let length = 0
  let previous = 0 // the first unit of the code point before
  for (let index = from; index < to; ) {
    const codePoint = text.codePointAt(index)!
    const end = index + (codePoint > 0xffff ? 2 : 1)
    const normalized = normalize(codePoint)
    if (normalized !== '') {
      if (length + normalized.length > starts.length) {
        starts = grown(starts, normalized.length)
        ends = grown(ends, normalized.length)
      }
      parts.push(normalized)
      previous = length
      length += normalized.length
      starts.fill(index, previous, length)
      ends.fill(end, previous, length)
    } else if (length > 0 && ends[previous] === index && isExtender(codePoint)) {
      ends.fill(end, previous, length)
    }
    index = end
  }
  return {
    normalized: parts.join(''),
    starts: starts.subarray(0, length),
    ends: ends.subarray(0, length)
  }
}

/** Below U+0300, where most text is, nothing extends. */
function isExtender(codePoint: number): boolean {
  return codePoint >= 0x300 && EXTENDER.test(String.fromCodePoint(codePoint))
}

function grown(array: Uint32Array<ArrayBuffer>, atLeast: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2 + atLeast)
  larger.set(array)
  return larger
}
