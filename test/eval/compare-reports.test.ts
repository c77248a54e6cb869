import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compareReports } from '../../src/eval/compare-reports.ts'
import { evaluate, type Report } from '../../src/eval/evaluate.ts'
import { movedDocuments, movedQueries } from '../../src/eval/moved-queries.ts'
import { readQrels } from '../../src/eval/qrels.ts'
import { readRun } from '../../src/eval/run.ts'
import { holm } from '../../src/eval/significance/holm.ts'
import { pairedTTest } from '../../src/eval/significance/paired-t-test.ts'

const golden = (name: string) => readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8')
const hit = (key: string, score: number) => ({ key, score })

const qrels = await readQrels(golden('eval-random.qrels.txt').split('\n'))
const run = await readRun(golden('eval-random.run.txt').split('\n'))
/** The run upside down, and the run without its second half. */
const worse = new Map(
  [...run].map(([id, hits]) => [id, hits.map(({ key, score }) => hit(key, -score))])
)
const shorter = new Map([...run].map(([id, hits]) => [id, hits.slice(0, hits.length / 2)]))

const metrics = ['nDCG@10', 'AP']
const reportOf = (hits: typeof run): Report => evaluate(hits, qrels, metrics)
const reports = [
  { name: 'run', report: reportOf(run) },
  { name: 'worse', report: reportOf(worse) },
  { name: 'shorter', report: reportOf(shorter) }
]

describe('compareReports', () => {
  test('every run but the baseline has a difference by every metric', () => {
    const comparison = compareReports(reports, { numPermutations: 1000, numResamples: 1000 })
    expect(comparison.runs).toEqual(['run', 'worse', 'shorter'])
    expect(comparison.baseline).toBe('run')
    expect(comparison.numQueries).toBe(24)
    expect(comparison.differences.map(({ run, metric }) => [run, metric])).toEqual([
      ['worse', 'nDCG@10'],
      ['worse', 'AP'],
      ['shorter', 'nDCG@10'],
      ['shorter', 'AP']
    ])
    for (const {
      run,
      metric,
      difference,
      interval,
      wins,
      ties,
      losses
    } of comparison.differences) {
      const { report } = reports.find(({ name }) => name === run)!
      expect(difference).toBeCloseTo(report.means[metric]! - reports[0]!.report.means[metric]!, 12)
      expect(interval.low).toBeLessThanOrEqual(difference)
      expect(interval.high).toBeGreaterThanOrEqual(difference)
      expect(wins + ties + losses).toBe(24)
    }
    for (const { mean, interval } of comparison.means) {
      expect(interval.low).toBeLessThan(mean)
      expect(interval.high).toBeGreaterThan(mean)
    }
  })

  test('p-values of a metric are corrected together, those of another apart', () => {
    const { differences } = compareReports(reports, { numPermutations: 500, numResamples: 10 })
    for (const metric of metrics) {
      const family = differences.filter(difference => difference.metric === metric)
      const before = reports[0]!.report.perQuery[metric]!
      const tests = reports.slice(1).map(one => pairedTTest(before, one.report.perQuery[metric]!))
      expect(family.map(({ tTest }) => tTest.pValue)).toEqual(tests.map(({ pValue }) => pValue))
      expect(family.map(({ tTest }) => tTest.correctedPValue)).toEqual(
        holm(tests.map(({ pValue }) => pValue))
      )
      const drawn = family.map(({ randomization }) => randomization)
      expect(drawn.map(({ correctedPValue }) => correctedPValue)).toEqual(
        holm(drawn.map(({ pValue }) => pValue))
      )
    }
  })

  test('another baseline turns the signs', () => {
    const options = { baseline: 'worse', numPermutations: 500, numResamples: 100 }
    const turned = compareReports(reports, options)
    expect(turned.baseline).toBe('worse')
    const [first] = turned.differences
    expect(first).toMatchObject({ run: 'run', metric: 'nDCG@10' })
    expect(first!.difference).toBeGreaterThan(0)
  })

  const few = evaluate(run, new Map([...qrels].slice(0, 5)), metrics)
  const one = evaluate(run, new Map([...qrels].slice(0, 1)), metrics)
  const other = evaluate(run, qrels, ['RR', 'AP'])
  test.each([
    ['one run', [reports[0]!], {}, /1 to compare/],
    ['a name twice', [reports[0]!, reports[0]!], {}, /run stands twice/],
    ['an unknown baseline', reports, { baseline: 'best' }, /no run "best"/],
    ['other queries', [reports[0]!, { name: 'few', report: few }], {}, /different queries/],
    ['other metrics', [reports[0]!, { name: 'other', report: other }], {}, /different metrics/],
    [
      'a single query',
      [
        { name: 'a', report: one },
        { name: 'b', report: one }
      ],
      {},
      /one query/
    ],
    ['no permutations', reports, { numPermutations: 0 }, /0 was given/],
    ['a confidence of 95', reports, { confidence: 95 }, /95 was given/]
  ])('refuses %s', (_, given, options, problem) => {
    expect(() => compareReports(given, options)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        problem: expect.stringMatching(problem as RegExp)
      })
    )
  })
})

describe('what moved', () => {
  const judged = new Map([
    ['a', new Map([['x', 1]])],
    ['b', new Map([['x', 1]])],
    ['c', new Map([['x', 1]])],
    ['d', new Map([['x', 1]])]
  ])
  const hits = (...keys: string[]) => keys.map((key, i) => hit(key, -i))
  const before = new Map([
    ['a', hits('x')],
    ['b', hits('y', 'x')],
    ['c', hits('y', 'z', 'x')],
    ['d', hits('x')]
  ])
  const after = new Map([
    ['a', hits('y', 'x')],
    ['b', hits('x')],
    ['c', hits('x')],
    ['d', hits('x')]
  ])
  const [old, now] = [before, after].map(one => evaluate(one, judged, ['RR'])) as [Report, Report]

  test('queries, the largest change first, without those that stayed', () => {
    expect(movedQueries(old, now, 'RR', 5)).toEqual({
      up: [
        { queryId: 'c', before: 1 / 3, after: 1, difference: 1 - 1 / 3 },
        { queryId: 'b', before: 1 / 2, after: 1, difference: 1 / 2 }
      ],
      down: [{ queryId: 'a', before: 1, after: 1 / 2, difference: -1 / 2 }]
    })
    expect(movedQueries(old, now, 'RR', 1).up.map(({ queryId }) => queryId)).toEqual(['c'])
    expect(movedQueries(old, old, 'RR', 5)).toEqual({ up: [], down: [] })
  })

  test('reports that do not fit are refused', () => {
    const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    expect(() => movedQueries(old, now, 'AP', 5)).toThrow(invalid)
    const fewer = evaluate(after, new Map([...judged].slice(1)), ['RR'])
    expect(() => movedQueries(old, fewer, 'RR', 5)).toThrow(invalid)
  })

  test('documents: relevant ones first, by what their move is worth', () => {
    const grades = new Map([
      ['best', 3],
      ['good', 1],
      ['bad', 0],
      ['same', 2]
    ])
    const found = movedDocuments(
      'q',
      hits('bad', 'same', 'good', 'unknown'),
      hits('best', 'same', 'bad', 'good'),
      grades
    )
    expect(found).toEqual([
      { key: 'best', grade: 3, rankBefore: undefined, rankAfter: 1 },
      { key: 'good', grade: 1, rankBefore: 3, rankAfter: 4 },
      { key: 'bad', grade: 0, rankBefore: 1, rankAfter: 3 },
      { key: 'unknown', grade: undefined, rankBefore: 4, rankAfter: undefined }
    ])
  })

  test('documents that neither run has near the top are left out', () => {
    const many = Array.from({ length: 20 }, (_, i) => `d${i}`)
    const turned = [...many.slice(0, 15), ...many.slice(15).reverse()]
    expect(movedDocuments('q', hits(...many), hits(...turned), new Map())).toEqual([])
    const deep = movedDocuments('q', hits(...many), hits(...turned), new Map(), { depth: 20 })
    expect(deep.map(({ key }) => key).sort()).toEqual(['d15', 'd16', 'd18', 'd19'])
  })
})
