import type { Edit, EditedText, Normalizer } from './edited-text.ts'
import { applyEdits } from './edited-text.ts'
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
  const { leavesAscii } = charsmap
  return (input: EditedText) => {
    const { text } = input
    if (leavesAscii && /^[ -~]*$/.test(text)) return input
    const edits: Edit[] = []
    let from = 0
    for (const { 0: grapheme, index } of text.matchAll(GRAPHEME)) {
      editCodePoints(text, from, index, charsmap, edits)
      from = index + grapheme.length
      const whole = isShort(grapheme) ? charsmap.lookUp(grapheme) : undefined
      if (whole === undefined) editCodePoints(text, index, from, charsmap, edits)
      else edits.push([index, from, whole])
    }
    editCodePoints(text, from, text.length, charsmap, edits)
    return applyEdits(input, edits)
  }
}

const CONTROL = '\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}'
const EXTENDING = '\\p{Grapheme_Extend}\\p{Mc}\\p{Emoji_Modifier}\\u200d\\u0e33\\u0eb3'
const PREPENDED = '\\u0600-\\u0605\\u06dd\\u070f'

/**
 * Graphemes of several code points (Unicode Standard Annex 29), as far as they can be shorter than 6
 * bytes. So flags, the letters of Hangul and conjuncts of Indic scripts are not put together; that
 * makes no difference, and it takes no segmenter, whose time grows with the square of some texts.
 */
const GRAPHEME: RegExp = new RegExp(
  `\\r\\n|[${PREPENDED}]{0,2}[^${CONTROL}${EXTENDING}]?[${EXTENDING}]+|[${PREPENDED}]{1,2}[^${CONTROL}]`,
  'gu'
)

function isShort(grapheme: string): boolean {
  return grapheme.length < 6 && encoder.encode(grapheme).length < 6
}

function editCodePoints(
  text: string,
  from: number,
  to: number,
  charsmap: Charsmap,
  edits: Edit[]
): void {
  for (let index = from; index < to; ) {
    const codePoint = text.codePointAt(index)!
    const next = index + (codePoint > 0xffff ? 2 : 1)
    const replacement = charsmap.replacementOf(codePoint)
    if (replacement !== undefined) edits.push([index, next, replacement])
    index = next
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

  /** Whether printable ASCII stays as it is, as in every table that is in use. */
  get leavesAscii(): boolean {
    return Array.from({ length: 95 }, (_, i) => this.replacementOf(0x20 + i)).every(
      replacement => replacement === undefined
    )
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
