import type { Edit, EditedText, Normalizer } from './edited-text.ts'
import { applyEdits } from './edited-text.ts'
import { GraphemeCutter } from './grapheme-cutter.ts'
import { invalidTokenizer } from './tokenizer-json.ts'

/**
 * SentencePiece's normaliser (`Precompiled` in a `tokenizer.json`): a table from sequences of
 * characters to their replacements, which for XLM-R is NFKC with changes for machine translation
 * (`nmt_nfkc`). Kudo and Richardson, SentencePiece, 2018.
 *
 * The table, base64 in the file, is the size of a trie in bytes (32 bits), the trie, then all
 * replacements in UTF-8, each ended by a zero. The trie is a double array as darts-clone writes it: a
 * unit holds a label (8 bits), whether a value follows (bit 8), and the offset of its children.
 *
 * The reference (`tokenizers`) looks up a whole grapheme if it is shorter than 6 bytes, else each
 * code point; and it takes the shortest entry that begins what it looks up, which then replaces all
 * of it. Odd, and what the models see: `ｅ` with an accent loses the accent. It is done the same here.
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID` if the table is no such thing
 */
export function precompiledNormalizer(base64: unknown): Normalizer {
  const charsmap = new Charsmap(decode(base64))
  const cutter = new GraphemeCutter()
  return (input: EditedText) => {
    const { text } = input
    const edits: Edit[] = []
    cutter.forEachGrapheme(text, (start, end) => {
      const isOne = end - start === (text.codePointAt(start)! > 0xffff ? 2 : 1)
      if (!isOne) {
        const grapheme = text.slice(start, end)
        const whole = utf8Length(grapheme) < 6 ? charsmap.lookUp(grapheme) : undefined
        if (whole !== undefined) {
          edits.push([start, end, whole])
          return
        }
      }
      for (let index = start; index < end; ) {
        const codePoint = text.codePointAt(index)!
        const next = index + (codePoint > 0xffff ? 2 : 1)
        const replacement = charsmap.replacementOf(codePoint)
        if (replacement !== undefined) edits.push([index, next, replacement])
        index = next
      }
    })
    return applyEdits(input, edits)
  }
}

class Charsmap {
  readonly #trie: Uint32Array
  readonly #replacements: Uint8Array
  readonly #memo = new Map<number, string | undefined>()

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const trieBytes = bytes.length < 4 ? -1 : view.getUint32(0, true)
    if (trieBytes < 4 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4) {
      throw invalidTokenizer('normalizer.precompiled_charsmap does not hold a trie')
    }
    this.#trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) =>
      view.getUint32(4 + 4 * i, true)
    )
    this.#replacements = bytes.subarray(4 + trieBytes)
  }

  /** What a single code point becomes; undefined if it stays. */
  replacementOf(codePoint: number): string | undefined {
    const known = this.#memo.get(codePoint)
    if (known !== undefined || this.#memo.has(codePoint)) return known
    const replacement = this.lookUp(String.fromCodePoint(codePoint))
    this.#memo.set(codePoint, replacement)
    return replacement
  }

  /** The replacement of the shortest entry that begins `characters`. */
  lookUp(characters: string): string | undefined {
    const trie = this.#trie
    let position = offsetOf(trie[0]!)
    for (const byte of encoder.encode(characters)) {
      if (byte === 0) return undefined
      position = (position ^ byte) >>> 0
      const unit = trie[position]
      if (unit === undefined || (unit & LABEL) >>> 0 !== byte) return undefined
      position = (position ^ offsetOf(unit)) >>> 0
      if ((unit >>> 8) & 1) return this.#replacementAt((trie[position] ?? 0) & 0x7fffffff)
    }
    return undefined
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start)
    return decoder.decode(
      this.#replacements.subarray(start, end < 0 ? this.#replacements.length : end)
    )
  }
}

const LABEL = 0x800000ff
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0
}

function utf8Length(text: string): number {
  return encoder.encode(text).length
}

function decode(base64: unknown): Uint8Array<ArrayBuffer> {
  if (typeof base64 === 'string') {
    try {
      return Uint8Array.from(atob(base64), char => char.charCodeAt(0))
    } catch {
      // Said below, for what is no base64 and what is no string alike.
    }
  }
  throw invalidTokenizer('normalizer.precompiled_charsmap is not base64', 'the table of a charsmap')
}
