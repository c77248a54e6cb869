import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DenseIndex } from '../../src/search/dense-index.ts'
import { DenseIndexBuilder } from '../../src/search/dense-index-builder.ts'
import { readDenseRows } from '../../src/search/dense-reader.ts'
import { exhaustiveDense } from '../../src/search/exhaustive-dense.ts'
import type { DenseMetric } from '../../src/vector/dense-vector.ts'
import { Random } from './random-collections.ts'

const NUM_CASES = Number(process.env.SEARCH_CASES ?? 250)
const SEED = Number(process.env.SEARCH_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** How the numbers of a collection are drawn; each kind is hard in a way of its own. */
const KINDS = ['normal', 'alike', 'small-integers', 'sparse', 'scales', 'extreme'] as const

interface Recipe {
  readonly seed: number
  readonly kind: (typeof KINDS)[number]
  readonly metric: DenseMetric
  readonly dimensions: number
  readonly numVectors: number
}

const recipes: fc.Arbitrary<Recipe> = fc.record({
  seed: fc.nat(),
  kind: fc.constantFrom(...KINDS),
  metric: fc.constantFrom('cosine', 'dot', 'euclidean'),
  dimensions: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 })),
  numVectors: fc.integer({ min: 0, max: 150 })
})

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(random.unit() + 1e-12)) * Math.cos(2 * Math.PI * random.unit())

function drawVector({ kind, dimensions }: Recipe, center: Float32Array, random: Random) {
  const scale = kind === 'extreme' ? 10 ** (random.below(76) - 38) : 10 ** (random.below(9) - 4)
  return Float32Array.from({ length: dimensions }, (_, i) => {
    switch (kind) {
      case 'normal':
        return normal(random)
      case 'alike':
        return center[i]! + 1e-4 * normal(random)
      case 'small-integers':
        return random.below(3) - 1
      case 'sparse':
        return random.chance(0.1) ? normal(random) : 0
      default:
        // Beyond 3.4e38 float32 has no numbers.
        return Math.max(-3e38, Math.min(3e38, scale * normal(random)))
    }
  })
}

function collectionOf(recipe: Recipe): { vectors: Float32Array[]; random: Random } {
  const random = new Random(recipe.seed)
  const center = Float32Array.from({ length: recipe.dimensions }, () => normal(random))
  const vectors: Float32Array[] = []
  while (vectors.length < recipe.numVectors) {
    // Some come twice, and so tie with themselves.
    const isAgain = vectors.length > 0 && random.chance(0.2)
    const vector = isAgain ? random.pick(vectors) : drawVector(recipe, center, random)
    const isZero = vector.every(value => value === 0)
    if (isZero && recipe.metric === 'cosine') vector[random.below(recipe.dimensions)] = 1
    vectors.push(vector)
  }
  return { vectors, random }
}

function indexOf(recipe: Recipe, vectors: readonly Float32Array[], precision: 'int8' | 'float32') {
  const builder = new DenseIndexBuilder(recipe.dimensions)
  for (const [i, vector] of vectors.entries()) builder.add(`d${i}`, vector)
  return builder.finish({ metric: recipe.metric, precision })
}

function queryOf(recipe: Recipe, vectors: readonly Float32Array[], random: Random): Float32Array {
  if (vectors.length > 0 && random.chance(0.3)) return random.pick(vectors)
  const query = drawVector(recipe, new Float32Array(recipe.dimensions).fill(0.5), random)
  if (query.every(value => value === 0) && recipe.metric === 'cosine') query[0] = 1
  return query
}

/** A text that tells two results apart to the last bit. */
const told = (hits: readonly { key: string; score: number }[], min: number, max: number) =>
  `${hits.map(({ key, score }) => `${key}:${score}`)} ${min} ${max}`

async function checkRecipe(recipe: Recipe): Promise<void> {
  const { vectors, random } = collectionOf(recipe)
  const exact = indexOf(recipe, vectors, 'float32')
  const screened = indexOf(recipe, vectors, 'int8')
  const plain = DenseIndex.fromBytes(screened.toBytes(), 'bytes', 'typescript')
  const indexes = [exact, screened, plain]
  expect(indexes.map(({ isWasm }) => isWasm)).toEqual([true, true, false])
  const rows = readDenseRows(exact.toBytes())
  for (let i = 0; i < 5; i++) {
    const query = queryOf(recipe, vectors, random)
    const all = exhaustiveDense(rows, query, {
      k: vectors.length + 1,
      filter: undefined,
      minScore: Number.NEGATIVE_INFINITY,
      after: undefined
    })
    const at = random.below(Math.max(1, all.ids.length))
    const isPaged = all.ids.length > 0 && random.chance(0.4)
    const after = isPaged ? { id: all.ids[at]!, score: all.scores[at]! } : undefined
    const minScore =
      all.ids.length > 0 && random.chance(0.3) ? random.pick(all.scores) : Number.NEGATIVE_INFINITY
    const k = random.pick([1, 2, 10, 1000, 2 ** 40])
    const passes = Array.from(vectors, () => random.chance(0.5))
    const isFiltered = random.chance(0.5)
    const setOf = (index: DenseIndex) =>
      isFiltered ? index.documentSet(key => passes[Number(key.slice(1))]!) : undefined
    const set = setOf(exact)
    const filter = set && { bits: set.bits, size: set.size }
    const oracle = exhaustiveDense(rows, query, { k, filter, minScore, after })
    const hits = oracle.ids.map((id, j) => ({ key: `d${id}`, score: oracle.scores[j]! }))
    const expected = told(hits, oracle.min, oracle.max)
    for (const index of indexes) {
      const result = await index.search(query, {
        k,
        minScore,
        filter: setOf(index),
        ...(after && { searchAfter: { key: `d${after.id}`, score: after.score, rank: 1 } })
      })
      expect(told(result.hits, result.min, result.max)).toBe(expected)
      const keys = [...index.keys()].reverse()
      const scores = result.scoresOf(keys)
      const byKey = new Map(all.ids.map((id, j) => [`d${id}`, all.scores[j]!]))
      expect([...scores]).toEqual(keys.map(key => byKey.get(key)))
    }
  }
}

describe('a dense index finds what the exhaustive search finds', () => {
  it(
    'in all precisions, by both kernels',
    async () => {
      await fc.assert(fc.asyncProperty(recipes, checkRecipe), { numRuns: NUM_CASES, seed: SEED })
    },
    60_000 + 200 * NUM_CASES
  )

  it('and scores few of many vectors that differ', async () => {
    const recipe: Recipe = {
      seed: 7,
      kind: 'normal',
      metric: 'cosine',
      dimensions: 128,
      numVectors: 5000
    }
    const { vectors, random } = collectionOf(recipe)
    const index = indexOf(recipe, vectors, 'int8')
    const query = queryOf(recipe, vectors, random)
    const { stats, hits } = await index.search(query, { k: 10 })
    expect(hits).toHaveLength(10)
    expect(stats.numScanned).toBe(5000)
    expect(stats.numScored).toBeLessThan(500)
  })
})

describe('by hand', () => {
  const cases: [DenseMetric, [string, number][]][] = [
    [
      'dot',
      [
        ['far', 20],
        ['same', 5],
        ['also', 5],
        ['zeroth', 0]
      ]
    ],
    [
      'euclidean',
      [
        ['same', 0],
        ['also', 0 - Math.sqrt(2)],
        ['zeroth', 0 - Math.sqrt(5)],
        ['far', 0 - Math.sqrt(45)]
      ]
    ]
  ]

  it.each(cases)('%s', async (metric, expected) => {
    for (const precision of ['int8', 'float32'] as const) {
      const builder = new DenseIndexBuilder(2)
      builder.add('zeroth', [0, 0])
      builder.add('same', [1, 2])
      builder.add('also', Float32Array.of(...(metric === 'dot' ? [5, 0] : [2, 1])))
      builder.add('far', [4, 8])
      const index = builder.finish({ metric, precision })
      const { hits, min, max } = await index.search([1, 2])
      const found = hits.map(({ key, score }) => [key, score])
      expect(found).toEqual(expected)
      expect(hits.map(({ rank }) => rank)).toEqual([1, 2, 3, 4])
      expect([min, max]).toEqual([expected.at(-1)![1], expected[0]![1]])
    }
  })

  it('cosine', async () => {
    const builder = new DenseIndexBuilder(2)
    builder.add('against', [-3, -4])
    builder.add('along', [6, 8])
    builder.add('across', [-4, 3])
    const { hits } = await builder.finish().search([3, 4])
    expect(hits.map(({ key, score }) => [key, score])).toEqual([
      ['along', 1],
      ['across', 0],
      ['against', -1]
    ])
  })
})
