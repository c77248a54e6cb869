import { isWhitespace } from './bert-characters.ts'

/**
 * A token beside the vocabulary's own, found as a whole wherever its text stands: `[MASK]` typed into
 * a text is the mask token. One entry of `added_tokens` in a `tokenizer.json`.
 */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Stands for no text of its own, as `[CLS]` does. */
  readonly special: boolean
  /** Found only where no letter, mark or digit touches it. */
  readonly singleWord: boolean
  /** Found in the normalised text rather than in the text as given. */
  readonly normalized: boolean
  /** Takes the white space before it along. */
  readonly stripsLeft: boolean
  /** Takes the white space after it along. */
  readonly stripsRight: boolean
}

const WORD_CHARACTER = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]'

/** Cuts a text at its added tokens: the leftmost first, and of those the longest. */
export class AddedTokenSplitter {
  readonly #pattern: RegExp | undefined
  readonly #tokenOf: ReadonlyMap<string, AddedToken>

  /** @param tokens - the text to look for, and the token it stands for */
  constructor(tokens: readonly (readonly [content: string, token: AddedToken])[]) {
    const wanted = tokens.filter(([content]) => content !== '')
    this.#tokenOf = new Map(wanted)
    const alternatives = wanted
      .toSorted(([a], [b]) => b.length - a.length)
      .map(([content, token]) => patternOf(content, token))
    if (alternatives.length > 0) this.#pattern = new RegExp(alternatives.join('|'), 'gu')
  }

  /** True if there is nothing to look for. */
  get isEmpty(): boolean {
    return this.#pattern === undefined
  }

  /**
   * Calls `visit` for each stretch of `text` in order, with the id where it is an added token. White
   * space that such a token takes along is left out.
   */
  forEachSection(
    text: string,
    visit: (from: number, to: number, id: number | undefined) => void
  ): void {
    let from = 0
    if (this.#pattern !== undefined) {
      for (const match of text.matchAll(this.#pattern)) {
        if (match.index < from) continue // the token before has taken it along
        const token = this.#tokenOf.get(match[0])!
        let start = match.index
        let end = start + match[0].length
        if (token.stripsLeft) while (start > from && isSpaceAt(text, start - 1)) start--
        if (token.stripsRight) while (end < text.length && isSpaceAt(text, end)) end++
        if (from < start) visit(from, start, undefined)
        visit(match.index, match.index + match[0].length, token.id)
        from = end
      }
    }
    if (from < text.length) visit(from, text.length, undefined)
  }
}

function isSpaceAt(text: string, index: number): boolean {
  return isWhitespace(text.charCodeAt(index))
}

function patternOf(content: string, token: AddedToken): string {
  const literal = content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  return token.singleWord ? `(?<!${WORD_CHARACTER})${literal}(?!${WORD_CHARACTER})` : literal
}
