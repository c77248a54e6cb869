import type { Merges } from './bpe.ts'
import { mergePairs, pairKey } from './bpe.ts'
import { CHARACTER_OF_BYTE } from './byte-level.ts'
import { forEachByteLevelWord } from './byte-level-words.ts'
import type { SubwordModel, WordTokens } from './subword-pipeline.ts'
import type { JsonObject } from './tokenizer-json.ts'
import { asObject, invalidTokenizer, readFlag, unsupportedTokenizer } from './tokenizer-json.ts'

/** What a byte-level BPE model is made of. */
export interface ByteLevelOptions {
  /** The id of each byte's own term; undefined for a byte that the vocabulary lacks. */
  readonly idOfByte: readonly (number | undefined)[]
  readonly merges: Merges
  /** Stands for a byte that the vocabulary lacks; without it such bytes have no token. */
  readonly unknownId: number | undefined
  /** Whether a blank is put before a text that has none. */
  readonly addPrefixSpace: boolean
}

const encoder = new TextEncoder()

/** Byte-pair encoding on the bytes of UTF-8, as GPT-2, RoBERTa and ModernBERT have it. */
export class ByteLevelBpe implements SubwordModel {
  readonly #options: ByteLevelOptions

  constructor(options: ByteLevelOptions) {
    this.#options = options
  }

  forEachWord(
    text: string,
    _isFirst: boolean,
    visit: (word: string, start: number, numAdded: number) => void
  ): void {
    const numAdded = this.#options.addPrefixSpace && !text.startsWith(' ') ? 1 : 0
    const whole = numAdded > 0 ? ` ${text}` : text
    forEachByteLevelWord(whole, (start, end) => {
      const isLed = start === 0 && numAdded > 0
      visit(whole.slice(start, end), isLed ? 0 : start - numAdded, isLed ? 1 : 0)
    })
  }

  isSeparator(unit: number): boolean {
    return unit === 0x20
  }

  tokensOf(word: string): WordTokens {
    const { idOfByte, merges, unknownId } = this.#options
    const bytes = encoder.encode(word)
    const ids: number[] = []
    const lengths: number[] = [] // in bytes; those that are left out count with the token before
    for (const byte of bytes) {
      const id = idOfByte[byte] ?? unknownId
      if (id !== undefined) {
        ids.push(id)
        lengths.push(1)
      }
    }
    const known = lengths.length === bytes.length ? undefined : knownBytes(bytes, idOfByte)
    mergePairs(ids, lengths, merges)
    const starts: number[] = []
    const ends: number[] = []
    const unitOfByte = unitsOfBytes(word, bytes.length)
    let numBefore = 0
    for (const length of lengths) {
      const first = known?.[numBefore] ?? numBefore
      numBefore += length
      const last = known?.[numBefore - 1] ?? numBefore - 1
      starts.push(unitOfByte[first]!)
      const unit = unitOfByte[last]!
      ends.push(unit + (word.codePointAt(unit)! > 0xffff ? 2 : 1))
    }
    return { ids, starts, ends }
  }
}

/** The indices of the bytes that the vocabulary has. */
function knownBytes(bytes: Uint8Array, idOfByte: readonly (number | undefined)[]): number[] {
  return [...bytes.keys()].filter(i => idOfByte[bytes[i]!] !== undefined)
}

/** For each byte of a word in UTF-8, the UTF-16 unit at which its character starts. */
function unitsOfBytes(word: string, numBytes: number): Uint32Array {
  const units = new Uint32Array(numBytes)
  let byte = 0
  for (let unit = 0; unit < word.length; ) {
    const codePoint = word.codePointAt(unit)!
    const size = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4
    units.fill(unit, byte, byte + size)
    byte += size
    unit += size === 4 ? 2 : 1
  }
  return units
}

/**
 * Reads a byte-level BPE model and its pre-tokenizer.
 *
 * @param ids - the model's own terms, added tokens left out
 * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` (BPE on characters, or words other
 * than GPT-2's)
 */
export function readByteLevelBpe(
  model: JsonObject,
  preTokenizer: unknown,
  ids: ReadonlyMap<string, number>
): ByteLevelBpe {
  const { type, add_prefix_space, use_regex } = asObject(preTokenizer) ?? {}
  if (type !== 'ByteLevel') {
    throw unsupportedTokenizer('the type of the pre-tokenizer of BPE', type, '"ByteLevel"')
  }
  if (use_regex === false) {
    throw unsupportedTokenizer('pre_tokenizer.use_regex', false, 'true: the words of GPT-2')
  }
  for (const name of ['dropout', 'byte_fallback', 'ignore_merges', 'fuse_unk'] as const) {
    if (model[name]) throw unsupportedTokenizer(`model.${name}`, model[name], 'none or false')
  }
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix'] as const) {
    if (model[name]) throw unsupportedTokenizer(`model.${name}`, model[name], 'none or ""')
  }
  return new ByteLevelBpe({
    idOfByte: CHARACTER_OF_BYTE.map(character => ids.get(character)),
    merges: readMerges(model.merges, ids),
    unknownId: typeof model.unk_token === 'string' ? ids.get(model.unk_token) : undefined,
    addPrefixSpace: readFlag(add_prefix_space, true, 'pre_tokenizer.add_prefix_space')
  })
}

/** The list of merges, each `"left right"` or `["left", "right"]`. */
function readMerges(value: unknown, ids: ReadonlyMap<string, number>): Merges {
  if (!Array.isArray(value)) throw invalidTokenizer('model.merges is not a list', 'a list of pairs')
  const rankOf = new Map<number, number>()
  const merged = new Uint32Array(value.length)
  value.forEach((entry: unknown, rank) => {
    const pair = typeof entry === 'string' ? entry.split(' ') : entry
    const [left, right] = Array.isArray(pair) && pair.length === 2 ? pair : []
    const leftId = ids.get(left)
    const rightId = ids.get(right)
    const id = ids.get(`${left}${right}`)
    if (leftId === undefined || rightId === undefined || id === undefined) {
      throw invalidTokenizer(
        `model.merges[${rank}] is ${JSON.stringify(entry)}`,
        'two terms whose concatenation is a term'
      )
    }
    merged[rank] = id
    rankOf.set(pairKey(leftId, rightId), rank)
  })
  return { rankOf, merged }
}
