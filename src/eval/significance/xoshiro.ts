/**
 * Random numbers that a seed fixes, the same on every machine: xoshiro128**, 128 bits of state, which
 * splitmix32 fills.
 *
 * Blackman and Vigna, Scrambled linear pseudorandom number generators, ACM TOMS 47(4), 2021.
 */

/** Draws the next number, a whole one from 0 to 2^32 - 1. */
export type RandomBits = () => number

/** @param seed any whole number; its lower 32 bits count */
export function xoshiro128(seed: number): RandomBits {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  return xoshiro128From([next(), next(), next(), next()])
}

/** @param words the state, 4 × 32 bits, not all 0 */
export function xoshiro128From(words: readonly [number, number, number, number]): RandomBits {
  let [a, b, c, d] = words
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return result
  }
}

function rotate(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}
