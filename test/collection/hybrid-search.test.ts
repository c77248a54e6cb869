import { expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { HybridFusion } from '../../src/collection/hybrid-fusion.ts'
import type { CollectionHit, CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import type { FusedHit } from '../../src/fusion/fusion-list.ts'
import type { DenseMetric } from '../../src/vector/dense-vector.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import {
  DIMENSIONS,
  Drawing,
  fuseByDefinition,
  leavesOf,
  listsByDefinition,
  type OracleQuery,
  shown
} from './hybrid-oracle.ts'
import { openSmall } from './small-collection.ts'

/** `HYBRID_SEED=7` repeats a failure, which names its seed; `HYBRID_QUERIES=500` takes longer. */
const SEED = Number(process.env.HYBRID_SEED ?? Math.floor(Math.random() * 2 ** 24))
const QUERIES = Number(process.env.HYBRID_QUERIES ?? 24)

/** More than a list has by default. */
const NUM_MANY = 1500

const THREE = { sparse: 0.25, dense: 0.5, bm25: 0.25 }
const EQUAL = { sparse: 1, dense: 1, bm25: 1 }

/** What is asked for, and the weights that it means. */
const FUSIONS: readonly [HybridFusion | undefined, Partial<typeof THREE>][] = [
  [undefined, THREE],
  [{ method: 'convex', normalization: 'z-score' }, THREE],
  [{ method: 'convex', normalization: 'dbsf', depth: 7 }, THREE],
  [
    { method: 'convex', normalization: 'none', weights: { dense: 3 } },
    { ...THREE, dense: 3 }
  ],
  [
    { method: 'convex', weights: { bm25: 0 } },
    { sparse: 1, dense: 1 }
  ],
  [{ method: 'rrf' }, EQUAL],
  [
    { method: 'rrf', rankConstant: 3, depth: 5, weights: { sparse: 2 } },
    { ...EQUAL, sparse: 2 }
  ],
  [{ method: 'comb-sum' }, EQUAL],
  [
    { method: 'comb-mnz', weights: { sparse: 0 } },
    { dense: 1, bm25: 1 }
  ]
]

/** Explanations sum to the score, and passages are of a list that ranks the document best. */
function expectExplained(hits: readonly CollectionHit[], expected: readonly FusedHit[]): void {
  for (const [i, { explanation, score }] of hits.entries()) {
    const { lists, terms, explanation: tree } = explanation!
    expect(lists).toEqual(expected[i]!.parts)
    const size = leavesOf(tree).reduce((sum, value) => sum + Math.abs(value), 0)
    const off = leavesOf(tree).reduce((sum, value) => sum + value, 0) - score
    expect(Math.abs(off)).toBeLessThanOrEqual(1e-9 * Math.max(size, 1e-9))
    for (const branch of tree.details) {
      const sum = leavesOf(branch).reduce((total, value) => total + value, 0)
      expect(Math.abs(sum - branch.value)).toBeLessThanOrEqual(1e-9 * Math.max(size, 1e-9))
    }
    expect(terms.every(({ value }) => Number.isFinite(value))).toBe(true)
  }
}

async function pagesOf(
  collection: Collection,
  query: OracleQuery,
  options: CollectionSearchOptions & { readonly k: number }
): Promise<CollectionHit[]> {
  const all: CollectionHit[] = []
  for (;;) {
    const last = all.at(-1)
    const page = await collection.search(query, { ...options, ...(last && { searchAfter: last }) })
    all.push(...page.hits)
    if (page.hits.length < options.k) return all
  }
}

it.each(['cosine', 'dot', 'euclidean'] as const)(
  'is the library’s fusion of exhaustive lists: %s',
  async (metric: DenseMetric) => {
    const drawing = new Drawing(SEED)
    const collection = await openSmall({
      lexical: true,
      dense: { dimensions: DIMENSIONS, metric },
      flushLimits: { maxEntries: 25, maxPostings: 1e6 }
    })
    const given = new Map<string, UpsertDocument>()
    for (let step = 0; step < QUERIES; step++) {
      const batch = Array.from({ length: 8 }, () => drawing.document(`k${drawing.below(60)}`))
      const unique = [...new Map(batch.map(one => [one.key, one])).values()]
      await collection.upsert(unique)
      for (const one of unique) given.set(one.key, one)
      await collection.delete(`k${drawing.below(60)}`)
      const query = { text: drawing.text(3), sparse: drawing.sparse(), dense: drawing.dense() }
      const [fusion, weights] = FUSIONS[step % FUSIONS.length]!
      const least = drawing.below(3)
      const filter = least === 0 ? undefined : { n: { $gte: least } }
      const passes = ({ n }: { readonly n: number }) => n >= least
      const { written, ...lists } = await listsByDefinition(
        collection,
        given,
        query,
        metric,
        passes
      )
      const plan = { ...(fusion ?? { method: 'convex' }), weights } as const
      const expected = fuseByDefinition(lists, plan, written)
      const options = {
        mode: 'hybrid',
        ...(fusion && { fusion }),
        ...(filter && { filter })
      } as const
      const message = `seed ${SEED}, step ${step}, ${JSON.stringify(fusion)}`
      const all = await collection.search(query, { ...options, k: 100, explain: true })
      expect(shown(all.hits), message).toEqual(shown(expected))
      expect(all.rankSafe).toBe(true)
      expect(all.stats.lists!.map(({ list }) => list)).toEqual(Object.keys(weights))
      expectExplained(all.hits, expected)
      const k = 1 + drawing.below(9)
      expect(shown(await pagesOf(collection, query, { ...options, k })), message).toEqual(
        shown(expected)
      )
      const minScore = expected[drawing.below(expected.length)]?.score ?? 0
      const good = await collection.search(query, { ...options, k: 100, minScore })
      expect(shown(good.hits)).toEqual(shown(expected.filter(({ score }) => score >= minScore)))
      const one = all.hits[drawing.below(all.hits.length)]
      if (one !== undefined) {
        const explained = await collection.explain(query, one.key, options)
        expect(explained, message).toEqual(one.explanation)
      }
    }
    const { numSegments, numInMemory } = await collection.stats()
    expect(Math.min(numSegments, numInMemory)).toBeGreaterThan(0)
  },
  120_000
)

/** A query that its own document answers best, and no other nearly as well. */
function queryOf({ text, vector, dense }: UpsertDocument, otherwise: OracleQuery): OracleQuery {
  const vectors = { sparse: vector, dense: dense as Float32Array | undefined }
  if (vectors.sparse === undefined || vectors.dense === undefined) return otherwise
  return { text: text!, sparse: vectors.sparse, dense: vectors.dense }
}

it.each(['even', 'uneven', 'passages'] as const)(
  'reads lists no further than it must: %s',
  async kind => {
    const drawing = new Drawing(SEED)
    const collection = await openSmall({
      lexical: true,
      dense: { dimensions: DIMENSIONS, metric: 'cosine' },
      flushLimits: { maxEntries: 400, maxPostings: 1e6 }
    })
    const given = new Map<string, UpsertDocument>()
    const dense = () => Float32Array.from({ length: DIMENSIONS }, () => drawing.next() - 0.5)
    for (let i = 0; i < NUM_MANY; i++) {
      const one = drawing.document(`k${i}`)
      if (kind === 'passages') given.set(one.key, one)
      else {
        const { passages: _, ...whole } = one
        const vectors =
          kind === 'even'
            ? { vector: drawing.sparse(), dense: drawing.dense() }
            : { vector: drawing.sparse(true), dense: dense() }
        given.set(one.key, { ...whole, ...vectors })
      }
    }
    await collection.upsert([...given.values()])
    let numShort = 0
    for (let step = 0; step < QUERIES / 2; step++) {
      // A sparse vector that few documents match leaves much to the dense list.
      const sparse = step % 4 === 3 ? sparseVector([9], [1]) : drawing.sparse(kind === 'uneven')
      const drawn = { text: drawing.text(1), sparse, dense: dense() }
      const { query, k } =
        step % 4 === 0
          ? { query: queryOf(given.get(`k${drawing.below(NUM_MANY)}`)!, drawn), k: 1 }
          : { query: drawn, k: 1 + drawing.below(12) }
      const normalization = step % 3 === 0 ? 'none' : 'min-max'
      const fusion = { method: 'convex', normalization } as const
      const all = () => true
      const { written, ...lists } = await listsByDefinition(collection, given, query, 'cosine', all)
      const expected = fuseByDefinition(lists, { ...fusion, weights: THREE }, written)
      const options = { mode: 'hybrid', fusion, k } as const
      const { hits, stats } = await collection.search(query, options)
      const message = `seed ${SEED}, step ${step}`
      expect(shown(hits), message).toEqual(shown(expected.slice(0, k)))
      if (stats.lists!.every(({ numHits }) => numHits < 100)) numShort++
      const second = await collection.search(query, { ...options, searchAfter: hits.at(-1)! })
      expect(shown(second.hits), message).toEqual(shown(expected.slice(k, 2 * k)))
      const { score } = expected[drawing.below(3)]!
      const good = await collection.search(query, { ...options, minScore: score })
      const asGood = expected.filter(one => one.score >= score).slice(0, k)
      expect(shown(good.hits), message).toEqual(shown(asGood))
    }
    if (kind === 'uneven') expect(numShort).toBeGreaterThan(0)
  },
  120_000
)

it('explains a document that no list has', async () => {
  const collection = await openSmall({
    lexical: true,
    dense: { dimensions: DIMENSIONS, metric: 'dot' }
  })
  await collection.upsert([
    { key: 'a', text: 'fog', vector: sparseVector([1], [1]), dense: [1, 0, 0] },
    { key: 'b', text: 'rope', vector: sparseVector([2], [1]) }
  ])
  const query = { text: 'fog', sparse: sparseVector([1], [2]), dense: Float32Array.of(1, 1, 0) }
  const explained = await collection.explain(query, 'b', { mode: 'hybrid' })
  expect(explained.score).toBe(0)
  expect(explained.lists!.map(({ list, score }) => [list, score])).toEqual([
    ['sparse', 0],
    ['dense', 1],
    ['bm25', 0]
  ])
  const { hits } = await collection.search(query, { mode: 'hybrid' })
  expect(hits.map(({ key }) => key)).toEqual(['a'])
})

it('takes any number for all documents, and gives repeated documents their scores', async () => {
  const collection = await openSmall({
    lexical: true,
    dense: { dimensions: DIMENSIONS, metric: 'cosine' }
  })
  const drawing = new Drawing(SEED)
  await collection.upsert(
    Array.from({ length: 30 }, (_, i) => ({
      key: `k${i}`,
      text: drawing.text(3),
      vector: sparseVector([1], [i + 1]),
      dense: drawing.dense()
    }))
  )
  await collection.flush()
  const query = { text: 'fog', sparse: sparseVector([1], [1]), dense: drawing.dense() }
  const all = await collection.search(query, { mode: 'hybrid', k: Number.MAX_SAFE_INTEGER })
  expect(all.hits).toHaveLength(30)
  await using snapshot = await collection.snapshot()
  const [sparse] = await snapshot.rankedLists(query, { depth: 1 })
  expect([...sparse!.list.scoresOf(['k4', 'k4', 'k9', 'k4'])]).toEqual([5, 5, 10, 5])
})

it('pages and explains by the scores of the hits where lists are approximate', async () => {
  const collection = await openSmall({
    lexical: true,
    dense: { dimensions: DIMENSIONS, metric: 'cosine' }
  })
  const drawing = new Drawing(SEED)
  await collection.upsert(
    Array.from({ length: 300 }, (_, i) => ({
      key: `k${i}`,
      text: drawing.text(3),
      // The one term that counts, the other, and none.
      vector: i < 40 ? sparseVector([1], [1 + drawing.next()]) : sparseVector([2 + (i % 2)], [2]),
      dense: drawing.dense()
    }))
  )
  await collection.flush()
  const query = { text: 'fog', sparse: sparseVector([1, 2], [2, 1]), dense: drawing.dense() }
  const options = {
    mode: 'hybrid',
    k: 10,
    strategy: { name: 'approximate', queryTerms: 1 }
  } as const
  const first = await collection.search(query, { ...options, explain: true })
  expect(first.rankSafe).toBe(false)
  for (const { score, explanation } of first.hits) expect(explanation!.score).toBe(score)
  const second = await collection.search(query, { ...options, searchAfter: first.hits.at(-1)! })
  expect(second.hits).toHaveLength(10)
})
