import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SearchOptions, SearchResult } from '../../src/search/search-options.ts'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import type { Hit } from '../../src/vector/hit.ts'
import { dotProduct, type Metric, similarity } from '../../src/vector/similarity.ts'
import {
  type SparseVector,
  sparseVector,
  sparseVectorFromEntries
} from '../../src/vector/sparse-vector.ts'

/**
 * What every way to search an index must do, however it does it. A new strategy runs this suite by
 * giving its own `search`; a new format by giving its own `prepare`.
 */
export interface SearchImplementation {
  /** How an index is built (default: as it is by default). */
  readonly finish?: FinishOptions
  /** Turns a freshly built index into the one that is searched (default: itself). */
  readonly prepare?: (index: SparseIndex) => Promise<SparseIndex>
  /** Searches it (default: `index.search`). */
  readonly search?: (
    index: SparseIndex,
    query: SparseVector,
    options: SearchOptions
  ) => Promise<SearchResult>
  /** Random cases of each property (default 150). */
  readonly numRuns?: number
}

const MAX = 4294967295
const TERMS = [0, 1, 2, 3, 5, 8, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, MAX - 1, MAX]
const METRICS: readonly Metric[] = ['dot', 'cosine']

/** Few different weights, so that ties are common; the extremes; and anything in between. */
const anyWeight = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0.5, 1, 2) },
  { weight: 1, arbitrary: fc.constantFrom(1e-6, 1e4) },
  { weight: 2, arbitrary: fc.double({ min: 1e-6, max: 1e4, noNaN: true }) }
)
const anyVector = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...TERMS), anyWeight), {
    selector: ([term]) => term,
    maxLength: 7
  })
  .map(entries => sparseVectorFromEntries(entries))
const anyDocuments = fc.array(anyVector, { maxLength: 40 })
const anyMetric = fc.constantFrom(...METRICS)
const anyK = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(40, 41, 1000))

/** Builds an index whose keys are `d0`, `d1`, … in the order of the vectors. */
export async function buildIndex(
  documents: readonly SparseVector[],
  metric: Metric = 'dot',
  options: FinishOptions = {}
): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (const [i, vector] of documents.entries()) builder.add(`d${i}`, vector)
  return builder.finish({ metric, ...options })
}

/** All hits by comparing the query with one document after another: independent of the index. */
function expectedHits(
  documents: readonly SparseVector[],
  query: SparseVector,
  metric: Metric,
  passes: (docId: number) => boolean = () => true
): Hit[] {
  return documents
    .map((vector, docId) => ({ docId, vector }))
    .filter(({ docId, vector }) => passes(docId) && dotProduct(query, vector) > 0)
    .map(({ docId, vector }) => ({ docId, score: similarity(query, vector, metric) }))
    .sort((a, b) => b.score - a.score || a.docId - b.docId)
    .map(({ docId, score }, i) => ({ key: `d${docId}`, score, rank: i + 1 }))
}

/** Runs the suite on an implementation. */
export function describeConformance(name: string, implementation: SearchImplementation = {}): void {
  const {
    finish,
    prepare = async index => index,
    search = (index, query, options) => index.search(query, options),
    numRuns = 150
  } = implementation
  const build = async (documents: readonly SparseVector[], metric: Metric = 'dot') =>
    prepare(await buildIndex(documents, metric, finish))
  const property = <T extends [unknown, ...unknown[]]>(
    arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
    check: (...values: T) => Promise<void>
  ) => fc.assert(fc.asyncProperty(...arbitraries, check), { numRuns })

  describe(`${name} finds what comparing every document finds`, () => {
    it('for any documents, query, metric and k: same keys, same scores, same order', () =>
      property([anyDocuments, anyVector, anyMetric, anyK], async (documents, query, metric, k) => {
        const result = await search(await build(documents, metric), query, { k })
        const all = expectedHits(documents, query, metric)
        expect(result.hits).toEqual(all.slice(0, k))
        expect(result.rankSafe).toBe(true)
      }))

    it('with smallest and largest score of all documents, and the true scores of any', () =>
      property([anyDocuments, anyVector, anyMetric], async (documents, query, metric) => {
        const result = await search(await build(documents, metric), query, { k: 1 })
        const scores = documents.map(vector => similarity(query, vector, metric))
        expect(result.min).toBe(documents.length === 0 ? 0 : Math.min(...scores))
        expect(result.max).toBe(documents.length === 0 ? 0 : Math.max(...scores))
        const keys = documents.map((_, docId) => `d${docId}`).reverse()
        expect([...result.scoresOf(keys)]).toEqual(scores.reverse())
      }))

    it('under a filter', () =>
      property(
        [anyDocuments, anyVector, anyMetric, anyK, fc.func(fc.boolean())],
        async (documents, query, metric, k, passes) => {
          const index = await build(documents, metric)
          const filter = index.documentSet(key => passes(key))
          const result = await search(index, query, { k, filter })
          const isIn = (docId: number) => passes(`d${docId}`)
          expect(result.hits).toEqual(expectedHits(documents, query, metric, isIn).slice(0, k))
          const scores = documents
            .filter((_, docId) => isIn(docId))
            .map(vector => similarity(query, vector, metric))
          expect(result.min).toBe(scores.length === 0 ? 0 : Math.min(...scores))
          expect(result.max).toBe(scores.length === 0 ? 0 : Math.max(...scores))
        }
      ))

    it('from a score on', () =>
      property(
        [anyDocuments, anyVector, anyMetric, fc.nat(39)],
        async (documents, query, metric, at) => {
          const all = expectedHits(documents, query, metric)
          const minScore = all[at % Math.max(1, all.length)]?.score ?? 1
          const { hits } = await search(await build(documents, metric), query, { k: 40, minScore })
          expect(hits).toEqual(all.filter(({ score }) => score >= minScore))
        }
      ))

    it('page after page', () =>
      property(
        [anyDocuments, anyVector, anyMetric, fc.integer({ min: 1, max: 9 })],
        async (documents, query, metric, k) => {
          const index = await build(documents, metric)
          const pages: Hit[] = []
          let searchAfter: Hit | undefined
          do {
            const { hits } = await search(index, query, { k, searchAfter })
            expect(hits.length).toBeLessThanOrEqual(k)
            pages.push(...hits)
            searchAfter = hits.at(-1)
          } while (searchAfter !== undefined)
          expect(pages).toEqual(expectedHits(documents, query, metric))
        }
      ))

    it('search after search on one index', () =>
      property(
        [anyDocuments, fc.array(anyVector), anyMetric],
        async (documents, queries, metric) => {
          const index = await build(documents, metric)
          const results = await Promise.all(queries.map(query => search(index, query, { k: 5 })))
          expect(results.map(({ hits }) => hits)).toEqual(
            queries.map(query => expectedHits(documents, query, metric).slice(0, 5))
          )
        }
      ))
  })

  describe(`${name} at the borders`, () => {
    const one = sparseVector([7], [1])
    const keysOf = (result: SearchResult) => result.hits.map(({ key }) => key)

    it('orders ties by insertion', async () => {
      const index = await build(Array.from({ length: 100 }, () => one))
      expect(keysOf(await search(index, one, { k: 3 }))).toEqual(['d0', 'd1', 'd2'])
      const result = await search(index, one, { k: 100 })
      expect(keysOf(result)).toEqual([...index.keys()])
      expect([result.min, result.max]).toEqual([1, 1])
    })

    it('gives fewer hits than k when fewer documents match', async () => {
      const index = await build([one, sparseVector([8], [1])])
      const result = await search(index, one, { k: 1000 })
      expect(keysOf(result)).toEqual(['d0'])
      expect([result.min, result.max]).toEqual([0, 1])
    })

    it('finds nothing for an empty query, an unknown term, and in an empty index', async () => {
      const index = await build([one])
      const unknown = sparseVector([6, MAX], [1, 1])
      for (const query of [sparseVector([], []), unknown]) {
        expect(await search(index, query, {})).toMatchObject({ hits: [], min: 0, max: 0 })
      }
      expect((await search(index, unknown, {})).stats.numUnknownTerms).toBe(2)
      expect(await search(await build([]), one, {})).toMatchObject({ hits: [], min: 0, max: 0 })
    })

    it('gives 10 hits by default', async () => {
      const index = await build(Array.from({ length: 11 }, () => one))
      expect((await search(index, one, {})).hits).toHaveLength(10)
    })

    it('finds a rare term and a term of every document among thousands', async () => {
      const documents = Array.from({ length: 5000 }, (_, i) =>
        i === 4321
          ? sparseVector([1, 9], [0.25, 1e-6])
          : sparseVector([1, 10 + (i % 97)], [1 + (i % 7), 0.5])
      )
      for (const metric of METRICS) {
        const index = await build(documents, metric)
        for (const query of [
          sparseVector([9], [1e4]),
          sparseVector([1], [0.1]),
          sparseVector([1, 9, 12, 50], [0.1, 1e4, 3, 2])
        ]) {
          const { hits } = await search(index, query, { k: 20 })
          expect(hits).toEqual(expectedHits(documents, query, metric).slice(0, 20))
        }
      }
    })
  })
}
