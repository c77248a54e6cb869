import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { impactOf, MAX_IMPACT, weightOf } from '../../src/segment/quantizer.ts'

/** Up to the largest float32, and at least the smallest that has full precision, as the writer says. */
const anyMaxWeight = fc.oneof(
  fc.float({ min: 2 ** -126, max: Math.fround(3.4e38), noNaN: true }),
  fc.float({ min: Math.fround(0.01), max: 100, noNaN: true }),
  fc.constantFrom(2 ** -126, 1, 3.4028234663852886e38)
)
const anyShare = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.01, noNaN: true })
)

describe('the quantizer', () => {
  it('gives impacts from 1 to 255 that lie within half a step of the weight', () => {
    fc.assert(
      fc.property(anyMaxWeight, anyShare, (maxWeight, share) => {
        const weight = Math.max(share * maxWeight, Number.MIN_VALUE)
        const impact = impactOf(weight, maxWeight)
        expect(Number.isInteger(impact)).toBe(true)
        expect(impact).toBeGreaterThanOrEqual(1)
        expect(impact).toBeLessThanOrEqual(MAX_IMPACT)
        const step = maxWeight / MAX_IMPACT
        const error = Math.abs(weight - weightOf(impact, maxWeight))
        // A weight below half a step still gets an impact, so it is off by a step at most.
        const bound = weight < step / 2 ? step : step / 2
        expect(error).toBeLessThanOrEqual(bound * (1 + 1e-12))
      }),
      { numRuns: 2000 }
    )
  })

  it('is exact at both ends and never falls as weights rise', () => {
    expect([impactOf(2, 2), weightOf(MAX_IMPACT, 2)]).toEqual([255, 2])
    expect(impactOf(1e-45, 3e38)).toBe(1)
    let before = 0
    for (let weight = 0.001; weight <= 3; weight += 0.001) {
      const impact = impactOf(weight, 3)
      expect(impact).toBeGreaterThanOrEqual(before)
      before = impact
    }
    expect(before).toBe(255)
  })

  it('bears a weight that is above the largest by its rounding to float32', () => {
    // For cosine the weights are float64, and the largest is kept as the nearest float32.
    fc.assert(
      fc.property(fc.double({ min: 1e-30, max: 1, noNaN: true }), weight => {
        expect(impactOf(weight, Math.fround(weight))).toBe(MAX_IMPACT)
      })
    )
  })
})
