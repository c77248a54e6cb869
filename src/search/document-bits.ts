/**
 * A set of documents of one segment, a bit a document in the order of the segment's document ids.
 *
 * It must not change once it was handed to a search: a kernel that has copied its bits knows it by
 * identity.
 */
export interface DocumentBits {
  /** Document d is in the set if bit `d & 7` of byte `d >>> 3` is set. Bits past the last are 0. */
  readonly bits: Uint8Array
  /** Documents in the set. */
  readonly size: number
}

/** Bytes that hold a bit for each of so many documents. */
export function numBitBytes(numDocuments: number): number {
  return Math.ceil(numDocuments / 8)
}

/** Whether a bit is set. */
export function hasBit(bits: Uint8Array, at: number): boolean {
  return (bits[at >>> 3]! & (1 << (at & 7))) !== 0
}

/** The number of bits that are set. */
export function countBits(bits: Uint8Array): number {
  let count = 0
  for (let i = 0; i < bits.length; i++) count += BITS_OF[bits[i]!]!
  return count
}

/** Bits set in each byte. */
const BITS_OF = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
})

/** The places of the bits that are set, ascending. */
export function listBits({ bits, size }: DocumentBits): Uint32Array {
  const list = new Uint32Array(size)
  let n = 0
  for (let i = 0; i < bits.length; i++) {
    for (let rest = bits[i]!; rest !== 0; rest &= rest - 1) {
      list[n++] = 8 * i + 31 - Math.clz32(rest & -rest)
    }
  }
  return list
}
