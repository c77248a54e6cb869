const encoder = new TextEncoder()

/**
 * UTF-8 bytes of a string, where half of a surrogate pair is written like any other character (WTF-8,
 * Sapin): so that no two strings have the same bytes, and bytes sort as `compareStrings` does.
 */
export function bytesOfText(text: string): Uint8Array {
  return text.isWellFormed() ? encoder.encode(text) : Uint8Array.from(looseBytes(text))
}

function* looseBytes(text: string): Generator<number> {
  for (const character of text) {
    const code = character.codePointAt(0)!
    if (code >= 0xd800 && code <= 0xdfff) {
      yield 0xe0 | (code >> 12)
      yield 0x80 | ((code >> 6) & 0x3f)
      yield 0x80 | (code & 0x3f)
    } else {
      yield* encoder.encode(character)
    }
  }
}

/** Texts behind each other, without separators: text i stands from `offsets[i]` to `offsets[i + 1]`. */
export interface TextTable {
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
}

/** Orders text `i` of a table against other bytes: below zero, zero or above zero. */
export function compareText({ offsets, bytes }: TextTable, i: number, other: Uint8Array): number {
  const start = offsets[i]!
  const length = offsets[i + 1]! - start
  const common = Math.min(length, other.length)
  for (let at = 0; at < common; at++) {
    const difference = bytes[start + at]! - other[at]!
    if (difference !== 0) return difference
  }
  return length - other.length
}

/** The first text of `[from, to)`, which is sorted, that is not below these bytes; else `to`. */
export function lowerBoundOfText(
  table: TextTable,
  other: Uint8Array,
  from: number,
  to: number
): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    if (compareText(table, middle, other) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** The least bytes above all that begin with these; they are not empty, and no text has a byte 255. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  const after = prefix.slice()
  after[after.length - 1]!++
  return after
}
