/**
 * Sets of documents of one segment, a bit a document. Inside this folder they are words of 32 bits:
 * document d is bit `d & 31` of word `d >>> 5`, which on a little-endian machine is bit `d & 7` of byte
 * `d >>> 3`. Bits past the last document are 0.
 */

/** What a search is limited to, as `src/search/document-bits.ts` says. */
export interface DocumentBits {
  /** Document d is in the set if bit `d & 7` of byte `d >>> 3` is set. Bits past the last are 0. */
  readonly bits: Uint8Array
  /** Documents in the set. */
  readonly size: number
}

/** An empty set, as words. */
export function emptyWords(numDocuments: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(Math.ceil(numDocuments / 32))
}

/** Makes a set one of all documents. */
export function fillWords(words: Uint32Array, numDocuments: number): void {
  words.fill(0xffff_ffff)
  if ((numDocuments & 31) !== 0) words[words.length - 1] = 2 ** (numDocuments & 31) - 1
}

/** Adds the members of another set. */
export function orWords(words: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i]! |= other[i]!
}

/** Keeps those that another set has too; says whether any are left. */
export function andWords(words: Uint32Array, other: Uint32Array): boolean {
  let any = 0
  for (let i = 0; i < words.length; i++) any |= words[i]! &= other[i]!
  return any !== 0
}

/** Takes out the members of another set. */
export function andNotWords(words: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i]! &= ~other[i]!
}

/** Bits set in a word. */
function bitsInWord(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555)
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/** The set that words are; it keeps them. */
export function documentBits(words: Uint32Array<ArrayBuffer>, numDocuments: number): DocumentBits {
  let size = 0
  for (let i = 0; i < words.length; i++) size += bitsInWord(words[i]!)
  return { bits: new Uint8Array(words.buffer, words.byteOffset, Math.ceil(numDocuments / 8)), size }
}

/** The documents that are in both sets; the sets are of one segment, or one of them has no bits. */
export function andBits(a: DocumentBits, b: DocumentBits): DocumentBits {
  if (a.size === 0 || b.size === 0) return a.size === 0 ? a : b
  const { length } = a.bits
  const words = copiedWords(a.bits)
  andWords(words, copiedWords(b.bits))
  return documentBits(words, 8 * length)
}

function copiedWords(bits: Uint8Array): Uint32Array<ArrayBuffer> {
  const words = emptyWords(8 * bits.length)
  new Uint8Array(words.buffer).set(bits)
  return words
}
