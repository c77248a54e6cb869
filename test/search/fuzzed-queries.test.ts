import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { EsplanadeError } from '../../src/errors.ts'
import type { SearchOptions } from '../../src/search/search-options.ts'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import type { FinishOptions } from '../../src/search/sparse-index-builder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'
import { sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { buildIndex } from './conformance.ts'
import { difference, exactStrategies, expectedHits, fullRanking, shown } from './random-queries.ts'

/** Whatever a query is, a search refuses it with an error of this project or answers exactly. */

/** The ends of what a float32 holds, subnormal numbers included, and anything in between. */
const anyWeight = fc.oneof(
  fc.constantFrom(2 ** -149, 1.4e-45, 2 ** -127, 2 ** -126, 1e-6, 1, 1e4, 3.4e38),
  fc.double({ min: -148, max: 127, noNaN: true }).map(exponent => 2 ** exponent)
)
const anyTerm = fc.oneof(fc.nat(15), fc.constantFrom(2 ** 20, 2 ** 31, 0xffff_fffe, 0xffff_ffff))
const anyVector = fc
  .uniqueArray(fc.tuple(anyTerm, anyWeight), { selector: ([term]) => term, maxLength: 12 })
  .map(entries => sparseVectorFromEntries(entries))

const FORMS: FinishOptions[] = [
  {},
  { kernel: 'typescript', windowDocuments: 512 },
  { metric: 'cosine' },
  { metric: 'cosine', kernel: 'typescript', maxSegmentBytes: 500 }
]

/** What JavaScript, or a careless cast, may hand in as a number. */
const anyNumber = fc.oneof(
  { weight: 8, arbitrary: fc.nat(20) },
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, -0, 0.5, 2 ** 32, 1e39, 1e-46),
  fc.double(),
  fc.constantFrom('1', 'x', null, undefined, true, 1n, {}, [], [2], new Date(0))
)
const anyList = fc.oneof(
  fc.array(anyNumber, { maxLength: 6 }),
  fc.array(fc.nat(20), { maxLength: 6 }),
  fc.array(fc.nat(20), { maxLength: 6 }).map(numbers => Float64Array.from(numbers)),
  fc.array(fc.nat(20), { maxLength: 6 }).map(numbers => Uint8Array.from(numbers)),
  anyNumber.map(length => ({ length, 0: 1, 1: 2 })),
  fc.constantFrom(new Array(1e8), new Float64Array(1e6), BigInt64Array.of(1n, 2n)),
  fc.constantFrom<unknown>('abc', new Map(), new Set([1]))
)
/** Names that mean something to a search; not `toString`, with which no message can be made. */
const anyName = fc.constantFrom('terms', 'weights', 'length', 'key', 'score', 'name', 'alpha', '0')
const anyQuery = fc.oneof(
  { weight: 6, arbitrary: fc.record({ terms: anyList, weights: anyList }) },
  { weight: 1, arbitrary: fc.record({ terms: anyList }) },
  {
    weight: 2,
    arbitrary: fc.anything({ key: anyName, withBigInt: true, withMap: true, withTypedArray: true })
  }
)

/** Runs what may fail with an error of this project only. */
async function answerOf<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof EsplanadeError)) throw error
    expect(error.message).not.toBe('')
    return undefined
  }
}

async function checkAll(
  index: SparseIndex,
  stored: readonly SparseVector[],
  query: SparseVector,
  options: SearchOptions
): Promise<void> {
  const ranking = fullRanking(stored, query, index.metric)
  for (const strategy of exactStrategies(options)) {
    const { hits } = await index.search(query, { ...options, strategy })
    const problem = difference(hits, expectedHits(ranking, options))
    expect(problem, `${strategy} ${shown(options)}`).toBe(undefined)
  }
}

describe('a fuzzed query', () => {
  const documents = Array.from({ length: 40 }, (_, i) =>
    sparseVectorFromEntries([
      [i % 5, 1 + (i % 3)],
      [5 + (i % 9), 0.5],
      [20 + i, 2]
    ])
  )
  let index: SparseIndex
  beforeAll(async () => {
    index = await buildIndex(documents)
  })

  it('of any weights that float32 holds is answered exactly, whatever the documents weigh', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyVector, { maxLength: 40 }),
        fc.array(anyVector, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...FORMS),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(9),
        async (vectors, queries, form, k, at) => {
          const built = await buildIndex(vectors, form.metric, form)
          for (const query of queries) {
            const { places, scoreOf } = fullRanking(vectors, query, built.metric)
            const minScore = scoreOf[places[at % Math.max(1, places.length)] ?? -1]
            await checkAll(built, vectors, query, { k })
            await checkAll(built, vectors, query, { k, minScore })
            if (minScore === undefined) continue
            const searchAfter = { key: `d${places[at % places.length]}`, score: minScore, rank: 1 }
            await checkAll(built, vectors, query, { k, searchAfter })
          }
        }
      ),
      { numRuns: 250 }
    ))

  it('of garbage is refused, or answered as what it stands for', () =>
    fc.assert(
      fc.asyncProperty(anyQuery, async given => {
        const query = given as SparseVector
        const result = await answerOf(() => index.search(query, { k: 50 }))
        if (result === undefined) return
        const terms = Uint32Array.from(query.terms)
        const weights = Float32Array.from(query.weights)
        const ranking = fullRanking(documents, { terms, weights }, 'dot')
        expect(difference(result.hits, expectedHits(ranking, { k: 50 }))).toBe(undefined)
      }),
      { numRuns: 2000 }
    ))

  it('of garbage is refused among others, and as a vector of a document', () =>
    fc.assert(
      fc.asyncProperty(anyQuery, async given => {
        const query = given as SparseVector
        await answerOf(() => index.searchMany([documents[0]!, query]))
        await answerOf(async () => index.scoresOf(query, ['d1']))
        await answerOf(async () => index.explain(query, 'd1'))
        await answerOf(() => buildIndex([query]))
      }),
      { numRuns: 500 }
    ))

  it('of hundreds of thousands of terms is answered', async () => {
    const many = sparseVectorFromEntries(
      Array.from({ length: 300_000 }, (_, i) => [i, 1 + (i % 4)] as const)
    )
    await checkAll(index, documents, many, { k: 50 })
  })

  it('with options of garbage is refused or answered', () => {
    const anyValue = fc.oneof(anyNumber, fc.anything({ key: anyName }))
    const anyOptions = fc.record(
      {
        k: anyValue,
        minScore: anyValue,
        filter: anyValue,
        liveDocs: anyValue,
        strategy: anyValue,
        searchAfter: fc.oneof(
          anyValue,
          fc.record({
            key: fc.oneof(fc.constant('d3'), anyValue),
            score: anyNumber,
            rank: anyNumber
          })
        )
      },
      { requiredKeys: [] }
    )
    return fc.assert(
      fc.asyncProperty(anyOptions, async options => {
        await answerOf(() => index.search(documents[7]!, options as SearchOptions))
      }),
      { numRuns: 1000 }
    )
  })
})
