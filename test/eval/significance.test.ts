import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bootstrapInterval } from '../../src/eval/significance/bootstrap-interval.ts'
import { fisherRandomization } from '../../src/eval/significance/fisher-randomization.ts'
import { holm } from '../../src/eval/significance/holm.ts'
import { pairedTTest } from '../../src/eval/significance/paired-t-test.ts'
import { studentTwoSided } from '../../src/eval/significance/student-t.ts'
import { winTieLoss } from '../../src/eval/significance/win-tie-loss.ts'
import { xoshiro128, xoshiro128From } from '../../src/eval/significance/xoshiro.ts'

/** By scipy (test/golden/significance.py). */
const golden: {
  tails: [t: number, degreesOfFreedom: number, p: number][]
  cases: {
    a: number[]
    b: number[]
    t: number
    p: number
    randomization: { p: number; isExact: boolean }
    interval: [number, number]
  }[]
} = JSON.parse(readFileSync(new URL('../golden/significance.json', import.meta.url), 'utf8'))

const cases = golden.cases.map(one => [one.a.length, one] as const)
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })

describe('paired t-test', () => {
  test.each(golden.tails)('t %d with %d degrees of freedom: p %d', (t, degreesOfFreedom, p) => {
    const found = studentTwoSided(t, degreesOfFreedom)
    expect(Math.abs(found - p)).toBeLessThan(1e-11)
    // In the far tail, too; numbers end at 1e-308.
    expect(Math.abs(found - p)).toBeLessThanOrEqual(1e-9 * p + 1e-300)
  })

  test('t of one degree of freedom is Cauchy', () => {
    for (const t of [1e-6, 0.3, 1, 5, 1e6]) {
      const p = (2 / Math.PI) * Math.atan(1 / t)
      expect(Math.abs(studentTwoSided(t, 1) / p - 1)).toBeLessThan(1e-12)
    }
  })

  test.each(cases)('%d queries: as scipy', (numQueries, { a, b, t, p }) => {
    const found = pairedTTest(a, b)
    expect(found.degreesOfFreedom).toBe(numQueries - 1)
    expect(found.t).toBeCloseTo(t, 9)
    expect(Math.abs(found.pValue - p)).toBeLessThan(1e-9)
    expect(pairedTTest(b, a)).toEqual({ ...found, t: -found.t })
  })

  test('equal systems: no difference; one that is better everywhere by the same: no doubt', () => {
    expect(pairedTTest([0.1, 0.2], [0.1, 0.2])).toEqual({ t: 0, degreesOfFreedom: 1, pValue: 1 })
    const { t, pValue } = pairedTTest([0, 0, 0], [0.5, 0.5, 0.5])
    expect([t, pValue]).toEqual([Number.POSITIVE_INFINITY, 0])
  })
})

describe('randomisation test', () => {
  test.each(cases)('%d queries: as scipy', (numQueries, { a, b, randomization }) => {
    const { pValue, isExact, numPermutations } = fisherRandomization(a, b)
    expect(isExact).toBe(randomization.isExact)
    if (isExact) {
      expect(numPermutations).toBeLessThanOrEqual(2 ** numQueries)
      expect(pValue).toBeCloseTo(randomization.p, 12)
      return
    }
    // Both are drawn: five standard deviations of their difference, and the one that is added.
    const p = Math.max(randomization.p, 1e-4)
    expect(Math.abs(pValue - randomization.p)).toBeLessThan(5 * Math.sqrt((2 * p) / 1e5) + 2e-5)
  })

  test('drawn and counted agree', () => {
    const { a, b } = golden.cases.find(({ a }) => a.length === 16)!
    const counted = fisherRandomization(a, b)
    const drawn = fisherRandomization(a, b, { numPermutations: 500 })
    expect([counted.isExact, drawn.isExact, drawn.numPermutations]).toEqual([true, false, 500])
    expect(Math.abs(drawn.pValue - counted.pValue)).toBeLessThan(5 * Math.sqrt(0.25 / 500))
  })

  test('the seed decides', () => {
    const { a, b } = golden.cases.find(({ a }) => a.length === 43)!
    const p = (seed: number) => fisherRandomization(a, b, { numPermutations: 500, seed }).pValue
    expect(p(3)).toBe(p(3))
    expect(new Set([1, 2, 3, 4, 5, 6].map(p)).size).toBeGreaterThan(1)
  })

  test('by hand: three queries have eight exchanges, of which two are as extreme', () => {
    const found = fisherRandomization([0, 0, 0], [0.1, 0.2, 0.3])
    expect(found).toEqual({ pValue: 2 / 8, numPermutations: 8, isExact: true })
    expect(fisherRandomization([0.5, 1], [0.5, 1]).pValue).toBe(1)
  })

  test('drawn p-values are never 0', () => {
    const many = Array.from({ length: 64 }, () => 0.5)
    const none = many.map(() => 0)
    expect(fisherRandomization(none, many, { numPermutations: 99 }).pValue).toBe(1 / 100)
  })
})

describe('bootstrap interval', () => {
  test.each(cases)('%d queries: as scipy', (numQueries, { a, b, interval }) => {
    const differences = b.map((value, i) => value - a[i]!)
    const { low, high } = bootstrapInterval(differences, { numResamples: 50_000 })
    // The error of a percentile of drawn means, against the width of the interval; few queries have
    // few different means, and a percentile may fall on the next.
    const error = (interval[1] - interval[0]) * (numQueries < 5 ? 0.2 : 0.02)
    expect(Math.abs(low - interval[0])).toBeLessThanOrEqual(error)
    expect(Math.abs(high - interval[1])).toBeLessThanOrEqual(error)
  })

  test('a narrower one for less confidence, the same for the same seed', () => {
    const { a } = golden.cases.find(({ a }) => a.length === 200)!
    const wide = bootstrapInterval(a)
    const narrow = bootstrapInterval(a, { confidence: 0.5 })
    expect(wide).toEqual(bootstrapInterval(a))
    expect(narrow.low).toBeGreaterThan(wide.low)
    expect(narrow.high).toBeLessThan(wide.high)
  })
})

describe('Holm', () => {
  test('by hand', () => {
    // Four of them: .005 · 4, .01 · 3, .03 · 2, .04 · 1, of which the last may not be below .06.
    const corrected = holm([0.01, 0.04, 0.03, 0.005])
    expect(corrected.map(p => Math.round(p * 1e12) / 1e12)).toEqual([0.03, 0.06, 0.06, 0.02])
    expect(holm([0.6, 0.5])).toEqual([1, 1])
    expect(holm([0.2])).toEqual([0.2])
    expect(holm([])).toEqual([])
  })

  test('between no correction and that of Bonferroni, in the same order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), pValues => {
        const corrected = holm(pValues)
        for (const [i, p] of pValues.entries()) {
          expect(corrected[i]).toBeGreaterThanOrEqual(p)
          expect(corrected[i]).toBeLessThanOrEqual(Math.min(1, p * pValues.length))
          for (const [j, other] of pValues.entries()) {
            if (p < other) expect(corrected[i]).toBeLessThanOrEqual(corrected[j]!)
          }
        }
      })
    )
  })
})

test('wins, ties and losses; what rounding makes is a tie', () => {
  const found = winTieLoss([0.3, 0.5, 0, 1], [0.1 + 0.2, 0.4, 0.2, 1])
  expect(found).toEqual({ wins: 1, ties: 2, losses: 1 })
})

test('xoshiro128** gives the numbers of its authors', () => {
  const next = xoshiro128From([1, 2, 3, 4])
  const numbers = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849]
  expect(numbers.map(() => next())).toEqual(numbers)
  const seeded = xoshiro128(0)
  const mean =
    Array.from({ length: 10_000 }, () => seeded()).reduce((a, b) => a + b) / 1e4 / 2 ** 32
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.015)
})

describe.each([
  ['t-test', pairedTTest],
  ['randomisation', fisherRandomization],
  ['win, tie, loss', winTieLoss]
])('%s refuses', (_, compare) => {
  test.each([
    ['different lengths', [1, 2], [1, 2, 3]],
    ['one query', [1], [2]],
    ['no query', [], []],
    ['NaN', [1, Number.NaN], [1, 2]],
    ['infinity', [1, 2], [1, Number.POSITIVE_INFINITY]]
  ])('%s', (_, a, b) => {
    expect(() => compare(a, b)).toThrow(invalid)
  })
})

test.each([
  () => fisherRandomization([1, 2], [2, 1], { numPermutations: 0 }),
  () => bootstrapInterval([1]),
  () => bootstrapInterval([1, 2], { numResamples: 1.5 }),
  () => bootstrapInterval([1, 2], { confidence: 1 }),
  () => bootstrapInterval([1, 2], { confidence: Number.NaN })
])('%s is refused', call => {
  expect(call).toThrow(invalid)
})
