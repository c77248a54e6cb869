/** XXH32 of bytes in memory; `src/kernel/xxh32.ts` is the same in TypeScript. */

const PRIME_1: u32 = 0x9e3779b1
const PRIME_2: u32 = 0x85ebca77
const PRIME_3: u32 = 0xc2b2ae3d
const PRIME_4: u32 = 0x27d4eb2f
const PRIME_5: u32 = 0x165667b1

@inline
function round(lane: u32, word: u32): u32 {
  return rotl(lane + word * PRIME_2, 13) * PRIME_1
}

/** The hash, with seed 0, of `length` bytes at `at`. */
export function xxh32(start: usize, length: usize): u32 {
  let at = start
  const end = start + length
  let hash: u32
  if (length >= 16) {
    let a: u32 = PRIME_1 + PRIME_2
    let b: u32 = PRIME_2
    let c: u32 = 0
    let d: u32 = 0 - PRIME_1
    for (const last = end - 16; at <= last; at += 16) {
      a = round(a, load<u32>(at))
      b = round(b, load<u32>(at, 4))
      c = round(c, load<u32>(at, 8))
      d = round(d, load<u32>(at, 12))
    }
    hash = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18)
  } else hash = PRIME_5
  hash += <u32>length
  for (; at + 4 <= end; at += 4) hash = rotl(hash + load<u32>(at) * PRIME_3, 17) * PRIME_4
  for (; at < end; at++) hash = rotl(hash + <u32>load<u8>(at) * PRIME_5, 11) * PRIME_1
  hash = (hash ^ (hash >> 15)) * PRIME_2
  hash = (hash ^ (hash >> 13)) * PRIME_3
  return hash ^ (hash >> 16)
}
