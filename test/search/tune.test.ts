import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SearchOptions, SearchResult } from '../../src/search/search-options.ts'
import type { ApproximateStrategy } from '../../src/search/strategy.ts'
import { tuneApproximate } from '../../src/search/tune.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { buildIndex } from './conformance.ts'

type Setting = Required<{ [K in 'alpha' | 'gamma' | 'queryTerms']: number }>

/** An index of which a test says what a setting finds and how long it takes. */
interface Pretended {
  /** Hits of the exact ten that a query misses; by default none. */
  readonly misses?: (setting: Setting, query: number) => number
  /** Documents that tie with the tenth, found in the place of those that are missed. */
  readonly ties?: boolean
  readonly ticks: (setting: Setting | 'exact') => number
}

/** Short, so that no pause for the event loop is due, and a power of two, so that sums are exact. */
const TICK_MS = 2 ** -20

const EXACT_KEYS = Array.from({ length: 10 }, (_, i) => `exact${i}`)

/** Its searches advance a clock that stands still otherwise. */
function pretend({ misses = () => 0, ties = false, ticks }: Pretended): {
  asked: ApproximateStrategy[]
  search: (query: SparseVector, options?: SearchOptions) => Promise<SearchResult>
} {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const asked: ApproximateStrategy[] = []
  const scoreOf = (key: string) => {
    if (!key.startsWith('exact')) return ties ? 1 : 0.5
    return 10 - EXACT_KEYS.indexOf(key)
  }
  const search = async ({ terms }: SparseVector, { strategy }: SearchOptions = {}) => {
    const isExact = typeof strategy === 'string'
    if (!isExact) asked.push(strategy!)
    const setting = isExact ? undefined : withDefaults(strategy!)
    const cost = ticks(setting ?? 'exact')
    now += cost * TICK_MS
    const numMissed = setting === undefined ? 0 : misses(setting, terms[0]!)
    const missing = Array.from({ length: numMissed }, (_, i) => `other${i}`)
    const keys = [...EXACT_KEYS.slice(0, 10 - numMissed), ...missing]
    return {
      hits: keys.map((key, i) => ({ key, score: scoreOf(key), rank: i + 1 })),
      min: 0,
      max: 10,
      rankSafe: isExact,
      stats: {
        strategy: 'approximate' as const,
        numQueryTerms: 30,
        numUnknownTerms: 0,
        numPostings: cost,
        numBlocks: 0,
        numScored: 0
      },
      scoresOf: (wanted: string[]) => Float64Array.from(wanted, scoreOf)
    }
  }
  return { asked, search }
}

function withDefaults({ alpha = 1, gamma = 1, queryTerms = 30 }: ApproximateStrategy): Setting {
  return { alpha, gamma, queryTerms }
}

const queries = Array.from({ length: 8 }, (_, i) => sparseVector([i], [1]))
const proportional = (setting: Setting | 'exact') =>
  setting === 'exact' ? 30 : setting.alpha * setting.gamma * setting.queryTerms

afterEach(() => {
  vi.restoreAllMocks()
})

describe('tuneApproximate', () => {
  it('takes the fastest setting that finds enough', async () => {
    const misses = ({ alpha, gamma, queryTerms }: Setting) =>
      Number(alpha < 0.6) + Number(gamma < 0.8) + Number(queryTerms < 16)
    const index = pretend({ misses, ticks: proportional })
    const { best, exactLatencyMs, sampleSize } = await tuneApproximate(index, queries)
    expect({ exactLatencyMs, sampleSize }).toEqual({ exactLatencyMs: 30 * TICK_MS, sampleSize: 8 })
    expect(best).toMatchObject({
      strategy: { name: 'approximate', alpha: 0.6, gamma: 0.8, queryTerms: 16 },
      overlap: 1,
      overlapOfHalves: [1, 1]
    })
    expect(best!.latencyMs).toBeCloseTo(0.6 * 0.8 * 16 * TICK_MS, 9)
    const lower = await tuneApproximate(index, queries, { overlap: 0.9 })
    expect(lower.best!.latencyMs).toBeLessThan(best!.latencyMs)
    expect(lower.best!.overlap).toBe(0.9)
  })

  it('measures nothing that gives up more than a setting that found too little', async () => {
    const misses = ({ alpha }: Setting) => Number(alpha < 0.6)
    const index = pretend({ misses, ticks: proportional })
    const { settings } = await tuneApproximate(index, queries)
    const isShort = ({ alpha = 1 }: ApproximateStrategy) => alpha < 0.6
    expect(settings.filter(({ strategy }) => isShort(strategy))).toHaveLength(1)
    expect(index.asked.filter(({ alpha = 1 }) => alpha < 0.4)).toEqual([])
  })

  it('leaves out values that change nothing', async () => {
    // As where the queries are short and the index has a single window.
    const ticks = (setting: Setting | 'exact') => (setting === 'exact' ? 30 : 30 * setting.alpha)
    const { settings } = await tuneApproximate(pretend({ ticks }), queries)
    expect(settings.map(({ strategy }) => strategy)).toEqual(
      [1, 0.8, 0.6, 0.4, 0.3, 0.2].map(alpha => ({ name: 'approximate', alpha, gamma: 1 }))
    )
  })

  it('does not trust one half of the sample', async () => {
    const misses = ({ alpha }: Setting, query: number) => (query % 2 === 1 && alpha < 0.8 ? 1 : 0)
    const index = pretend({ misses, ticks: proportional })
    const { best, settings } = await tuneApproximate(index, queries, { overlap: 0.95 })
    expect(best!.strategy.alpha).toBe(0.8)
    const lucky = settings.find(({ strategy }) => strategy.alpha === 0.6)
    expect(lucky).toMatchObject({ overlap: 0.95, overlapOfHalves: [1, 0.9] })
  })

  it('counts a document that ties with the last one as found', async () => {
    const misses = ({ alpha }: Setting) => Number(alpha < 1)
    const index = pretend({ misses, ties: true, ticks: proportional })
    const { settings } = await tuneApproximate(index, queries)
    expect(settings.every(({ overlap }) => overlap === 1)).toBe(true)
  })

  it('chooses nothing where exact is as fast', async () => {
    const ticks = (setting: Setting | 'exact') =>
      setting === 'exact' ? 30 : 29 + proportional(setting) / 100
    const { best, settings } = await tuneApproximate(pretend({ ticks }), queries)
    expect(best).toBeUndefined()
    expect(settings.length).toBeGreaterThan(0)
  })

  it('is not misled by a pause of the machine', async () => {
    let numSearches = 0
    const ticks = (setting: Setting | 'exact') => (setting === 'exact' ? 20 : 10)
    const slow = pretend({ ticks: setting => (++numSearches % 97 === 0 ? 5000 : ticks(setting)) })
    const { exactLatencyMs, best } = await tuneApproximate(slow, queries)
    expect([exactLatencyMs, best!.latencyMs]).toEqual([20 * TICK_MS, 10 * TICK_MS])
  })
})

describe('tuneApproximate on a real index', () => {
  /** Weights and terms of a fixed sequence, frequent terms the most. */
  const vectors = (count: number, numTerms: number, seed: number) => {
    let state = seed
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      return state / 0x7fffffff
    }
    return Array.from({ length: count }, () => {
      const terms = new Set<number>()
      while (terms.size < numTerms) terms.add(Math.floor(400 * random() ** 2))
      const sorted = [...terms].sort((a, b) => a - b)
      const weights = sorted.map(() => 0.1 + 2 * random() ** 3)
      return sparseVector(sorted, weights)
    })
  }

  it('never finds more than exact search, and its choice holds', async () => {
    const index = await buildIndex(vectors(3000, 25, 1))
    const sample = vectors(20, 20, 2)
    const options = { overlap: 0.9, k: 5, passes: 2 }
    const { settings, best, exactLatencyMs } = await tuneApproximate(index, sample, options)
    expect(settings[0]!.strategy).toEqual({ name: 'approximate', alpha: 1, gamma: 1 })
    for (const { overlap, overlapOfHalves, latencyMs } of settings) {
      expect(Math.max(overlap, ...overlapOfHalves)).toBeLessThanOrEqual(1)
      expect(overlap).toBeCloseTo((overlapOfHalves[0] + overlapOfHalves[1]) / 2, 12)
      expect(latencyMs).toBeGreaterThan(0)
    }
    if (best !== undefined) {
      expect(settings).toContain(best)
      expect(best.latencyMs).toBeLessThan(exactLatencyMs)
      expect(Math.min(...best.overlapOfHalves)).toBeGreaterThanOrEqual(0.9 - 1e-9)
    }
    // What is said of a setting is what a search with it finds.
    const { strategy, overlap } = settings.at(-1)!
    let numFound = 0
    for (const query of sample) {
      const exact = await index.search(query, { k: 5, strategy: 'exhaustive' })
      const found = await index.search(query, { k: 5, strategy })
      const keys = new Set(exact.hits.map(({ key }) => key))
      numFound += found.hits.filter(({ key }) => keys.has(key)).length
    }
    expect(overlap).toBeCloseTo(numFound / (5 * sample.length), 12)
  })

  it('leaves out queries without hits, and wants two with some', async () => {
    const index = await buildIndex([sparseVector([1, 2], [1, 2])])
    const [found, none] = [sparseVector([1], [1]), sparseVector([3], [1])]
    const { sampleSize, settings } = await tuneApproximate(index, [found, none, found])
    expect(sampleSize).toBe(2)
    expect(settings[0]!.overlap).toBe(1)
    for (const few of [[], [found], [found, none]]) {
      await expect(tuneApproximate(index, few)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        place: 'queries'
      })
    }
  })

  it.each([
    ['overlap', 0],
    ['overlap', 1.01],
    ['overlap', Number.NaN],
    ['k', 0],
    ['k', 2.5],
    ['passes', 0],
    ['passes', Number.POSITIVE_INFINITY]
  ])('refuses %s %d', async (name, value) => {
    const index = await buildIndex(vectors(3, 3, 1))
    const tuned = tuneApproximate(index, vectors(2, 3, 1), { [name]: value })
    await expect(tuned).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place: name })
  })

  it('says how far it is, and stops when told to', async () => {
    const index = await buildIndex(vectors(500, 20, 1))
    const sample = vectors(10, 10, 2)
    const seen: { done: number; total?: number }[] = []
    await tuneApproximate(index, sample, { onProgress: progress => seen.push(progress) })
    const { done, total } = seen.at(-1)!
    expect(done).toBe(total)
    expect(seen.every((one, i) => i === 0 || one.done > seen[i - 1]!.done)).toBe(true)
    const aborted = { code: 'ABORTED' }
    const before = tuneApproximate(index, sample, { signal: AbortSignal.abort() })
    await expect(before).rejects.toMatchObject(aborted)
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    const during = tuneApproximate(index, sample, {
      signal: controller.signal,
      onProgress,
      passes: 10_000
    })
    await expect(during).rejects.toMatchObject(aborted)
  })
})
