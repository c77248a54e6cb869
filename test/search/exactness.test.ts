import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SearchOptions, SearchStats } from '../../src/search/search-options.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import type { FinishOptions } from '../../src/search/sparse-index-builder.ts'
import type { Strategy } from '../../src/search/strategy.ts'
import type { Hit } from '../../src/vector/hit.ts'
import type { Metric } from '../../src/vector/similarity.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'
import {
  anyRecipe,
  buildCollection,
  collectionOf,
  Random,
  type Recipe
} from './random-collections.ts'
import {
  difference,
  documentSets,
  exactStrategies,
  expectedHits,
  type FullRanking,
  fullRanking,
  randomOptions,
  randomQuery,
  shown
} from './random-queries.ts'

/**
 * Every exact strategy gives what comparing the query with one stored vector after the other gives:
 * the same keys, ranks and scores, bit for bit. A case is a query with options, searched by all
 * strategies. `SEARCH_CASES` asks for more of them, `SEARCH_SEED` for those of a failure.
 */
const NUM_CASES = Number(process.env.SEARCH_CASES ?? 10_000)
const SEED = process.env.SEARCH_SEED === undefined ? undefined : Number(process.env.SEARCH_SEED)

/** Each index is asked for this many cases: it takes as long to make as some 20 of them. */
const CASES_PER_INDEX = 100
const OPTIONS_PER_QUERY = 4
/** Time to make a failing collection smaller. */
const SHRINK_MS = 20_000

/** The ways in which an index is made, all combined. */
const FORMS: readonly Required<
  Pick<FinishOptions, 'kernel' | 'precision' | 'metric' | 'reorder'>
>[] = (['auto', 'typescript'] as const).flatMap(kernel =>
  (['float32', 'float16'] as const).flatMap(precision =>
    (['dot', 'cosine'] as const).flatMap(metric =>
      [true, false].map(reorder => ({ kernel, precision, metric, reorder }))
    )
  )
)

const indexesPerForm = Math.ceil(NUM_CASES / (FORMS.length * CASES_PER_INDEX))

/** What was seen, to know that the cases are what they should be. */
const seen = { numCases: 0, numSegments: 0, strategies: new Set<SearchStats['strategy']>() }

interface Case {
  readonly index: SparseIndex
  readonly query: SparseVector
  readonly ranking: FullRanking
  readonly options: SearchOptions
}

/** Searches by one strategy and says what is wrong with the answer. */
async function problemOf(
  { index, query, ranking, options }: Case,
  strategy: Strategy
): Promise<string | undefined> {
  const result = await index.search(query, { ...options, strategy })
  seen.strategies.add(result.stats.strategy)
  if (!result.rankSafe) return 'not rank-safe'
  return difference(result.hits, expectedHits(ranking, options))
}

async function checkCase(one: Case): Promise<void> {
  seen.numCases++
  for (const strategy of exactStrategies(one.options)) {
    const problem = await problemOf(one, strategy)
    if (problem === undefined) continue
    throw new Error(
      `'${strategy}': ${problem}; ${one.query.terms.length} terms, ${shown(one.options)}`
    )
  }
}

/** Goes from page to page; each is a case. */
async function checkPages(one: Case, numPages: number): Promise<void> {
  let searchAfter: Hit | undefined
  for (let page = 0; page < numPages; page++) {
    const options = { ...one.options, searchAfter }
    await checkCase({ ...one, options })
    searchAfter = expectedHits(one.ranking, options).at(-1)
    if (searchAfter === undefined) return
  }
}

/** The index holds what was added; in half precision 11 bits of each weight, or multiples of 2^-24. */
function checkStored(
  stored: readonly SparseVector[],
  added: readonly SparseVector[],
  isHalf: boolean
): void {
  expect(stored.length).toBe(added.length)
  for (const [place, { terms, weights }] of stored.entries()) {
    expect(terms).toEqual(added[place]!.terms)
    const isRight = weights.every((weight, i) => {
      const given = added[place]!.weights[i]!
      return Math.abs(weight - given) <= (isHalf ? Math.max(given * 2 ** -11, 2 ** -25) : 0)
    })
    if (!isRight) expect(weights).toEqual(added[place]!.weights)
  }
}

/** Smallest and largest score of all documents that may be hits, and the score of any document. */
async function checkExtremes({ index, query, ranking, options }: Case): Promise<void> {
  const { filter, liveDocs } = options
  const result = await index.search(query, options)
  const places = [...ranking.scoreOf.keys()].filter(
    place => filter?.has(place) !== false && liveDocs?.has(place) !== false
  )
  const scores = places.map(place => ranking.scoreOf[place]!)
  expect(result.min).toBe(scores.reduce((a, b) => Math.min(a, b), scores[0] ?? 0))
  expect(result.max).toBe(scores.reduce((a, b) => Math.max(a, b), 0))
  const some = places.slice(0, 20).reverse()
  const expected = some.map(place => ranking.scoreOf[place]!)
  expect([...result.scoresOf(some.map(place => `d${place}`))]).toEqual(expected)
}

async function checkRecipe(recipe: Recipe, form: FinishOptions): Promise<void> {
  const collection = collectionOf(recipe)
  const built = await buildCollection(collection, recipe, form)
  const isReopened = recipe.seed % 2 === 0
  const index = isReopened ? SparseIndex.fromBytes(built.toBytes(), undefined, form.kernel) : built
  expect(index.isWasm).toBe(form.kernel === 'auto')
  if (recipe.popularity === 'wide') expect(index.numTerms).toBeGreaterThan(65_536)
  seen.numSegments = Math.max(seen.numSegments, index.numSegments)
  const stored = Array.from(index.entries(), ([, vector]) => vector)
  checkStored(stored, collection.vectors, form.precision === 'float16')
  const random = new Random(~recipe.seed)
  const sets = documentSets(index, random)
  for (const end = seen.numCases + CASES_PER_INDEX; seen.numCases < end; ) {
    const query = randomQuery(collection, random)
    const ranking = fullRanking(stored, query, form.metric as Metric)
    for (let i = 1; i < OPTIONS_PER_QUERY; i++) {
      const options = randomOptions(index, ranking, sets, random)
      await checkCase({ index, query, ranking, options })
    }
    const options = randomOptions(index, ranking, sets, random)
    await checkPages({ index, query, ranking, options }, 4)
    await checkExtremes({ index, query, ranking, options })
  }
}

/** Checks random collections; when one fails, smaller ones are tried, but not for ever. */
async function checkRecipes(
  recipes: fc.Arbitrary<Recipe>,
  form: FinishOptions,
  numRuns: number
): Promise<void> {
  let stopAt = Number.POSITIVE_INFINITY
  const check = async (recipe: Recipe) => {
    if (performance.now() > stopAt) return
    try {
      await checkRecipe(recipe, form)
    } catch (error) {
      stopAt = Math.min(stopAt, performance.now() + SHRINK_MS)
      throw error
    }
  }
  await fc.assert(fc.asyncProperty(recipes, check), {
    numRuns,
    ...(SEED !== undefined && { seed: SEED })
  })
}

describe('every exact strategy finds what comparing every document finds', () => {
  const timeout = 60_000 + NUM_CASES * 20

  it.each(FORMS)('$kernel, $precision, $metric, reordered: $reorder', { timeout }, form =>
    checkRecipes(anyRecipe, form, indexesPerForm)
  )

  it.each([
    { precision: 'float32', kernel: 'auto' },
    { precision: 'float16', kernel: 'auto' },
    { precision: 'float32', kernel: 'typescript' }
  ] as const)('more than 65,536 terms, $precision, $kernel', { timeout }, form => {
    const wide = anyRecipe.map(recipe => ({
      ...recipe,
      numDocuments: Math.max(1000, recipe.numDocuments),
      popularity: 'wide' as const
    }))
    return checkRecipes(wide, form, 1)
  })

  it('did so with all strategies, on several segments, in as many cases as were asked for', () => {
    expect(seen.numCases).toBeGreaterThanOrEqual(NUM_CASES)
    expect(seen.numSegments).toBeGreaterThanOrEqual(3)
    expect([...seen.strategies].sort()).toEqual([
      'block-max',
      'document-at-a-time',
      'exhaustive',
      'max-score',
      'windowed'
    ])
  })
})
