import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dotProduct, norm, similarity, similarityMatrix } from '../../src/vector/similarity.ts'
import { sparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'

const a = sparseVector([1, 3, 4294967295], [1, 2, 0.5])
const b = sparseVector([2, 3, 4294967295], [9, 4, 2])
const empty = sparseVector([], [])
const anyVector = fc
  .uniqueArray(fc.tuple(fc.nat(20), fc.double({ min: 1e-6, max: 1e4, noNaN: true })), {
    selector: ([term]) => term
  })
  .map(entries => sparseVectorFromEntries(entries))

describe('dotProduct', () => {
  it('multiplies the weights of shared terms', () => {
    expect(dotProduct(a, b)).toBe(2 * 4 + 0.5 * 2)
    expect(dotProduct(a, empty)).toBe(0)
  })

  it('sums in float64, by ascending term id', () => {
    const [x, y, z] = [0.1, 0.2, 0.3].map(Math.fround) as [number, number, number]
    const v = sparseVector([1, 2, 3], [x, y, z])
    const huge = sparseVector([1, 2, 3], [1e4, 1e-3, 1])
    const milli = Math.fround(1e-3)
    expect(dotProduct(v, huge)).toBe(x * 1e4 + y * milli + z)
  })

  it('does not depend on the side and equals a sum over a dense array', () => {
    fc.assert(
      fc.property(anyVector, anyVector, (left, right) => {
        const dense = new Float64Array(21)
        right.terms.forEach((term, i) => {
          dense[term] = right.weights[i]!
        })
        let sum = 0
        left.terms.forEach((term, i) => {
          sum += left.weights[i]! * dense[term]!
        })
        expect(dotProduct(left, right)).toBe(sum)
        expect(dotProduct(right, left)).toBe(sum)
      })
    )
  })
})

describe('similarity', () => {
  it('is the dot product unless asked for the cosine', () => {
    expect(similarity(a, b)).toBe(9)
    expect(similarity(a, b, 'cosine')).toBeCloseTo(9 / Math.sqrt(5.25 * 101), 15)
    expect(norm(a)).toBe(Math.sqrt(5.25))
  })

  it('is 0 with an empty vector', () => {
    expect(similarity(empty, empty, 'cosine')).toBe(0)
    expect(similarity(a, empty, 'cosine')).toBe(0)
  })

  it('as cosine lies between 0 and 1, and is 1 with itself', () => {
    fc.assert(
      fc.property(anyVector, anyVector, (left, right) => {
        const cosine = similarity(left, right, 'cosine')
        expect(cosine).toBeGreaterThanOrEqual(0)
        expect(cosine).toBeLessThanOrEqual(1 + 1e-12)
        if (left.terms.length > 0) expect(similarity(left, left, 'cosine')).toBeCloseTo(1, 12)
      })
    )
  })
})

describe('similarityMatrix', () => {
  it('has a row for each row and a column for each column', () => {
    expect(similarityMatrix([a], [b, empty, a], 'dot')).toEqual([[9, 0, 5.25]])
  })

  it('compares the rows with each other by cosine by default', () => {
    const [[aa, ab], [ba, bb]] = similarityMatrix([a, b]) as [[number, number], [number, number]]
    expect(aa).toBeCloseTo(1, 12)
    expect(bb).toBeCloseTo(1, 12)
    expect(ab).toBe(similarity(a, b, 'cosine'))
    expect(ba).toBe(ab)
  })
})
