import type { AddedToken } from './added-tokens.ts'
import { AddedTokenSplitter } from './added-tokens.ts'
import type { EditedText, Normalizer } from './edited-text.ts'
import type { TextPipeline } from './text-pipeline.ts'
import { MAX_REMEMBERED, MAX_REMEMBERED_LENGTH } from './text-pipeline.ts'
import type { TokenSink } from './token-sink.ts'

/** The tokens of one word: ids, and each one's start and end as UTF-16 indices into the word. */
export interface WordTokens {
  readonly ids: readonly number[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** What comes after normalisation: a text is cut into words, and words into terms. */
export interface SubwordModel {
  /**
   * Calls `visit` for each word of a normalised, well-formed text, in order.
   *
   * @param isFirst - whether the text as given begins with this one
   * @param visit - gets the word, the index in the text where it starts, and how many units of the
   * word were put before it and stand for no text
   */
  forEachWord(
    text: string,
    isFirst: boolean,
    visit: (word: string, start: number, numAdded: number) => void
  ): void
  /** The tokens of a word. */
  tokensOf(word: string): WordTokens
  /** Whether a character stands between words, so that no token begins or ends with it. */
  isSeparator(unit: number): boolean
}

/**
 * Tokenizers that normalise a stretch of text as a whole, cut it into words of which blanks are a part,
 * and cut these into terms: byte-level BPE, and Unigram with its `▁`.
 *
 * Where a token stands: what it covers of the normalised text, led back to the text as given, without
 * the blanks at its ends. A token of blanks only is an empty place behind them. A token that holds some
 * of a character's bytes stands where the whole character does, and so does one that holds a part of
 * what a character became in normalisation.
 */
export class SubwordPipeline implements TextPipeline {
  readonly #normalizer: Normalizer
  readonly #model: SubwordModel
  readonly #normalizedTokens: AddedTokenSplitter
  readonly #remembered = new Map<string, WordTokens>()

  constructor(normalizer: Normalizer, model: SubwordModel, addedTokens: readonly AddedToken[]) {
    this.#normalizer = normalizer
    this.#model = model
    this.#normalizedTokens = new AddedTokenSplitter(
      addedTokens
        .filter(token => token.normalized)
        .map(token => [normalizer(unedited(token.content)).text, token] as const)
    )
  }

  tokenize(text: string, from: number, to: number, sink: TokenSink): void {
    const edited = this.#normalizer(unedited(text.slice(from, to)))
    this.#forEachToken(edited, from === 0, id => sink.push(id))
  }

  encode(text: string, from: number, to: number, sink: TokenSink): void {
    const edited = this.#normalizer(unedited(text.slice(from, to)))
    const { text: normalized, origin } = edited
    const isBlank = (index: number): boolean =>
      this.#model.isSeparator(normalized.charCodeAt(index))
    const startOf = (index: number): number => from + (origin?.starts[index] ?? index)
    const endOf = (index: number): number => from + (origin?.ends[index] ?? index + 1)
    let lastEnd = from // of the token before; the ends ascend
    this.#forEachToken(edited, from === 0, (id, first, last) => {
      let start = first
      let end = last
      while (start < end && isBlank(start)) start++
      while (start < end && isBlank(end - 1)) end--
      if (start < end) {
        lastEnd = endOf(end - 1)
        sink.push(id, startOf(start), lastEnd)
        return
      }
      let place = end > 0 ? endOf(end - 1) : from
      if (end < normalized.length) place = Math.min(place, startOf(end))
      lastEnd = Math.max(lastEnd, place)
      sink.push(id, place, lastEnd)
    })
  }

  #forEachToken(
    { text, origin }: EditedText,
    isStart: boolean,
    visit: (id: number, start: number, end: number) => void
  ): void {
    this.#normalizedTokens.forEachSection(text, (from, to, id) => {
      if (id !== undefined) {
        visit(id, from, to)
        return
      }
      const isFirst = isStart && (origin?.starts[from] ?? from) === 0
      this.#model.forEachWord(text.slice(from, to), isFirst, (word, wordStart, numAdded) => {
        const { ids, starts, ends } = this.#tokensOf(word)
        const start = from + wordStart
        for (let i = 0; i < ids.length; i++) {
          const tokenStart = start + Math.max(0, starts[i]! - numAdded)
          visit(ids[i]!, tokenStart, start + Math.max(0, ends[i]! - numAdded))
        }
      })
    })
  }

  #tokensOf(word: string): WordTokens {
    const known = this.#remembered.get(word)
    if (known !== undefined) return known
    const tokens = this.#model.tokensOf(word)
    if (word.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(word, tokens)
    }
    return tokens
  }
}

/** A lone surrogate is read as U+FFFD, since no UTF-8 text can hold it. */
function unedited(text: string): EditedText {
  return { text: text.replace(/\p{Surrogate}/gu, '\ufffd'), origin: undefined }
}
