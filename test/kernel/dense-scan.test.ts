import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DenseMemory } from '../../src/kernel/dense-memory.ts'
import { xxh32 } from '../../src/kernel/xxh32.ts'

const cases = fc.record({
  seed: fc.nat(),
  blocks: fc.integer({ min: 1, max: 12 }),
  numRows: fc.integer({ min: 1, max: 20 }),
  count: fc.integer({ min: 0, max: 40 })
})

/** The same numbers in the memories of both kernels. */
function memories(bytes: number, seed: number): [DenseMemory, DenseMemory] {
  const [wasm, plain] = [new DenseMemory(bytes), new DenseMemory(bytes, 'typescript')]
  expect([wasm.kernel.isWasm, plain.kernel.isWasm]).toEqual([true, false])
  let state = seed
  for (let i = 0; i < bytes / 2; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    wasm.views.i16[i] = state >>> 8
  }
  plain.views.u8.set(wasm.views.u8)
  return [wasm, plain]
}

describe('both kernels', () => {
  it.each(['dotInt8', 'dotFloat32', 'squaredDistances'] as const)(
    '%s: the same numbers to the last bit, and no other byte is touched',
    name => {
      fc.assert(
        fc.property(cases, ({ seed, blocks, numRows, count }) => {
          const stride = 16 * blocks
          const rows = 64
          const query = rows + numRows * stride
          const ids = query + 32 * blocks
          const out = Math.ceil((ids + 4 * count) / 8) * 8
          const both = memories(out + 8 * count + 64, seed)
          for (const { views, kernel } of both) {
            for (let i = 0; i < count; i++) views.u32[ids / 4 + i] = (seed + 7 * i) % numRows
            // Numbers of all sizes, but no infinite ones.
            for (let i = rows / 4; i < query / 4; i++) views.u32[i]! &= 0xbfff_ffff
            for (let i = query / 8; name !== 'dotInt8' && i < ids / 8; i++) {
              views.f64[i] = Math.fround(((seed + 31 * i) % 1009) / 17 - 20)
            }
            kernel[name]({ rows, stride, ids, count, query, out })
          }
          expect(Buffer.compare(both[0].views.u8, both[1].views.u8)).toBe(0)
          if (count > 0 && name !== 'dotInt8') expect(both[0].views.f64[out / 8]).not.toBeNaN()
        }),
        { numRuns: 200 }
      )
    }
  )

  it('by hand', () => {
    for (const choice of ['auto', 'typescript'] as const) {
      const { views, kernel } = new DenseMemory(1024, choice)
      views.i8.set([1, -2, 3], 64)
      views.i8.set([127, 127, 127], 80)
      views.i16.set([10, 20, -32_767], 64)
      views.u32.set([1, 0], 40)
      kernel.dotInt8({ rows: 64, stride: 16, ids: 160, count: 2, query: 128, out: 256 })
      expect([...views.i32.subarray(64, 66)]).toEqual([127 * (30 - 32_767), 10 - 40 - 98_301])
      views.f32.set([1.5, -2, 0, 4], 80)
      views.f64.set([2, 1, 7, 0.5], 48)
      const scan = { rows: 320, stride: 16, ids: 164, count: 1, query: 384, out: 512 }
      kernel.dotFloat32(scan)
      expect(views.f64[64]).toBe(3 - 2 + 2)
      kernel.squaredDistances(scan)
      expect(views.f64[64]).toBe(0.25 + 9 + 49 + 12.25)
      expect(kernel.xxh32(64, 100)).toBe(xxh32(views.u8.slice(64, 164)))
    }
  })

  it('a memory of more than 4 GiB is not tried', () => {
    expect(() => new DenseMemory(2 ** 32 + 1)).toThrow(RangeError)
  })
})
