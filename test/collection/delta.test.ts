import { expect, it } from 'vitest'
import { Delta, type DeltaDocument, type DeltaSelection } from '../../src/collection/delta.ts'
import { matches } from '../../src/filter/matches.ts'
import { parseFilter } from '../../src/filter/parse-filter.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { vectorOf } from './written-documents.ts'

function documentOf(seq: number, n = seq, namespace = ''): DeltaDocument {
  return { seq, namespace, metadata: { n } }
}

function deltaOf(vectors: readonly (SparseVector | SparseVector[])[]): Delta {
  const delta = new Delta()
  for (const [i, given] of vectors.entries()) {
    delta.add(documentOf(10 * (i + 1)), Array.isArray(given) ? given : [given])
  }
  return delta
}

function selection(delta: Delta, wanted: Partial<DeltaSelection> = {}): DeltaSelection {
  return {
    numEntries: delta.numEntries,
    commit: 1,
    k: 10,
    minScore: Number.NEGATIVE_INFINITY,
    after: undefined,
    filter: undefined,
    metric: 'dot',
    ...wanted
  }
}

function idsOf(delta: Delta, query: SparseVector, wanted?: Partial<DeltaSelection>): number[] {
  return [...delta.search(query, selection(delta, wanted)).ids]
}

const one = (weight: number): SparseVector => sparseVector([3], [weight])
const query = one(1)

it('ranks by score, then by age, and knows places', () => {
  const delta = deltaOf([one(1), [one(2), one(1)], sparseVector([], []), one(2)])
  const { ids, scores } = delta.search(query, selection(delta))
  expect(ids).toEqual([1, 4, 0, 2])
  expect(scores).toEqual([2, 2, 1, 1])
  expect(ids.map(id => delta.placeOf(id))).toEqual([
    { seq: 20, passageIndex: 0 },
    { seq: 40, passageIndex: 0 },
    { seq: 10, passageIndex: 0 },
    { seq: 20, passageIndex: 1 }
  ])
  expect([delta.numDocuments, delta.numEntries, delta.numPostings, delta.lastSeq]).toEqual([
    4, 5, 4, 40
  ])
})

it('finds the entry behind which a page begins, of its own and of other documents', () => {
  const delta = deltaOf([one(1), [one(1), one(1)], one(1)])
  const places: [number, number, number][] = [
    [5, 0, -1],
    [10, 0, 0],
    [15, 3, 0],
    [20, 0, 1],
    [20, 1, 2],
    [30, 0, 3],
    [31, 0, 3]
  ]
  for (const [seq, passageIndex, entry] of places) {
    expect(delta.entryAt({ seq, passageIndex })).toBe(entry)
  }
  expect(idsOf(delta, query, { after: { entry: 1, score: 1 } })).toEqual([2, 3])
  expect(idsOf(delta, query, { after: { entry: 1, score: 2 } })).toEqual([0, 1, 2, 3])
  expect(idsOf(delta, query, { after: { entry: -1, score: 0.5 } })).toEqual([])
})

it('shows a view neither what came later nor what died later', () => {
  const delta = deltaOf([one(1), one(2), one(3)])
  expect(delta.kill(20, 5)).toBe(true)
  expect([delta.kill(20, 6), delta.kill(25, 6)]).toEqual([false, false])
  expect(idsOf(delta, query, { commit: 4 })).toEqual([2, 1, 0])
  expect(idsOf(delta, query, { commit: 5 })).toEqual([2, 0])
  expect(idsOf(delta, query, { commit: 4, numEntries: 2 })).toEqual([1, 0])
  expect(delta.numPostingsOf(2)).toBe(2)
})

it('takes back what could not be written, and goes on as if it had never come', () => {
  const kept = Array.from({ length: 30 }, (_, i) => vectorOf(i))
  const delta = deltaOf(kept)
  const before = idsOf(delta, vectorOf(3))
  const { numPostings } = delta
  for (let i = 0; i < 20; i++) delta.add(documentOf(1000 + i), [vectorOf(i), vectorOf(i + 1)])
  expect(delta.typesOf('n', '', delta.numEntries)).toEqual(new Set(['number']))
  delta.truncate(30)
  expect([delta.numDocuments, delta.numEntries, delta.numPostings]).toEqual([30, 30, numPostings])
  expect(idsOf(delta, vectorOf(3))).toEqual(before)
  const filter = {
    name: 'odd',
    passes: ({ metadata }: DeltaDocument) => Number(metadata.n) % 20 > 0
  }
  const passing = idsOf(delta, vectorOf(3), { filter, k: 1000 })
  delta.add(documentOf(2000, 1), [vectorOf(3)])
  delta.truncate(30)
  delta.add(documentOf(2001, 20), [vectorOf(3)])
  expect(idsOf(delta, vectorOf(3), { filter, k: 1000 })).toEqual(passing)
  delta.truncate(30)
  delta.truncate(0)
  expect([delta.numEntries, delta.lastSeq, delta.numPostings]).toEqual([0, 0, 0])
  expect(idsOf(delta, vectorOf(3))).toEqual([])
})

it('searches blocks and the tail behind them alike', () => {
  const vectors = Array.from({ length: 1300 }, (_, i) => vectorOf(i))
  const whole = deltaOf(vectors)
  const settled = new Delta()
  for (const [i, vector] of vectors.entries()) {
    settled.add(documentOf(10 * (i + 1)), [vector])
    if (i % 300 === 299) while (settled.settle());
  }
  for (const metric of ['dot', 'cosine'] as const) {
    for (const numEntries of [1, 511, 512, 513, 1024, 1200, 1300]) {
      const wanted = selection(whole, { numEntries, metric, k: 40 })
      expect(settled.search(vectorOf(8), wanted)).toEqual(whole.search(vectorOf(8), wanted))
    }
  }
})

it('asks a filter once a document, and keeps the answers of eight filters', () => {
  const delta = deltaOf(Array.from({ length: 5 }, () => one(1)))
  let numAsked = 0
  const filterOf = (name: string, json: unknown) => {
    const filter = parseFilter(json)
    const passes = ({ metadata }: DeltaDocument): boolean => {
      numAsked++
      return matches(filter, metadata)
    }
    return { name, passes }
  }
  const small = filterOf('small', { n: { $lt: 30 } })
  expect(idsOf(delta, query, { filter: small })).toEqual([0, 1])
  expect(idsOf(delta, query, { filter: small })).toEqual([0, 1])
  expect(numAsked).toBe(5)
  for (let i = 0; i < 8; i++) idsOf(delta, query, { filter: filterOf(`f${i}`, { n: i }) })
  expect(idsOf(delta, query, { filter: small })).toEqual([0, 1])
  expect(numAsked).toBe(5 + 8 * 5 + 5)
})

it('knows the types of a field by namespace, as far as a view goes', () => {
  const delta = new Delta()
  delta.add({ seq: 1, namespace: 'a', metadata: { x: 1 } }, [one(1)])
  expect(delta.typesOf('x', 'a', 1)).toEqual(new Set(['number']))
  delta.add({ seq: 2, namespace: 'b', metadata: { x: 'one' } }, [one(1)])
  delta.add({ seq: 3, namespace: 'a', metadata: { x: [true, 'two'] } }, [one(1), one(2)])
  expect(delta.typesOf('x', 'a', 1)).toEqual(new Set(['number']))
  expect(delta.typesOf('x', 'a', 4)).toEqual(new Set(['number', 'boolean', 'string']))
  expect(delta.typesOf('x', 'b', 4)).toEqual(new Set(['string']))
  expect(delta.typesOf('y', 'a', 4)).toEqual(new Set())
})
