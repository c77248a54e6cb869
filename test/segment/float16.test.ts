import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHalf } from '../../src/kernel/document-score.ts'
import { SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { MAX_HALF, toHalf } from '../../src/segment/float16.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'

/** A binary16 by its definition in IEEE 754, in units of 2^-24, the smallest one above zero. */
function unitsOf(half: number): bigint {
  const exponent = half >> 10
  const fraction = BigInt(half & 0x3ff)
  return exponent === 0 ? fraction : (1024n + fraction) << BigInt(exponent - 1)
}

/** A positive float32 in units of 2^-149, the smallest one above zero. */
function float32Units(value: number): bigint {
  const [word] = new Uint32Array(Float32Array.of(value).buffer)
  const exponent = word! >>> 23
  const fraction = BigInt(word! & 0x7fffff)
  return exponent === 0 ? fraction : (0x800000n + fraction) << BigInt(exponent - 1)
}

/**
 * The nearest binary16 of a float32 by comparing distances in whole numbers: of two that are as
 * near, the even one. The halves above zero are the numbers from 1 on, in ascending order.
 */
function nearestHalf(value: number): number {
  const units = float32Units(value)
  const distance = (half: number): bigint => {
    const difference = (unitsOf(half) << 125n) - units
    return difference < 0n ? -difference : difference
  }
  let low = 0
  let high = 0x7bff
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (unitsOf(middle) << 125n <= units) low = middle
    else high = middle
  }
  const [toLow, toHigh] = [distance(low), distance(high)]
  if (toLow === toHigh) return low % 2 === 0 ? low : high
  return toLow < toHigh ? low : high
}

const LARGEST = 0x7bff

describe('half precision', () => {
  it('is read as IEEE 754 defines it', () => {
    for (let half = 0; half <= LARGEST; half++) {
      expect(fromHalf(half)).toBe(Number(unitsOf(half)) * 2 ** -24)
    }
    expect(fromHalf(LARGEST)).toBe(MAX_HALF)
  })

  it('is a number whatever the bits: a damaged file may hold any', () => {
    for (let half = LARGEST + 1; half <= 0xffff; half++) {
      expect(Number.isFinite(fromHalf(half))).toBe(true)
    }
  })

  it('comes back for every half', () => {
    for (let half = 0; half <= LARGEST; half++) expect(toHalf(fromHalf(half))).toBe(half)
  })

  it('rounds to the nearest half, ties to the even one, around every half', () => {
    const bits = new Uint32Array(1)
    const floats = new Float32Array(bits.buffer)
    for (let half = 0; half < LARGEST; half++) {
      // The middle between two neighbours is a float32; so are the numbers beside it.
      floats[0] = (fromHalf(half) + fromHalf(half + 1)) / 2
      const middle = floats[0]!
      expect(toHalf(middle)).toBe(half % 2 === 0 ? half : half + 1)
      bits[0]! += 1
      expect(toHalf(floats[0]!)).toBe(half + 1)
      bits[0]! -= 2
      expect(toHalf(floats[0]!)).toBe(half)
    }
  })

  it('rounds any float32 as exact arithmetic does', () => {
    const anyFloat = fc.oneof(
      fc.float({ min: 0, max: MAX_HALF, noNaN: true }),
      fc.float({ min: 0, max: 2 ** -13, noNaN: true }),
      fc.float({ min: Math.fround(0.001), max: 100, noNaN: true })
    )
    fc.assert(
      fc.property(anyFloat, value => {
        expect(toHalf(value)).toBe(nearestHalf(value))
      }),
      { numRuns: 3000 }
    )
  })

  // Of CPython's struct.pack('<e', …), which rounds as IEEE 754 says.
  it.each([
    [1, 0x3c00],
    [0.1, 0x2e66],
    [1 / 3, 0x3555],
    [Math.E, 0x4170],
    [Math.PI, 0x4248],
    [1000.3, 0x63d1],
    [2049, 0x6800],
    [2051, 0x6802],
    [65_504, 0x7bff],
    [6.1e-5, 0x03ff],
    [1e-5, 0x00a8],
    [5.96e-8, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 + 2 ** -48, 0x0001]
  ])('of %f is %i', (value, half) => {
    expect(toHalf(Math.fround(value))).toBe(half)
  })
})

describe('an index of half precision', () => {
  const finish = (weight: number) => {
    const builder = new SparseIndexBuilder()
    builder.add('a', sparseVector([1], [2]))
    builder.add('b', sparseVector([1, 2], [0.1, weight]))
    return builder.finish({ precision: 'float16' })
  }

  it.each([65_505, 1e30, 2 ** -25, 1e-40])('refuses the weight %f', async weight => {
    await expect(finish(weight)).rejects.toMatchObject({
      code: 'INVALID_VECTOR',
      place: 'document "b"',
      problem: `weight ${Math.fround(weight)} does not fit in float16`,
      remedy: "Use precision 'float32'"
    })
  })

  it('holds and scores the rounded weights', async () => {
    for (const weight of [65_504, 1 + 2 ** -12, 2 ** -24, 3.1e-8]) {
      const index = await finish(weight)
      const rounded = fromHalf(nearestHalf(Math.fround(weight)))
      expect([...index.vectorOf('b').weights]).toEqual([0.0999755859375, rounded])
      const { hits } = await index.search(sparseVector([2], [1]))
      expect(hits).toEqual([{ key: 'b', score: rounded, rank: 1 }])
    }
  })

  it('holds documents of odd and even numbers of terms', async () => {
    const builder = new SparseIndexBuilder()
    const vectors = Array.from({ length: 9 }, (_, i) =>
      sparseVector(
        Array.from({ length: i }, (_, at) => at),
        Array.from({ length: i }, (_, at) => 1 + at)
      )
    )
    for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
    const index = await builder.finish({ precision: 'float16' })
    expect([...index.entries()].map(([, vector]) => vector)).toEqual(vectors)
  })
})
