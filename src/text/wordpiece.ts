/**
 * WordPiece: a word becomes the longest term of the vocabulary that begins it, then the longest that
 * continues it, and so on; a word that cannot be covered, or is too long, becomes one unknown token.
 * Devlin et al., BERT, 2019, after Schuster and Nakajima, Japanese and Korean Voice Search, 2012.
 *
 * No term is longer than a few letters (18 in bert-base-uncased), so no longer piece is ever looked
 * up: the time is linear in the text even where words are 100 random letters.
 */
export interface WordPieceOptions {
  /** Term → id, with the continuations written as `continuingPrefix` + piece. */
  readonly ids: ReadonlyMap<string, number>
  /** Usually `##`. */
  readonly continuingPrefix: string
  /** The id a word gets that cannot be covered. */
  readonly unknownId: number
  /** A word of more code points is unknown as a whole; 100 in BERT. */
  readonly maxCharsPerWord: number
}

/** Cuts words into the terms of a vocabulary; see {@link WordPieceOptions}. */
export class WordPiece {
  readonly #first: ReadonlyMap<string, number>
  readonly #continuing: ReadonlyMap<string, number>
  readonly #maxFirst: number // longest key of each map, in UTF-16 units
  readonly #maxContinuing: number
  readonly #unknownId: number
  readonly #maxChars: number

  constructor({ ids, continuingPrefix, unknownId, maxCharsPerWord }: WordPieceOptions) {
    const continuing = new Map<string, number>()
    for (const [term, id] of ids) {
      if (term.startsWith(continuingPrefix)) continuing.set(term.slice(continuingPrefix.length), id)
    }
    this.#first = ids
    this.#continuing = continuing
    this.#maxFirst = longestKey(ids)
    this.#maxContinuing = longestKey(continuing)
    this.#unknownId = unknownId
    this.#maxChars = maxCharsPerWord
  }

  /**
   * Appends the term ids of a word (without white space, not empty) to `ids` and, where wanted, the
   * end of each piece, an index into the word, to `ends`.
   */
  encode(word: string, ids: number[], ends?: number[]): void {
    const { length } = word
    const whole = this.#first.get(word)
    if (whole !== undefined && !this.#isTooLong(word)) {
      ids.push(whole)
      ends?.push(length)
      return
    }
    const before = ids.length
    let start = this.#isTooLong(word) ? -1 : 0
    while (start >= 0 && start < length) {
      const end = this.#longestPiece(word, start, ids)
      if (end > start) ends?.push(end)
      start = end
    }
    if (start < 0) {
      ids.length = before
      if (ends !== undefined) ends.length = before
      ids.push(this.#unknownId)
      ends?.push(length)
    }
  }

  /** Appends the id of the longest term at `start` and returns its end, or −1 if there is none. */
  #longestPiece(word: string, start: number, ids: number[]): number {
    const terms = start === 0 ? this.#first : this.#continuing
    const longest = start === 0 ? this.#maxFirst : this.#maxContinuing
    for (let end = Math.min(word.length, start + longest); end > start; end--) {
      const id = terms.get(word.slice(start, end))
      if (id === undefined) continue
      ids.push(id)
      return end
    }
    return -1
  }

  #isTooLong(word: string): boolean {
    if (word.length <= this.#maxChars) return false
    return word.length > 2 * this.#maxChars || Array.from(word).length > this.#maxChars
  }
}

function longestKey(map: ReadonlyMap<string, unknown>): number {
  let longest = 0
  for (const key of map.keys()) longest = Math.max(longest, key.length)
  return longest
}
