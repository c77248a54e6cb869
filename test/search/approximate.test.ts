import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SearchOptions } from '../../src/search/search-options.ts'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import type { ApproximateStrategy } from '../../src/search/strategy.ts'
import type { Hit } from '../../src/vector/hit.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { buildIndex } from './conformance.ts'
import {
  anyRecipe,
  buildCollection,
  type Collection,
  collectionOf,
  Random,
  type Recipe
} from './random-collections.ts'
import {
  difference,
  documentSets,
  expectedHits,
  type FullRanking,
  fullRanking,
  randomOptions,
  randomQuery,
  shown
} from './random-queries.ts'

const invalid = (place: string) =>
  expect.objectContaining({ code: 'INVALID_ARGUMENT', place: expect.stringContaining(place) })

const anyForm = fc.record({
  kernel: fc.constantFrom('auto', 'typescript'),
  metric: fc.constantFrom('dot', 'cosine'),
  precision: fc.constantFrom('float32', 'float16'),
  reorder: fc.boolean()
})

interface Case {
  readonly index: SparseIndex
  readonly query: SparseVector
  readonly ranking: FullRanking
  readonly options: SearchOptions
  readonly random: Random
}

/** Runs a check on random queries and options over random collections. */
async function forCases(check: (one: Case) => Promise<void>, numRuns = 12): Promise<void> {
  await fc.assert(
    fc.asyncProperty(anyRecipe, anyForm, async (recipe, form) => {
      const collection = collectionOf(recipe)
      const index = await buildCollection(collection, recipe, form)
      const stored = Array.from(index.entries(), ([, vector]) => vector)
      const random = new Random(~recipe.seed)
      const sets = documentSets(index, random)
      for (let i = 0; i < 15; i++) {
        const query = randomQuery(collection, random)
        const ranking = fullRanking(stored, query, form.metric)
        const options = randomOptions(index, ranking, sets, random)
        await check({ index, query, ranking, options, random })
      }
    }),
    { numRuns, endOnFailure: true }
  )
}

/** Each hit is one that the exact search would give if k were large enough, with its true score. */
function checkHits(hits: readonly Hit[], { ranking, options }: Case): void {
  const all = expectedHits(ranking, { ...options, k: Number.POSITIVE_INFINITY })
  const scores = new Map(all.map(({ key, score }) => [key, score]))
  const found = all.filter(({ key }) => hits.some(hit => hit.key === key))
  const ranksBefore = options.searchAfter?.rank ?? 0
  const ranked = found.map(({ key }, i) => ({
    key,
    score: scores.get(key)!,
    rank: ranksBefore + i + 1
  }))
  expect(hits.length).toBeLessThanOrEqual(options.k!)
  expect(difference(hits, ranked), shown(options)).toBe(undefined)
}

describe('an approximate search', () => {
  it('may miss hits and says so; those that it finds have their scores, order and ranks', () =>
    forCases(async one => {
      const { index, query, options, random } = one
      const alpha = random.pick([undefined, 1e-300, 0.01, 0.1, 0.4, 0.9, 1])
      const gamma = random.pick([undefined, 1e-300, 0.01, 0.3, 0.7, 1])
      const strategy = { name: 'approximate' as const, alpha, gamma }
      const k = Math.min(options.k!, 100)
      const result = await index.search(query, { ...options, k, strategy })
      expect(result.rankSafe).toBe(false)
      expect(result.stats.strategy).toBe('approximate')
      checkHits(result.hits, { ...one, options: { ...options, k } })
    }))

  it('knows the smallest and the largest score of all documents all the same', () =>
    forCases(async ({ index, query, ranking, random }) => {
      const strategy = { name: 'approximate' as const, alpha: 0.05, gamma: random.pick([0.1, 1]) }
      const { min, max } = await index.search(query, { k: 3, strategy })
      expect(min).toBe(ranking.scoreOf.reduce((a, b) => Math.min(a, b)))
      expect(max).toBe(ranking.scoreOf.reduce((a, b) => Math.max(a, b)))
    }))

  // The comment on ApproximateStrategy promises exact scores, whichever terms find the hits.
  it('has exact scores, too, where few terms of the query count', () =>
    forCases(async one => {
      const { index, query, options, random } = one
      const queryTerms = random.pick([1, 2, 5, 20])
      const strategy = { name: 'approximate' as const, alpha: 1, queryTerms }
      const { hits } = await index.search(query, { k: options.k, strategy })
      checkHits(hits, { ...one, options: { k: options.k } })
    }, 5))

  it('is exact, though it does not say so, when it believes all bounds in all windows', () =>
    forCases(async ({ index, query, ranking, options }) => {
      const strategy = { name: 'approximate' as const, alpha: 1, gamma: 1 }
      const result = await index.search(query, { ...options, strategy })
      const problem = difference(result.hits, expectedHits(ranking, options))
      expect(problem, shown(options)).toBe(undefined)
      expect(result.rankSafe).toBe(false)
    }))

  describe('of vectors like those of a model', async () => {
    const recipe: Recipe = {
      seed: 7,
      numDocuments: 3000,
      weights: 'skewed',
      popularity: 'topics',
      windowDocuments: 512,
      numSegments: 1,
      ids: 'small'
    }
    const collection: Collection = collectionOf(recipe)
    const index = await buildCollection(collection, recipe, { reorder: false })
    const queries = collection.vectors.filter(({ terms }) => terms.length > 20).slice(0, 40)

    /** Mean share of the ten best that are found, and postings that were read. */
    async function measure(strategy: ApproximateStrategy) {
      let numFound = 0
      let numWanted = 0
      let numPostings = 0
      for (const query of queries) {
        const wanted = new Set((await index.search(query)).hits.map(({ key }) => key))
        const { hits, stats } = await index.search(query, { strategy })
        numFound += hits.filter(({ key }) => wanted.has(key)).length
        numWanted += wanted.size
        numPostings += stats.numPostings
      }
      return { overlap: numFound / numWanted, numPostings }
    }

    it('finds most hits by default', async () => {
      expect((await measure({ name: 'approximate' })).overlap).toBeGreaterThan(0.9)
    })

    it('reads less the less it is to find', async () => {
      const all = await measure({ name: 'approximate', alpha: 1 })
      const half = await measure({ name: 'approximate', alpha: 1, gamma: 0.5 })
      const few = await measure({ name: 'approximate', alpha: 0.1, gamma: 0.2 })
      expect(all.overlap).toBe(1)
      expect(half.numPostings).toBeLessThan(all.numPostings)
      expect(few.numPostings).toBeLessThan(half.numPostings)
      expect(few.overlap).toBeGreaterThan(0)
    })
  })

  it.each<[string, Record<string, unknown>]>([
    ...['alpha', 'gamma'].flatMap(name =>
      [0, -0.5, 1.0001, Number.NaN, Number.POSITIVE_INFINITY, null, '0.5', true].map(
        (value): [string, Record<string, unknown>] => [name, { [name]: value }]
      )
    ),
    ...[0, 0.5, -1, Number.NaN, null, '3'].map((value): [string, Record<string, unknown>] => [
      'queryTerms',
      { queryTerms: value }
    ])
  ])('refuses the parameter %s of %o', async (name, parameters) => {
    const one = sparseVector([1], [1])
    const index = await buildIndex([one, one])
    const strategy = { name: 'approximate', ...parameters } as unknown as ApproximateStrategy
    await expect(index.search(one, { strategy })).rejects.toThrow(invalid(`strategy.${name}`))
    await expect(index.searchMany([one], { strategy })).rejects.toThrow(invalid('strategy'))
  })

  it.each(['fast', 'Windowed', '', null, 7, {}, { name: 'windowed' }, ['windowed']])(
    'is not chosen by %o, nor is any other',
    async name => {
      const one = sparseVector([1], [1])
      const strategy = name as unknown as ApproximateStrategy
      const index = await buildIndex([one])
      await expect(index.search(one, { strategy })).rejects.toThrow(invalid('strategy'))
    }
  )
})
