import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { flops } from '../../src/eval/cost/flops.ts'
import { flopsLoss, scaledFlopsLoss } from '../../src/eval/cost/flops-loss.ts'
import { paretoFront } from '../../src/eval/cost/pareto-front.ts'
import { activeTerms, TermCounter } from '../../src/eval/cost/term-counts.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'

/** By numpy over dense matrices (test/golden/cost.py). */
const golden: {
  queries: { terms: number[]; weights: number[] }[]
  documents: { terms: number[]; weights: number[] }[]
  flops: number
  queryTerms: number
  documentTerms: number
  queryLoss: number
  documentLoss: number
}[] = JSON.parse(readFileSync(new URL('../golden/cost.json', import.meta.url), 'utf8'))

const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
const vectorsOf = (rows: readonly { terms: number[]; weights: number[] }[]) =>
  rows.map(({ terms, weights }) => sparseVector(terms, weights))
const NONE = sparseVector([], [])

describe('FLOPS and active terms', () => {
  test.each(golden.map(one => [one.queries.length, one] as const))(
    'of %d queries: as numpy',
    (_, one) => {
      const queries = vectorsOf(one.queries)
      const documents = vectorsOf(one.documents)
      expect(flops(queries, documents)).toBeCloseTo(one.flops, 12)
      expect(flops(documents, queries)).toBeCloseTo(one.flops, 12)
      expect(activeTerms(queries)).toBeCloseTo(one.queryTerms, 12)
      expect(activeTerms(documents)).toBeCloseTo(one.documentTerms, 12)
      expect(flopsLoss(queries)).toBeCloseTo(one.queryLoss, 9)
      expect(flopsLoss(documents)).toBeCloseTo(one.documentLoss, 9)
      const scales = { lambdaQuery: 2, lambdaDocument: 3 }
      const scaled = 2 * one.queryLoss + 3 * one.documentLoss
      expect(scaledFlopsLoss(queries, documents, scales)).toBeCloseTo(scaled, 8)
      const byDefault = 0.5 * one.queryLoss + 0.4 * one.documentLoss
      expect(scaledFlopsLoss(queries, documents)).toBeCloseTo(byDefault, 8)
    }
  )

  test('worked out by hand', () => {
    // Term 3 is in all queries and half of the documents, term 9 in half of both.
    const queries = [sparseVector([3], [1]), sparseVector([3, 9], [2, 4])]
    const documents = [sparseVector([3, 9], [5, 1]), sparseVector([4], [7])]
    expect(flops(queries, documents)).toBe(1 * 0.5 + 0.5 * 0.5)
    expect(activeTerms(queries)).toBe(1.5)
    expect(flopsLoss(queries)).toBe(1.5 ** 2 + 2 ** 2)
  })

  test('an empty vector counts as one, and costs nothing', () => {
    const documents = [sparseVector([0, 7], [1, 1])]
    expect(flops([NONE], documents)).toBe(0)
    expect(flops([sparseVector([7], [1]), NONE], documents)).toBe(0.5)
    expect(activeTerms([NONE, sparseVector([1], [1])])).toBe(0.5)
  })

  test('products of a query and a document, counted one by one, are FLOPS on average', () => {
    const vectors = fc.array(fc.uniqueArray(fc.nat(12), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 9
    })
    fc.assert(
      fc.property(vectors, vectors, (asked, held) => {
        let products = 0
        for (const query of asked) {
          for (const document of held) products += query.filter(id => document.includes(id)).length
        }
        const [queries, documents] = [asked, held].map(rows =>
          rows.map(ids => {
            const terms = ids.toSorted((a, b) => a - b)
            return sparseVector(terms, new Array(terms.length).fill(1))
          })
        )
        const mean = products / asked.length / held.length
        expect(flops(queries!, documents!)).toBeCloseTo(mean, 12)
      })
    )
  })

  test('a counter that is read in between goes on, and its counts stand for the vectors', () => {
    const { queries, documents, ...expected } = golden[2]!
    const counter = new TermCounter()
    for (const vector of vectorsOf(documents)) {
      counter.add(vector)
      counter.counts()
    }
    const counts = counter.counts()
    expect(counts.numVectors).toBe(documents.length)
    expect([...counts.terms]).toEqual([...counts.terms].sort((a, b) => a - b))
    expect(flops(vectorsOf(queries), counts)).toBeCloseTo(expected.flops, 12)
    expect(flopsLoss(counts)).toBeCloseTo(expected.documentLoss, 9)
  })

  test('refuses to take a mean over nothing', () => {
    expect(() => flops([], [NONE])).toThrow(invalid)
    expect(() => flops([NONE], [])).toThrow(invalid)
    expect(() => activeTerms(new TermCounter().counts())).toThrow(invalid)
    expect(() => flopsLoss([])).toThrow(invalid)
  })
})

describe('Pareto front', () => {
  type Row = readonly [cost: number, quality: number]
  const axes = { cost: ([cost]: Row) => cost, quality: ([, quality]: Row) => quality }

  test('worked out by hand', () => {
    const rows: Row[] = [
      [5, 0.7],
      [1, 0.3],
      [2, 0.5],
      // Dearer and no better; as dear and worse; better, but dearer than a better one.
      [3, 0.5],
      [2, 0.4],
      [6, 0.69],
      [2, 0.5]
    ]
    expect(paretoFront(rows, axes)).toEqual([rows[1], rows[2], rows[6], rows[0]])
    expect(paretoFront([], axes)).toEqual([])
  })

  test('holds exactly what no other row beats', () => {
    const row = fc.tuple(fc.nat(6), fc.nat(6))
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), rows => {
        const beats = (a: Row, b: Row) =>
          a[0] <= b[0] && a[1] >= b[1] && (a[0] < b[0] || a[1] > b[1])
        const unbeaten = rows.filter(one => !rows.some(other => beats(other, one)))
        const front = paretoFront(rows, axes)
        expect(new Set(front)).toEqual(new Set(unbeaten))
        expect(front).toHaveLength(unbeaten.length)
        const costs = front.map(([cost]) => cost)
        expect(costs).toEqual(costs.toSorted((a, b) => a - b))
      })
    )
  })

  test('refuses a figure that is no number', () => {
    expect(() => paretoFront([[1, Number.NaN]] as Row[], axes)).toThrow(invalid)
    expect(() => paretoFront([[Number.POSITIVE_INFINITY, 1]] as Row[], axes)).toThrow(invalid)
  })
})
