/** Never part of a longer cluster where two of them meet. */
const ALONE = /^[\p{L}\p{N}\p{P}\p{S}\p{Z}]$/u

/** Of those, the ones that do join: marks by use, flags, skin tones, letters of Hangul, Thai vowels. */
const JOINS =
  /^[\p{Grapheme_Extend}\p{Regional_Indicator}\p{Emoji_Modifier}\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]$/u

/**
 * Cuts a text into grapheme clusters (Unicode Standard Annex 29) with the engine's segmenter, which is
 * asked only where a cluster may have more than one code point: it takes a microsecond a cluster.
 */
export class GraphemeCutter {
  readonly #segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
  readonly #memo = new Map<number, boolean>()

  /** Calls `visit` for each cluster of a well-formed text, in order. */
  forEachGrapheme(text: string, visit: (start: number, end: number) => void): void {
    let start = 0 // of the stretch since the last certain boundary
    let size = 0 // its code points
    let wasAlone = false
    for (let index = 0; index < text.length; size++) {
      const codePoint = text.codePointAt(index)!
      const isAlone = this.#isAlone(codePoint)
      if (isAlone && wasAlone) {
        this.#cut(text, start, index, size, visit)
        start = index
        size = 0
      }
      wasAlone = isAlone
      index += codePoint > 0xffff ? 2 : 1
    }
    this.#cut(text, start, text.length, size, visit)
  }

  #cut(
    text: string,
    from: number,
    to: number,
    size: number,
    visit: (start: number, end: number) => void
  ): void {
    if (size === 1) visit(from, to)
    if (size < 2) return
    for (const { segment, index } of this.#segmenter.segment(text.slice(from, to))) {
      visit(from + index, from + index + segment.length)
    }
  }

  #isAlone(codePoint: number): boolean {
    if (codePoint < 0x300) return codePoint !== 0x0d // a line feed may follow
    let isAlone = this.#memo.get(codePoint)
    if (isAlone === undefined) {
      const char = String.fromCodePoint(codePoint)
      isAlone = ALONE.test(char) && !JOINS.test(char)
      this.#memo.set(codePoint, isAlone)
    }
    return isAlone
  }
}
