/**
 * XXH32 with seed 0 (Collet, "xxHash fast digest algorithm", version 0.1.1): the checksum of a
 * segment's sections. A change within any four bytes that lie at a multiple of four always shows.
 */

const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

const rotated = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))
const round = (lane: number, word: number): number =>
  Math.imul(rotated((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1)

/** The hash of the bytes, an unsigned 32-bit number. */
export function xxh32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { length } = bytes
  let at = 0
  let hash = PRIME_5
  if (length >= 16) {
    let a = (PRIME_1 + PRIME_2) | 0
    let b = PRIME_2 | 0
    let c = 0
    let d = -PRIME_1 | 0
    for (const last = length - 16; at <= last; at += 16) {
      a = round(a, view.getUint32(at, true))
      b = round(b, view.getUint32(at + 4, true))
      c = round(c, view.getUint32(at + 8, true))
      d = round(d, view.getUint32(at + 12, true))
    }
    hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)
  }
  hash = (hash + length) | 0
  for (; at + 4 <= length; at += 4) {
    const word = Math.imul(view.getUint32(at, true), PRIME_3)
    hash = Math.imul(rotated((hash + word) | 0, 17), PRIME_4)
  }
  for (; at < length; at++) {
    hash = Math.imul(rotated((hash + Math.imul(bytes[at]!, PRIME_5)) | 0, 11), PRIME_1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}
