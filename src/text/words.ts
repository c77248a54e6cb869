import { characterClass, isWhitespace } from './bert-characters.ts'

/**
 * BERT's pre-tokenizer: calls `visit` with the start and end of each word of a normalised text, in
 * order. White space separates; a sign of punctuation is a word of its own.
 */
export function forEachWord(normalized: string, visit: (start: number, end: number) => void): void {
  const length = normalized.length
  let start = 0 // of the word that is open
  for (let index = 0; index < length; ) {
    const codePoint = normalized.codePointAt(index)!
    const end = index + (codePoint > 0xffff ? 2 : 1)
    const separates = isWhitespace(codePoint)
    if (separates || isPunctuation(codePoint)) {
      if (start < index) visit(start, index)
      if (!separates) visit(index, end)
      start = end
    }
    index = end
  }
  if (start < length) visit(start, length)
}

function isPunctuation(codePoint: number): boolean {
  if (codePoint >= 0x61 && codePoint <= 0x7a) return false // a to z, the most of all text
  return characterClass(codePoint) === 'punctuation'
}
