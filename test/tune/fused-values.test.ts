import { describe, expect, it } from 'vitest'
import { parseMetric } from '../../src/eval/parse-metric.ts'
import { type FusionMethod, fuse } from '../../src/fusion/fuse.ts'
import type { FusionList } from '../../src/fusion/fusion-list.ts'
import { CandidateScores } from '../../src/tune/candidate-scores.ts'
import { JudgedCandidates } from '../../src/tune/judged-candidates.ts'
import { ValueTable } from '../../src/tune/value-table.ts'
import { coarseGrid } from '../../src/tune/weight-grid.ts'
import { listOf, randomLists, randomOf } from './made-lists.ts'

const METHODS: readonly FusionMethod[] = [
  { method: 'rrf' },
  { method: 'rrf', rankConstant: 5 },
  { method: 'convex' },
  { method: 'convex', normalization: 'z-score' },
  { method: 'convex', normalization: 'dbsf' },
  { method: 'convex', normalization: 'none' },
  { method: 'comb-sum' },
  { method: 'comb-mnz' }
]
const METRICS = [
  'nDCG@10',
  'AP',
  'RR(rel=2)@3',
  'R@5',
  'Bpref',
  'Judged@10',
  'nDCG(judged_only=True)'
]

/** The long way: the lists are fused, sorted and judged. */
function valueByFusing(
  lists: readonly FusionList[],
  method: FusionMethod,
  judged: ReadonlyMap<string, number>,
  metric: string,
  depth: number
): number {
  const hits = fuse(lists, method, { depth })
  const grades = hits.map(({ key }) => judged.get(key))
  return parseMetric(metric).score({ grades, judgedGrades: [...judged.values()] })
}

const noStep = async () => undefined

describe('the value of a setting', () => {
  it.each(METRICS)('is that of fused and sorted hits: %s', async metric => {
    const random = randomOf(7)
    let numCompared = 0
    for (let round = 0; round < 12; round++) {
      const numLists = 2 + (round % 2)
      // Few levels make many scores equal.
      const lists = randomLists(random, { numLists, levels: round % 3 === 0 ? 4 : 1e9 })
      const depth = round % 4 === 0 ? 7 : 1000
      const judged = new Map<string, number>()
      const numJudged = [0, 1, 5, 30][round % 4]!
      for (let i = 0; i < numJudged; i++) {
        judged.set(`d${Math.floor(random() * 50)}`, Math.floor(random() * 5) - 1)
      }
      const scores = new CandidateScores(lists, depth)
      const query = { scores, judged: new JudgedCandidates(scores.keys, judged) }
      const grid = coarseGrid(numLists).filter((_, i) => i % 9 === 0)
      const settings = METHODS.flatMap(method => grid.map(shares => ({ method, shares })))
      const table = new ValueTable([query], parseMetric(metric))
      await table.measure(settings, noStep)
      for (const setting of settings) {
        const weighted = lists.map((list, at) => ({ ...list, weight: setting.shares[at]! / 100 }))
        const expected = valueByFusing(weighted, setting.method, judged, metric, depth)
        expect(table.of(setting).values[0], JSON.stringify(setting)).toBeCloseTo(expected, 12)
        numCompared++
      }
    }
    expect(numCompared).toBeGreaterThan(500)
  })

  it('leaves nothing behind from one order to the next', () => {
    const judged = new JudgedCandidates(['a', 'b', 'c'], new Map([['b', 1]]))
    const metric = parseMetric('RR')
    expect(judged.valueOf(Float64Array.of(1, 2, 3), metric)).toBe(1 / 2)
    expect(judged.valueOf(Float64Array.of(1, 5, 3), metric)).toBe(1)
    expect(judged.valueOf(Float64Array.of(2, 1, 3), metric)).toBe(1 / 3)
    // Equal scores stand in the order of the candidates.
    expect(judged.valueOf(Float64Array.of(1, 1, 1), metric)).toBe(1 / 2)
  })

  it('refuses a method that is not known', () => {
    const scores = new CandidateScores([listOf('a', { d: 1 }), listOf('b', { d: 1 })], 10)
    expect(() => scores.under({ method: 'borda' } as never)).toThrow('there is no fusion "borda"')
  })
})
