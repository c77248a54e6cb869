import { describe, expect, test } from 'vitest'
import { metricFamilies, parseMetric, parseMetrics } from '../../src/eval/parse-metric.ts'

/** Value of a metric for the grades by rank, and further judged documents that were not found. */
const value = (name: string, grades: (number | undefined)[], missed: number[] = []) =>
  parseMetric(name).score({
    grades,
    judgedGrades: [...grades.filter(grade => grade !== undefined), ...missed]
  })

describe('values worked out by hand', () => {
  const ranking = [0, 2, undefined, 1, -1]

  test.each([
    ['nDCG@10', (2 / Math.log2(3) + 1 / Math.log2(5)) / (3 + 2 / Math.log2(3) + 1 / 2)],
    ['nDCG@2', 2 / Math.log2(3) / (3 + 2 / Math.log2(3))],
    ['nDCG', (2 / Math.log2(3) + 1 / Math.log2(5)) / (3 + 2 / Math.log2(3) + 1 / 2)],
    ['RR', 1 / 2],
    ['RR@1', 0],
    ['RR(rel=3)', 0],
    ['AP', (1 / 2 + 2 / 4) / 3],
    ['AP@3', 1 / 2 / 3],
    ['AP(rel=2)', 1 / 2 / 2],
    ['P@2', 1 / 2],
    ['P@10', 2 / 10],
    ['P(rel=2)@4', 1 / 4],
    ['R@4', 2 / 3],
    ['R(rel=3)@10', 0],
    ['Success@1', 0],
    ['Success@2', 1]
  ])('%s', (name, expected) => {
    // One relevant document, of grade 3, was not retrieved.
    expect(value(name, ranking, [3])).toBeCloseTo(expected, 12)
  })

  test.each(metricFamilies.map(({ name }) => `${name}@5`))(
    '%s is 0, not NaN, where nothing is relevant or nothing was found',
    name => {
      expect(value(name, [0, undefined, -1])).toBe(0)
      expect(value(name, [], [1])).toBe(0)
    }
  )

  test.each(metricFamilies.map(({ name }) => `${name}@2`))('%s of a perfect ranking is 1', name => {
    expect(value(name, [2, 1])).toBeCloseTo(1, 12)
  })
})

describe('names', () => {
  test.each([
    ['nDCG@10', 'nDCG@10'],
    [' NDCG@10 ', 'nDCG@10'],
    ['MRR@10', 'RR@10'],
    ['MAP', 'AP'],
    ['Recall@1000', 'R@1000'],
    ['RR(rel=2)@10', 'RR(rel=2)@10'],
    ['RR( rel = 2 )@010', 'RR(rel=2)@10'],
    ['RR(rel=1)@10', 'RR@10'],
    ['RR()@10', 'RR@10']
  ])('%s is %s', (given, canonical) => {
    expect(parseMetric(given).name).toBe(canonical)
  })

  test('several in a line, each once', () => {
    const names = parseMetrics('nDCG@10, RR(rel=2)@10\tR@100 MRR(rel=2)@10').map(m => m.name)
    expect(names).toEqual(['nDCG@10', 'RR(rel=2)@10', 'R@100'])
  })

  test.each([
    ['nDGC@10', /not a known metric/],
    ['ndcg_cut_10', /not spelled/],
    ['', /not spelled/],
    ['nDCG@', /not spelled/],
    ['nDCG@0', /cutoff below 1/],
    ['nDCG@-1', /not spelled/],
    ['P', /lacks a cutoff, as in P@10/],
    ['RR(rel=0)', /an integer of at least 1/],
    ['RR(rel=1.5)', /an integer of at least 1/],
    ["RR(rel='2')", /an integer of at least 1/],
    ['RR(rel=two)', /an integer of at least 1/],
    ['RR(level=2)', /it takes: rel/],
    ['RR(2)', /it takes: rel/],
    ['nDCG(rel=2)@10', /it takes: none/],
    ['RR(rel=2,rel=3)', /gives rel twice/]
  ])('%j is refused, and what is known is listed', (name, problem) => {
    expect(() => parseMetric(name)).toThrow(
      expect.objectContaining({
        code: 'METRIC_UNKNOWN',
        problem: expect.stringMatching(problem),
        expected: expect.stringContaining('nDCG, nDCG@k, RR, RR@k, AP, AP@k, P@k, R@k, Success@k')
      })
    )
  })

  test.each(['', ' , ', 'nDCG@10 RR(rel=2', '(rel=2)'])('no list of metrics: %j', text => {
    expect(() => parseMetrics(text)).toThrow(expect.objectContaining({ code: 'METRIC_UNKNOWN' }))
  })
})
