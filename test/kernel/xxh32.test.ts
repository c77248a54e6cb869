import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KernelMemory } from '../../src/kernel/kernel-memory.ts'
import { xxh32 } from '../../src/kernel/xxh32.ts'

/** Hashes by the reference implementation, through the `xxhash` package of Python. */
const REFERENCE: readonly [what: string, bytes: Uint8Array, hash: number][] = [
  ['nothing', Uint8Array.of(), 0x02cc5d05],
  ['a', Buffer.from('a'), 0x550d7456],
  ['abc', Buffer.from('abc'), 0x32d153ff],
  ['abcd', Buffer.from('abcd'), 0xa3643705],
  ['14 letters', Buffer.from('message digest'), 0x7c948494],
  ['39 letters', Buffer.from('Nobody inspects the spammish repetition'), 0xe2293b2f],
  ['15 bytes', Uint8Array.from({ length: 15 }, (_, i) => i), 0x57c01ece],
  ['16 bytes', Uint8Array.from({ length: 16 }, (_, i) => i), 0xb72837f4],
  ['17 bytes', Uint8Array.from({ length: 17 }, (_, i) => i), 0x7c77adc2],
  ['256 bytes', Uint8Array.from({ length: 256 }, (_, i) => i), 0x59441253],
  ['1,000 bytes', Uint8Array.from({ length: 1000 }, (_, i) => i * i * 7), 0xc0cae833]
]

const memories = [KernelMemory.allocate(4096), KernelMemory.allocate(4096, 'typescript')]

/** By the kernels of WebAssembly and TypeScript. */
function hashes(bytes: Uint8Array, start: number): number[] {
  return memories.map(({ kernel, views }) => {
    views.u8.set(bytes, start)
    return kernel.xxh32(start, bytes.length) >>> 0
  })
}

describe('XXH32', () => {
  it.each(REFERENCE)('of %s is that of the reference', (_, bytes, hash) => {
    expect(memories.map(({ kernel }) => kernel.isWasm)).toEqual([true, false])
    expect(xxh32(bytes)).toBe(hash)
    expect(hashes(bytes, 64)).toEqual([hash, hash])
  })

  it('is the same by both kernels, of any bytes at any place', () => {
    const anyBytes = fc.uint8Array({ maxLength: 1000, size: 'max' })
    fc.assert(
      fc.property(anyBytes, fc.nat(100), (bytes, start) => {
        const hash = xxh32(bytes)
        expect(hashes(bytes, start)).toEqual([hash, hash])
      }),
      { numRuns: 500 }
    )
  })

  it('changes with any four bytes at a multiple of four', () => {
    const anyBytes = fc.uint8Array({ minLength: 4, maxLength: 64 })
    const anyWord = fc.uint8Array({ minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(anyBytes, anyWord, fc.nat(15), (bytes, word, at) => {
        const place = 4 * (at % Math.floor(bytes.length / 4))
        fc.pre(word.some((byte, i) => byte !== bytes[place + i]))
        const changed = bytes.slice()
        changed.set(word, place)
        expect(xxh32(changed)).not.toBe(xxh32(bytes))
      })
    )
  })
})
