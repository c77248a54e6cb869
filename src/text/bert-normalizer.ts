import { characterClass, isWhitespace } from './bert-characters.ts'

/** The `BertNormalizer` of a `tokenizer.json`. */
export interface BertNormalizerOptions {
  /** Removes control characters and turns every white space into a blank. */
  readonly cleanText: boolean
  /** Puts blanks around ideographs, so that each is a word. */
  readonly handleChineseChars: boolean
  /** Decomposes (NFD) and removes nonspacing marks: `é` → `e`. */
  readonly stripAccents: boolean
  readonly lowercase: boolean
}

/** Turns one code point into its normalised text, which may be empty or several characters. */
export type NormalizeCodePoint = (codePoint: number) => string

const REPLACEMENT = '\ufffd'

/**
 * BERT's normalisation, one code point at a time: clean-up, ideographs, accents, case, in the order of
 * the reference. A lone surrogate is read as U+FFFD, since no UTF-8 text can hold it.
 *
 * Going by code point is exact: lower case in the reference knows no context (`Σ` at the end of a word
 * becomes `σ`, where `String.prototype.toLowerCase` on the whole word gives `ς`), and the order of
 * marks, which decomposition could change, is lost when they are removed.
 */
export function bertNormalizer(options: BertNormalizerOptions): NormalizeCodePoint {
  const memo = new Map<number, string>()
  return codePoint => {
    let normalized = memo.get(codePoint)
    if (normalized === undefined) {
      normalized = normalizeOne(codePoint, options)
      memo.set(codePoint, normalized)
    }
    return normalized
  }
}

function normalizeOne(codePoint: number, options: BertNormalizerOptions): string {
  const kind = characterClass(codePoint)
  if (options.cleanText) {
    if (kind === 'control') return ''
    if (isWhitespace(codePoint)) return ' '
  }
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff
  let text = isSurrogate ? REPLACEMENT : String.fromCodePoint(codePoint)
  if (options.stripAccents) {
    text = text.normalize('NFD')
    text = mapCodePoints(text, char => (isMark(char) ? '' : char))
  }
  if (options.lowercase) text = mapCodePoints(text, char => char.toLowerCase())
  return options.handleChineseChars && kind === 'ideograph' ? ` ${text} ` : text
}

function isMark(char: string): boolean {
  return characterClass(char.codePointAt(0)!) === 'mark'
}

function mapCodePoints(text: string, map: (char: string) => string): string {
  return Array.from(text, map).join('')
}
