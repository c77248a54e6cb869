import { describe, expect, it } from 'vitest'
import { EsplanadeError } from '../../src/errors.ts'
import { evaluate } from '../../src/eval/evaluate.ts'
import type { Qrels } from '../../src/eval/qrels.ts'
import { holm } from '../../src/eval/significance/holm.ts'
import { type FusionMethod, fuse } from '../../src/fusion/fuse.ts'
import { dealFolds } from '../../src/tune/cross-validation.ts'
import type { QueryLists } from '../../src/tune/judged-queries.ts'
import { type TuneFusionOptions, tuneFusion } from '../../src/tune/tune-fusion.ts'
import { listOf, randomLists, randomOf } from './made-lists.ts'

/**
 * A query whose relevant document is first where the weight of the list `a` is above, or below, a
 * threshold: it has all of one list, and a rival the right part of the other.
 */
function thresholdQuery(queryId: string, side: 'above' | 'below', threshold: number): QueryLists {
  const part = side === 'above' ? threshold / (1 - threshold) : (1 - threshold) / threshold
  const own = { right: 1 }
  const rival = { wrong: part }
  const bounds = [0, 1] as const
  const [a, b] = side === 'above' ? [own, rival] : [rival, own]
  return { queryId, lists: [listOf('a', a, { bounds }), listOf('b', b, { bounds })] }
}

const judgedRight = (queries: readonly QueryLists[]): Qrels =>
  new Map(queries.map(({ queryId }) => [queryId, new Map([['right', 1]])]))

/** Sides and thresholds in turn. */
function thresholdQueries(
  count: number,
  thresholds: readonly (readonly ['above' | 'below', number])[]
): QueryLists[] {
  return Array.from({ length: count }, (_, i) => {
    const [side, threshold] = thresholds[i % thresholds.length]!
    return thresholdQuery(`q${i}`, side, threshold)
  })
}

const KNOWN = [
  ['above', 0.585],
  ['below', 0.645],
  ['above', 0.615]
] as const

/** Random lists, and judgements that have nothing to do with them. */
function noise(count: number, seed: number): { queries: QueryLists[]; qrels: Qrels } {
  const random = randomOf(seed)
  const queries = Array.from({ length: count }, (_, i) => ({
    queryId: `q${i}`,
    lists: randomLists(random)
  }))
  const judge = () =>
    new Map(Array.from({ length: 5 }, () => [`d${Math.floor(random() * 40)}`, 1] as const))
  return { queries, qrels: new Map(queries.map(({ queryId }) => [queryId, judge()])) }
}

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(EsplanadeError)
  return `${(error as EsplanadeError).code}: ${(error as EsplanadeError).message}`
}

describe('tuneFusion', () => {
  it('finds the weights that are known to be the best, finer than the first grid', async () => {
    const queries = thresholdQueries(60, KNOWN)
    const result = await tuneFusion(queries, judgedRight(queries), { metric: 'RR' })
    // .62, .63 and .64 put every relevant document first; .62 is nearest to halves.
    expect(result.fusion).toEqual({
      method: 'convex',
      normalization: 'min-max',
      weights: { a: 0.62, b: 0.38 },
      depth: 1000
    })
    expect(result.ownMean).toBe(1)
    expect(result.heldOut).toEqual({ mean: 1, low: 1, high: 1 })
    // Halves: only the third that wants less than .645.
    expect(result.baseline.fusion.weights).toEqual({ a: 0.5, b: 0.5 })
    expect(result.baseline.mean).toBeCloseTo(2 / 3, 12)
    expect(result.difference.mean).toBeCloseTo(1 / 3, 12)
    expect(result.difference).toMatchObject({ wins: 40, ties: 20, losses: 0 })
    expect(result.difference.low).toBeGreaterThan(0.2)
    expect(result.difference.pValue).toBeLessThan(1e-4)
    expect(result.folds.map(({ numQueries }) => numQueries)).toEqual([12, 12, 12, 12, 12])
    for (const { fusion } of result.folds) expect(fusion.weights).toEqual({ a: 0.62, b: 0.38 })
  })

  it('measures each fold with what the others taught, never with its own', async () => {
    // A single query wants a weight that all others do not.
    const queries = [...thresholdQueries(11, [['below', 0.3]]), thresholdQuery('odd', 'above', 0.8)]
    const result = await tuneFusion(queries, judgedRight(queries), { metric: 'RR', numFolds: 3 })
    expect(result.heldOutValues[11]).toBe(0.5)
    expect(result.heldOut.mean).toBeCloseTo((11 + 0.5) / 12, 12)
  })

  it('starts from the weights that the lists come with', async () => {
    const thresholds = [
      ['above', 0.585],
      ['below', 0.665],
      ['above', 0.615]
    ] as const
    const queries = thresholdQueries(30, thresholds).map(({ queryId, lists }) => ({
      queryId,
      lists: lists.map(list => ({ ...list, weight: list.name === 'a' ? 3 : 1 }))
    }))
    const result = await tuneFusion(queries, judgedRight(queries), { metric: 'RR' })
    expect(result.baseline.fusion.weights).toEqual({ a: 0.75, b: 0.25 })
    // All from .62 to .66 are as good.
    expect(result.fusion.weights).toEqual({ a: 0.66, b: 0.34 })
  })

  it('learns nothing from judgements by chance, and says so', async () => {
    const results = []
    for (let seed = 1; seed <= 8; seed++) {
      const { queries, qrels } = noise(60, seed)
      results.push(await tuneFusion(queries, qrels))
    }
    for (const { ownMean, heldOut, baseline } of results) {
      // What the best of the grid has on its own queries looks like a gain, and is none.
      expect(ownMean).toBeGreaterThan(baseline.mean)
      expect(heldOut.mean).toBeLessThan(ownMean)
    }
    const corrected = holm(results.map(({ difference }) => difference.pValue))
    expect(Math.min(...corrected)).toBeGreaterThan(0.05)
    // Intervals of 95 % may miss now and then.
    const covering = results.filter(({ difference: { low, high } }) => low <= 0 && high >= 0)
    expect(covering.length).toBeGreaterThanOrEqual(6)
  })

  it('has the default mean that evaluate gives the fused run', async () => {
    const { queries, qrels } = noise(20, 5)
    const fusion: FusionMethod = { method: 'convex', normalization: 'z-score' }
    const { baseline, baselineValues, queryIds } = await tuneFusion(queries, qrels, {
      baseline: fusion,
      metric: 'AP'
    })
    const run = new Map(queries.map(({ queryId, lists }) => [queryId, fuse(lists, fusion)]))
    const report = evaluate(run, qrels, ['AP'], { order: 'given' })
    expect(baseline.mean).toBeCloseTo(report.means.AP!, 12)
    expect(queryIds).toEqual(report.queryIds)
    for (const [i, value] of report.perQuery.AP!.entries()) {
      expect(baselineValues[i]).toBeCloseTo(value, 12)
    }
  })

  it('chooses among methods, too', async () => {
    // One outlier makes all other scores of a list nearly 0, which ranks do not mind.
    const queries = Array.from({ length: 20 }, (_, i): QueryLists => {
      const a = listOf('a', { spam: 1000, right: 3, [`x${i}`]: 2 })
      const b = listOf('b', { [`x${i}`]: 3, right: 2.9, y: 1, z: 0.5, spam: 0.1 })
      return { queryId: `q${i}`, lists: [a, b] }
    })
    const methods: FusionMethod[] = [{ method: 'convex' }, { method: 'rrf' }]
    const options: TuneFusionOptions = { metric: 'RR', methods }
    const both = await tuneFusion(queries, judgedRight(queries), options)
    expect(both.fusion.method).toBe('rrf')
    const convex = await tuneFusion(queries, judgedRight(queries), { metric: 'RR' })
    expect(convex.ownMean).toBeLessThan(both.ownMean)
  })

  it('gives the same for the same seed, and other folds for another', async () => {
    const { queries, qrels } = noise(40, 9)
    const [first, again, other] = [
      await tuneFusion(queries, qrels, { seed: 4 }),
      await tuneFusion(queries, qrels, { seed: 4 }),
      await tuneFusion(queries, qrels, { seed: 5 })
    ]
    expect(again).toEqual(first)
    expect(other.fusion).toEqual(first.fusion)
    expect(other.heldOutValues).not.toEqual(first.heldOutValues)
  })

  it("counts as trec_eval's -c does", async () => {
    const queries = thresholdQueries(30, KNOWN)
    const qrels = new Map(judgedRight(queries))
    qrels.set('lost', new Map([['right', 1]]))
    qrels.set('empty', new Map([['right', 1]]))
    qrels.set('hopeless', new Map([['right', 0]]))
    const none = [listOf('a', {}), listOf('b', {})]
    const more = [
      ...queries,
      { queryId: 'empty', lists: none },
      thresholdQuery('hopeless', 'above', 0.5),
      thresholdQuery('unasked', 'above', 0.5)
    ]
    const result = await tuneFusion(more, qrels, { metric: 'RR' })
    expect(result.unansweredQueryIds).toEqual(['lost', 'empty'])
    expect(result.unanswerableQueryIds).toEqual(['hopeless'])
    expect(result.unjudgedQueryIds).toEqual(['unasked'])
    expect(result.heldOutValues).toHaveLength(33)
    // Two lists of the rest have one document each; `hopeless` has a judged one as well.
    expect(result.numJudgedHits).toBe(31)
    expect(result.heldOut.mean).toBeCloseTo(30 / 33, 12)
  })

  it('reads an async source once, says how far it is, and stops', async () => {
    const { queries, qrels } = noise(30, 2)
    async function* source() {
      yield* queries
    }
    const heard: unknown[] = []
    const onProgress = (progress: unknown) => heard.push(progress)
    await tuneFusion(source(), qrels, { onProgress })
    expect(heard.at(-1)).toEqual({ done: 60, total: 60 })
    const controller = new AbortController()
    const stopped = tuneFusion(source(), qrels, {
      signal: controller.signal,
      onProgress: () => controller.abort()
    })
    expect(await codeOf(stopped)).toContain('ABORTED')
    expect(await codeOf(tuneFusion(source(), qrels, { signal: AbortSignal.abort() }))).toContain(
      'ABORTED'
    )
  })

  it.each<[string, QueryLists[], Qrels | undefined, TuneFusionOptions, RegExp]>([
    [
      'too few queries',
      thresholdQueries(9, KNOWN),
      undefined,
      {},
      /INVALID_ARGUMENT.* 9 can be learned from.*10 or more/s
    ],
    [
      'one fold',
      thresholdQueries(9, KNOWN),
      undefined,
      { numFolds: 1 },
      /INVALID_ARGUMENT.*from 2/s
    ],
    ['half a fold', thresholdQueries(9, KNOWN), undefined, { numFolds: 2.5 }, /INVALID_ARGUMENT/],
    ['no depth', thresholdQueries(10, KNOWN), undefined, { depth: 0 }, /INVALID_ARGUMENT.*depth/s],
    ['no methods', thresholdQueries(10, KNOWN), undefined, { methods: [] }, /INVALID_ARGUMENT/],
    [
      'an unknown metric',
      thresholdQueries(10, KNOWN),
      undefined,
      { metric: 'nDGC@10' },
      /METRIC_UNKNOWN/
    ],
    [
      'one list',
      thresholdQueries(10, KNOWN).map(({ queryId, lists }) => ({ queryId, lists: lists.slice(1) })),
      undefined,
      {},
      /INVALID_ARGUMENT.*two or more/s
    ],
    [
      'a query twice',
      [...thresholdQueries(10, KNOWN), ...thresholdQueries(1, KNOWN)],
      undefined,
      {},
      /INVALID_ARGUMENT.*twice/s
    ],
    [
      'lists that differ',
      [
        ...thresholdQueries(10, KNOWN),
        { queryId: 'last', lists: [listOf('b', {}), listOf('a', {})] }
      ],
      undefined,
      {},
      /INVALID_ARGUMENT.*query last.*b, a/s
    ],
    [
      'weights of 0',
      thresholdQueries(10, KNOWN).map(({ queryId, lists }) => ({
        queryId,
        lists: lists.map(list => ({ ...list, weight: 0 }))
      })),
      undefined,
      {},
      /INVALID_ARGUMENT.*weight/s
    ],
    [
      'other judgements',
      thresholdQueries(10, KNOWN),
      new Map([['x', new Map([['right', 1]])]]),
      {},
      /TOPICS_INVALID.*none of the 10 queries/s
    ],
    ['no judgement', thresholdQueries(10, KNOWN), new Map(), {}, /QRELS_INVALID/],
    ['no query', [], new Map([['x', new Map([['right', 1]])]]), {}, /TOPICS_INVALID/]
  ])('refuses %s', async (_, queries, qrels, options, message) => {
    expect(await codeOf(tuneFusion(queries, qrels ?? judgedRight(queries), options))).toMatch(
      message
    )
  })
})

describe('folds', () => {
  it('have every query once, in sizes that differ by one at most', () => {
    const foldOf = dealFolds(23, 5, 1)
    const sizes = Array.from({ length: 5 }, (_, fold) => foldOf.filter(of => of === fold).length)
    expect(sizes.sort()).toEqual([4, 4, 5, 5, 5])
    expect(foldOf).toEqual(dealFolds(23, 5, 1))
    expect(foldOf).not.toEqual(dealFolds(23, 5, 2))
    // Shuffled: neighbours in the file need not be in different folds.
    expect(Array.from(foldOf)).not.toEqual(Array.from({ length: 23 }, (_, i) => i % 5))
  })
})
