import type { AddedToken } from './added-tokens.ts'
import { AddedTokenSplitter } from './added-tokens.ts'
import { alignNormalized } from './alignment.ts'
import { isWhitespace } from './bert-characters.ts'
import type { BertNormalizerOptions, NormalizeCodePoint } from './bert-normalizer.ts'
import { bertNormalizer } from './bert-normalizer.ts'
import type { TextPipeline } from './text-pipeline.ts'
import { MAX_REMEMBERED, MAX_REMEMBERED_LENGTH } from './text-pipeline.ts'
import type { TokenSink } from './token-sink.ts'
import type { WordPiece } from './wordpiece.ts'
import { forEachWord } from './words.ts'

/**
 * How BERT turns a stretch of text without added tokens into tokens: normalise, split into words, cut
 * the words into pieces. Twice: {@link tokenize} for the ids alone, which remembers words it has seen,
 * and {@link encode}, which also says where each token stands. Both give the same ids.
 */
export class BertPipeline implements TextPipeline {
  readonly #normalize: NormalizeCodePoint
  readonly #wordPiece: WordPiece
  readonly #normalizedTokens: AddedTokenSplitter
  readonly #remembered = new Map<string, readonly number[]>()

  constructor(
    normalizer: BertNormalizerOptions,
    wordPiece: WordPiece,
    addedTokens: readonly AddedToken[]
  ) {
    this.#normalize = bertNormalizer(normalizer)
    this.#wordPiece = wordPiece
    this.#normalizedTokens = new AddedTokenSplitter(
      addedTokens
        .filter(token => token.normalized)
        .map(token => [this.#normalized(token.content), token] as const)
    )
  }

  /** Appends the tokens of `text.slice(from, to)`, without offsets. */
  tokenize(text: string, from: number, to: number, sink: TokenSink): void {
    if (!this.#normalizedTokens.isEmpty) {
      this.encode(text, from, to, sink) // such a token may hold blanks: words are no units then
      return
    }
    let start = from
    for (let index = from; index <= to; index++) {
      if (index < to && !isSeparator(text.charCodeAt(index))) continue
      if (start < index) {
        for (const id of this.#idsOf(text.slice(start, index))) sink.push(id)
      }
      start = index + 1
    }
  }

  /** Appends the tokens of `text.slice(from, to)` with their offsets into `text`. */
  encode(text: string, from: number, to: number, sink: TokenSink): void {
    const { normalized, starts, ends } = alignNormalized(text, from, to, this.#normalize)
    const ids: number[] = []
    const pieceEnds: number[] = []
    this.#normalizedTokens.forEachSection(normalized, (sectionStart, sectionEnd, id) => {
      if (id !== undefined) {
        sink.push(id, starts[sectionStart], ends[sectionEnd - 1])
        return
      }
      const section = normalized.slice(sectionStart, sectionEnd)
      forEachWord(section, (wordStart, wordEnd) => {
        ids.length = 0
        pieceEnds.length = 0
        this.#wordPiece.encode(section.slice(wordStart, wordEnd), ids, pieceEnds)
        const origin = sectionStart + wordStart
        let pieceStart = 0
        for (let i = 0; i < ids.length; i++) {
          const pieceEnd = pieceEnds[i]!
          sink.push(ids[i]!, starts[origin + pieceStart], ends[origin + pieceEnd - 1])
          pieceStart = pieceEnd
        }
      })
    })
  }

  /** The ids of a text without separators; it may still hold several words (`well-known`). */
  #idsOf(chunk: string): readonly number[] {
    const known = this.#remembered.get(chunk)
    if (known !== undefined) return known
    const ids: number[] = []
    const normalized = this.#normalized(chunk)
    forEachWord(normalized, (start, end) => {
      this.#wordPiece.encode(normalized.slice(start, end), ids)
    })
    if (chunk.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(chunk, ids)
    }
    return ids
  }

  #normalized(text: string): string {
    let normalized = ''
    for (let index = 0; index < text.length; ) {
      const codePoint = text.codePointAt(index)!
      normalized += this.#normalize(codePoint)
      index += codePoint > 0xffff ? 2 : 1
    }
    return normalized
  }
}

/**
 * White space that separates words in every configuration. Vertical tab, form feed and NEL are left
 * out: the clean-up removes them as controls and so joins what they stood between.
 */
function isSeparator(unit: number): boolean {
  return isWhitespace(unit) && unit !== 0x0b && unit !== 0x0c && unit !== 0x85
}
