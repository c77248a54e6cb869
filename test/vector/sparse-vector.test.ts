import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_TERM_ID,
  pruneVector,
  sparseVector,
  sparseVectorFromEntries
} from '../../src/vector/sparse-vector.ts'

const invalid = (problem: string) =>
  expect.objectContaining({ code: 'INVALID_VECTOR', problem: expect.stringContaining(problem) })

describe('sparseVector', () => {
  it('keeps ids up to 2^32 − 1 and rounds weights to float32', () => {
    const { terms, weights } = sparseVector([0, 7, MAX_TERM_ID], [0.1, 1e-6, 1e4])
    expect([...terms]).toEqual([0, 7, 4294967295])
    expect([...weights]).toEqual([Math.fround(0.1), Math.fround(1e-6), 1e4])
  })

  it('takes an empty vector', () => {
    expect(sparseVector([], []).terms).toHaveLength(0)
  })

  it('copies what it is given', () => {
    const terms = Uint32Array.of(1, 2)
    const vector = sparseVector(terms, [1, 1])
    terms[0] = 9
    expect(vector.terms[0]).toBe(1)
  })

  it.each([
    ['unequal lengths', [1, 2], [1], '2 term ids but 1 weights'],
    ['NaN', [1], [Number.NaN], 'weight NaN'],
    ['infinity', [1], [Number.POSITIVE_INFINITY], 'weight Infinity'],
    ['more than float32 holds', [1], [1e39], 'weight 1e+39'],
    ['a negative weight', [1], [-0.5], 'weight -0.5'],
    ['a zero weight', [1], [0], 'weight 0'],
    ['less than float32 holds', [1], [1e-46], 'weight 1e-46'],
    ['unsorted ids', [2, 1], [1, 1], 'term id 1 at position 1 is unsorted'],
    ['a duplicate id', [3, 3], [1, 1], 'term id 3 at position 1 is a duplicate'],
    ['a negative id', [-1], [1], 'term id -1'],
    ['a fraction as id', [1.5], [1], 'term id 1.5'],
    ['an id of 2^32', [2 ** 32], [1], 'term id 4294967296']
  ])('refuses %s', (_, terms, weights, problem) => {
    expect(() => sparseVector(terms, weights)).toThrow(invalid(problem))
  })

  it('says where the vector comes from and what to do', () => {
    expect(() => sparseVector([1], [0], 'corpus.jsonl:7')).toThrow(
      /^corpus\.jsonl:7: weight 0 of term 1\. Expected a finite float32 above zero\. Sort by/
    )
  })
})

describe('sparseVectorFromEntries', () => {
  it('sorts by term id', () => {
    const { terms, weights } = sparseVectorFromEntries(
      new Map([
        [9, 1.5],
        [MAX_TERM_ID, 3],
        [2, 2]
      ])
    )
    expect([...terms]).toEqual([2, 9, MAX_TERM_ID])
    expect([...weights]).toEqual([2, 1.5, 3])
  })

  it('refuses a duplicate id', () => {
    expect(() =>
      sparseVectorFromEntries([
        [4, 1],
        [2, 1],
        [4, 2]
      ])
    ).toThrow(invalid('duplicate'))
  })
})

describe('pruneVector', () => {
  const vector = sparseVector([1, 4, 6, 8], [0.5, 2, 0.5, 1])
  const termsOf = (options: Parameters<typeof pruneVector>[1]) => [
    ...pruneVector(vector, options).terms
  ]

  it('gives the vector itself without options', () => {
    expect(pruneVector(vector, {})).toBe(vector)
  })

  it('keeps the heaviest terms, of equal weights the smaller id, in ascending order', () => {
    expect(termsOf({ topTokens: 2 })).toEqual([4, 8])
    expect(termsOf({ topTokens: 3 })).toEqual([1, 4, 8])
    expect(termsOf({ topTokens: 0 })).toEqual([])
  })

  it('keeps weights of at least minWeight', () => {
    expect(termsOf({ minWeight: 1 })).toEqual([4, 8])
    expect(termsOf({ topTokens: 1, minWeight: 1 })).toEqual([4])
    expect(termsOf({ topTokens: 1, minWeight: 3 })).toEqual([])
  })

  it('compares with minWeight as a float32, which is how weights are held', () => {
    expect([...pruneVector(sparseVector([1], [0.7]), { minWeight: 0.7 }).terms]).toEqual([1])
  })

  it('keeps the fewest terms that hold the mass, and the strictest limit decides', () => {
    // Of 4: 2, 1, .5, .5.
    expect(termsOf({ pruneMass: 0.5 })).toEqual([4])
    expect(termsOf({ pruneMass: 0.51 })).toEqual([4, 8])
    expect(termsOf({ pruneMass: 0.8 })).toEqual([1, 4, 8])
    expect(termsOf({ pruneMass: 1 })).toEqual([1, 4, 6, 8])
    expect(termsOf({ pruneMass: 0.001 })).toEqual([4])
    expect(termsOf({ pruneMass: 0.8, topTokens: 2 })).toEqual([4, 8])
    expect(termsOf({ pruneMass: 0.8, minWeight: 2 })).toEqual([4])
    expect([...pruneVector(sparseVector([], []), { pruneMass: 0.5 }).terms]).toEqual([])
  })

  it.each([
    { topTokens: -1 },
    { topTokens: 1.5 },
    { topTokens: Number.NaN },
    { minWeight: -1 },
    { minWeight: Number.NaN },
    { pruneMass: 0 },
    { pruneMass: 1.01 },
    { pruneMass: Number.NaN }
  ])('refuses %o', options => {
    expect(() => pruneVector(vector, options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', place: Object.keys(options)[0] })
    )
  })

  it('never leaves out a term that is heavier than one it keeps', () => {
    const weight = fc.integer({ min: 1, max: 20 })
    fc.assert(
      fc.property(fc.array(weight, { maxLength: 12 }), fc.nat(14), (weights, topTokens) => {
        const whole = sparseVector([...weights.keys()], weights)
        const pruned = pruneVector(whole, { topTokens })
        const heaviest = [...weights].sort((a, b) => b - a).slice(0, topTokens)
        expect([...pruned.weights].sort((a, b) => b - a)).toEqual(heaviest)
        expect(() => sparseVector(pruned.terms, pruned.weights)).not.toThrow()
      })
    )
  })
  it('keeps no term more than the mass needs, and all of a smaller mass', () => {
    const weight = fc.integer({ min: 1, max: 20 })
    const share = fc.integer({ min: 1, max: 99 }).map(percent => percent / 100)
    const sum = (numbers: Float32Array): number => numbers.reduce((a, b) => a + b, 0)
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 1, maxLength: 12 }),
        share,
        share,
        (weights, a, b) => {
          const whole = sparseVector([...weights.keys()], weights)
          const kept = pruneVector(whole, { pruneMass: Math.max(a, b) })
          const mass = Math.max(a, b) * sum(whole.weights)
          expect(sum(kept.weights)).toBeGreaterThanOrEqual(mass)
          expect(sum(kept.weights) - Math.min(...kept.weights)).toBeLessThan(mass)
          expect(pruneVector(whole, { topTokens: kept.terms.length })).toEqual(kept)
          const fewer = pruneVector(whole, { pruneMass: Math.min(a, b) })
          expect([...kept.terms]).toEqual(expect.arrayContaining([...fewer.terms]))
        }
      )
    )
  })
})
