import { bytesOf, decodeBytes } from './byte-level.ts'
import { METASPACE } from './metaspace-unigram.ts'

/** How the terms of a vocabulary are written for people: `Ġvaccine` → `vaccine`. */
export type TermSpelling = (term: string) => string

/** WordPiece: `##ing` says by itself that it continues a word. */
export const spelledAsIs: TermSpelling = term => term

/** Byte-level: the bytes as UTF-8 without the blank before; a part of a character as `<E2 80>`. */
export const spelledInBytes: TermSpelling = term => {
  const bytes = bytesOf(term)
  if (bytes === undefined) return term
  const text = decodeBytes(bytes)
  return text === undefined ? hexadecimal(bytes) : visible(text.replace(/^ /, ''), term)
}

/** SentencePiece: without the `▁` that begins a word. */
export const spelledWithMetaspace: TermSpelling = term =>
  visible(term.startsWith(METASPACE) ? term.slice(1) : term, term)

/** The term as it is where its spelling would be nothing but white space. */
function visible(spelling: string, term: string): string {
  return spelling.trim() === '' ? term : spelling
}

function hexadecimal(bytes: Uint8Array): string {
  const hex = Array.from(bytes, byte => byte.toString(16).toUpperCase().padStart(2, '0'))
  return `<${hex.join(' ')}>`
}
