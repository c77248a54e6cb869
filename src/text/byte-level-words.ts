import { isWhitespace } from './bert-characters.ts'
import { letterClass } from './letters-and-numbers.ts'

/** Endings that are words of their own; upper case is not meant. */
const CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]

/**
 * The words of GPT-2, which RoBERTa and ModernBERT use: calls `visit` for each in order; together they
 * are the whole text. A word is a run of letters, of numbers or of other signs, with the blank before
 * it; of several white spaces in a row the last goes with the word that follows, if it is a blank.
 * Radford et al., Language Models are Unsupervised Multitask Learners, 2019; in their words
 * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
 */
export function forEachByteLevelWord(
  text: string,
  visit: (start: number, end: number) => void
): void {
  let end = 0
  for (let start = 0; start < text.length; start = end) {
    end = endOfContraction(text, start)
    if (end === start) {
      const body = text.charCodeAt(start) === 0x20 ? start + 1 : start
      end = isSpaceAt(text, body) ? endOfSpaces(text, start) : endOfRun(text, body)
    }
    visit(start, end)
  }
}

function endOfContraction(text: string, start: number): number {
  if (text.charCodeAt(start) !== 0x27) return start
  const found = CONTRACTIONS.find(ending => text.startsWith(ending, start))
  return start + (found?.length ?? 0)
}

/** Also true at the end of the text, where nothing follows that a blank could go with. */
function isSpaceAt(text: string, index: number): boolean {
  return index >= text.length || isWhitespace(text.charCodeAt(index))
}

/** All white space at the end of a text; else all but the last, unless it is the only one. */
function endOfSpaces(text: string, start: number): number {
  let end = start
  while (end < text.length && isWhitespace(text.charCodeAt(end))) end++
  return end === text.length || end === start + 1 ? end : end - 1
}

function endOfRun(text: string, start: number): number {
  const wanted = letterClass(text.codePointAt(start)!)
  let end = start
  while (end < text.length) {
    const codePoint = text.codePointAt(end)!
    if (letterClass(codePoint) !== wanted || isWhitespace(codePoint)) break
    end += codePoint > 0xffff ? 2 : 1
  }
  return end
}
