import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { combMnz } from '../../src/fusion/comb-mnz.ts'
import { combSum } from '../../src/fusion/comb-sum.ts'
import { convexCombination } from '../../src/fusion/convex-combination.ts'
import { explainFusion } from '../../src/fusion/explain-fusion.ts'
import { type FusionMethod, fuse } from '../../src/fusion/fuse.ts'
import type { FusedHit, FusionList } from '../../src/fusion/fusion-list.ts'
import { rrf } from '../../src/fusion/rrf.ts'
import type { RankedList } from '../../src/vector/hit.ts'

const golden = JSON.parse(
  readFileSync(new URL('../golden/fusion.json', import.meta.url), 'utf8')
) as {
  weights: number[]
  runs: Record<string, Record<string, number>>
  expected: Record<string, [string, number][]>
}

/** A list of these scores; `others` are the true scores of documents that it does not have. */
function ranked(
  scores: Readonly<Record<string, number>>,
  bounds?: readonly [min: number, max: number],
  others: Readonly<Record<string, number>> = {}
): RankedList {
  const sorted = Object.entries(scores).sort(([, a], [, b]) => b - a)
  const values = sorted.map(([, score]) => score)
  return {
    hits: sorted.map(([key, score], i) => ({ key, score, rank: i + 1 })),
    min: bounds?.[0] ?? Math.min(...values),
    max: bounds?.[1] ?? Math.max(...values),
    scoresOf: keys => Float64Array.from(keys, key => scores[key] ?? others[key] ?? 0)
  }
}

function listsOf(weights: readonly number[] = [1, 1, 1]): FusionList[] {
  return Object.entries(golden.runs).map(([name, scores], i) => ({
    name,
    list: ranked(scores),
    missing: 'zero',
    weight: weights[i]!
  }))
}

function expectSame(hits: readonly FusedHit[], expected: readonly [string, number][]): void {
  // The order of ties is ours: reciprocal ranks have some.
  const scores = new Map(expected)
  expect(new Set(hits.map(({ key }) => key))).toEqual(new Set(scores.keys()))
  for (const [i, { key, score }] of hits.entries()) {
    expect(score).toBeCloseTo(scores.get(key)!, 9)
    expect(score).toBeCloseTo(expected[i]![1], 9)
  }
}

describe('as ranx fuses', () => {
  it('rrf', () => {
    expectSame(rrf(listsOf()), golden.expected.rrf!)
    expectSame(rrf(listsOf(), { rankConstant: 10 }), golden.expected['rrf-10']!)
  })
  it('CombSUM and CombMNZ', () => {
    expectSame(combSum(listsOf()), golden.expected['comb-sum']!)
    expectSame(combMnz(listsOf()), golden.expected['comb-mnz']!)
  })
  it('weighted sum of min-max: CombSUM with weights', () => {
    expectSame(combSum(listsOf(golden.weights)), golden.expected.weighted!)
  })
})

describe('convex combination', () => {
  const sparse: FusionList = {
    name: 'sparse',
    list: ranked({ a: 8, b: 4 }, [0, 8]),
    missing: 'zero',
    weight: 1
  }
  const dense: FusionList = {
    name: 'dense',
    list: ranked({ c: 0.9, a: 0.5 }, [0.1, 0.9], { b: 0.3 }),
    missing: 'score',
    weight: 3
  }
  it('takes minimum and maximum from all documents, and true scores where a list says so', () => {
    const hits = convexCombination([sparse, dense])
    expect(hits.map(({ key, score }) => [key, score])).toEqual([
      ['c', 0.75],
      ['a', expect.closeTo(0.25 + 0.75 * 0.5, 12)],
      ['b', expect.closeTo(0.25 * 0.5 + 0.75 * 0.25, 12)]
    ])
    expect(hits[2]!.parts).toEqual([
      { list: 'sparse', rank: 2, score: 4, normalized: 0.5, factor: 0.25, value: 0.125 },
      {
        list: 'dense',
        score: 0.3,
        normalized: expect.closeTo(0.25, 12),
        factor: 0.75,
        value: expect.closeTo(0.1875, 12)
      }
    ])
  })
  it('is a single α over the scores as they are', () => {
    const alpha = 0.6
    const hits = convexCombination(
      [
        { ...sparse, weight: 1 - alpha },
        { ...dense, weight: alpha }
      ],
      { normalization: 'none' }
    )
    expect(hits[0]).toMatchObject({ key: 'a', score: expect.closeTo(0.4 * 8 + 0.6 * 0.5, 12) })
  })
  it.each(['min-max', 'z-score', 'dbsf', 'none'] as const)(
    'asks for fewer true scores where a bound is known, and finds the same: %s',
    normalization => {
      const scores = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 30, maxLength: 30 })
      fc.assert(
        fc.property(scores, scores, fc.nat(6), fc.integer({ min: 1, max: 9 }), (a, b, cut, k) => {
          const all = Object.fromEntries(b.map((score, i) => [`d${i}`, score]))
          const best = b.map((score, i) => [`d${i}`, score] as const).sort((x, y) => y[1] - x[1])
          const asked: string[] = []
          const list = ranked(Object.fromEntries(best.slice(0, 12)), [Math.min(...b), 8], all)
          const { scoresOf } = list
          list.scoresOf = keys => {
            asked.push(...keys)
            return scoresOf(keys)
          }
          const term: FusionList = {
            name: 'terms',
            list: ranked(Object.fromEntries(a.slice(0, 20).map((score, i) => [`d${i}`, score]))),
            missing: 'zero',
            weight: 2
          }
          const dense: FusionList = { name: 'dense', list, missing: 'score' }
          const bound = { ...dense, missingAtMost: best[11]![1] }
          const options = { normalization, k, depth: 12 - cut }
          const expected = convexCombination([term, dense], options)
          const numAsked = asked.splice(0).length
          expect(convexCombination([term, bound], options)).toEqual(expected)
          expect(asked.length).toBeLessThanOrEqual(numAsked)
        })
      )
    }
  )
  it('asks for no true score that cannot matter', () => {
    const asked: (readonly string[])[] = []
    const list = ranked({ a: 9, b: 8 }, [0, 9], { c: 7, d: 1 })
    const scoresOf = (keys: readonly string[]) => {
      asked.push(keys)
      return list.scoresOf(keys)
    }
    const dense: FusionList = {
      name: 'dense',
      list: { ...list, scoresOf },
      missing: 'score',
      missingAtMost: 8
    }
    const terms = { name: 'terms', list: ranked({ c: 5, d: 1 }, [0, 5]), missing: 'zero' } as const
    expect(convexCombination([terms, dense], { k: 1 })[0]!.key).toBe('c')
    // c: at most 1/2 + 8/18, in truth 1/2 + 7/18; d: at most 1/10 + 8/18; a: 1/2.
    expect(asked).toEqual([['c']])
    expect(convexCombination([terms, dense], { k: 2 }).map(({ key }) => key)).toEqual(['c', 'a'])
    // First the two that have the largest bounds, c and d; then nobody is left.
    expect(asked[1]).toEqual(['c', 'd'])
  })
  it('z-score and DBSF take mean and deviation from the hits', () => {
    const list = ranked({ a: 3, b: 1 })
    const only: FusionList[] = [{ name: 'x', list, missing: 'zero' }]
    const zs = convexCombination(only, { normalization: 'z-score' })
    expect(zs.map(({ score }) => score)).toEqual([1, -1])
    // Mean 2, deviation 1: −1 becomes 0, 5 becomes 1.
    const fused = convexCombination(only, { normalization: 'dbsf' })
    expect(fused.map(({ score }) => score)).toEqual([
      expect.closeTo(4 / 6, 12),
      expect.closeTo(2 / 6, 12)
    ])
  })
  it('gives equal scores their defined values', () => {
    const same: FusionList[] = [{ name: 'x', list: ranked({ a: 2, b: 2 }), missing: 'zero' }]
    const scores = (normalization: 'min-max' | 'z-score' | 'dbsf') =>
      convexCombination(same, { normalization }).map(({ score }) => score)
    expect(scores('min-max')).toEqual([0, 0])
    expect(scores('z-score')).toEqual([0, 0])
    expect(scores('dbsf')).toEqual([0.5, 0.5])
  })
})

const METHODS: readonly FusionMethod[] = [
  { method: 'rrf' },
  { method: 'rrf', rankConstant: 1 },
  { method: 'convex' },
  { method: 'convex', normalization: 'z-score' },
  { method: 'convex', normalization: 'dbsf' },
  { method: 'convex', normalization: 'none' },
  { method: 'comb-sum' },
  { method: 'comb-mnz' }
]

describe.each(METHODS)('%j', method => {
  const lists = fc
    .array(
      fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 4 })), {
        selector: ([key]) => key,
        maxLength: 15
      }),
      { minLength: 1, maxLength: 4 }
    )
    .map(runs =>
      runs.map((run, i): FusionList => {
        const list = ranked(
          Object.fromEntries(run.map(([key, score]) => [`d${key}`, score])),
          [0, 4]
        )
        return { name: `list ${i}`, list, missing: i % 2 ? 'score' : 'zero', weight: 1 + i }
      })
    )

  it('explains every score, ranks without gaps, and cuts where it is told to', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 30 }), (given, k) => {
        const all = fuse(given, method)
        const found = new Set(given.flatMap(({ list }) => list.hits.map(({ key }) => key)))
        expect(new Set(all.map(({ key }) => key))).toEqual(found)
        for (const [i, hit] of all.entries()) {
          expect(hit.rank).toBe(i + 1)
          if (i > 0) expect(hit.score).toBeLessThanOrEqual(all[i - 1]!.score)
          const { value, details } = explainFusion(hit)
          expect(details.reduce((sum, detail) => sum + detail.value, 0)).toBe(value)
          expect(value).toBe(hit.score)
        }
        expect(fuse(given, method, { k })).toEqual(all.slice(0, k))
      })
    )
  })

  it('puts ties as the first list has them', () => {
    fc.assert(
      fc.property(lists, given => {
        const all = fuse(given, method)
        const rankIn = (at: number, key: string) =>
          given[at]!.list.hits.find(hit => hit.key === key)?.rank ?? 1e9
        for (let i = 1; i < all.length; i++) {
          const [a, b] = [all[i - 1]!, all[i]!]
          if (a.score !== b.score) continue
          const decides = given.findIndex((_, at) => rankIn(at, a.key) !== rankIn(at, b.key))
          expect(rankIn(decides, a.key)).toBeLessThan(rankIn(decides, b.key))
        }
      })
    )
  })
})

describe('what is no fusion', () => {
  const list = ranked({ a: 1 })
  const one: FusionList = { name: 'x', list, missing: 'zero' }
  it.each<[string, () => unknown]>([
    ['two lists of one name', () => rrf([one, one])],
    ['a weight below 0', () => rrf([{ ...one, weight: -1 }])],
    ['a weight that is none', () => rrf([{ ...one, weight: Number.NaN }])],
    ['weights that are all 0', () => convexCombination([{ ...one, weight: 0 }])],
    ['a rank constant below 0', () => rrf([one], { rankConstant: -1 })],
    ['a depth of 0', () => rrf([one], { depth: 0 })],
    ['k that is no count', () => rrf([one], { k: 1.5 })],
    ['a score that is NaN', () => combSum([{ ...one, list: ranked({ a: Number.NaN }) }])],
    [
      'a document twice',
      () => rrf([{ ...one, list: { ...list, hits: [...list.hits, ...list.hits] } }])
    ],
    ['an unknown normalisation', () => convexCombination([one], { normalization: 'max' as never })],
    ['an unknown method', () => fuse([one], { method: 'borda' } as never)]
  ])('%s', (_, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
  it('no hits at all are no hits', () => {
    const empty: RankedList = { hits: [], min: 0, max: 0, scoresOf: () => new Float64Array() }
    for (const method of METHODS) expect(fuse([{ ...one, list: empty }], method)).toEqual([])
  })
  it('only the first hits of a list take part', () => {
    const two: FusionList = { ...one, list: ranked({ a: 2, b: 1 }) }
    expect(rrf([two], { depth: 1 }).map(({ key }) => key)).toEqual(['a'])
  })
})
