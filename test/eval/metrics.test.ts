import { describe, expect, test } from 'vitest'
import type { MetricFamily } from '../../src/eval/metric.ts'
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
    ['Success@2', 1],
    // Gains 2^grade - 1; the document of grade 3 has 7.
    [
      "nDCG(dcg='exp-log2')@10",
      (3 / Math.log2(3) + 1 / Math.log2(5)) / (7 + 3 / Math.log2(3) + 1 / 2)
    ],
    // Ranks without unjudged documents, and those whose grade says that nobody judged them: 0, 2, 1.
    ['nDCG(judged_only=True)@3', (2 / Math.log2(3) + 1 / 2) / (3 + 2 / Math.log2(3) + 1 / 2)],
    ['P(judged_only=True)@3', 2 / 3],
    ['AP(judged_only=True)', (1 / 2 + 2 / 3) / 3],
    ['Rprec', 1 / 3],
    ['Rprec(rel=3)', 0],
    ['RBP', 0.2 * (0.8 + 0.8 ** 3)],
    ['RBP@3', 0.2 * 0.8],
    ['RBP(p=0.5,rel=2)', 0.5 * 0.5],
    // One judged document is not relevant (-1 is no judgement), and it stands before both hits.
    ['Bpref', 0],
    ['Judged@3', 2 / 3],
    ['Judged', 4 / 5],
    ['Judged@10', 4 / 5]
  ])('%s', (name, expected) => {
    // One relevant document, of grade 3, was not retrieved.
    expect(value(name, ranking, [3])).toBeCloseTo(expected, 12)
  })

  test('Bpref counts non-relevant documents before each relevant one', () => {
    // R = 3, N = 2: the first has none before it, the second one, the third was not found.
    expect(value('Bpref', [1, undefined, 0, -1, 2, 0], [1])).toBeCloseTo((1 + (1 - 1 / 2)) / 3, 12)
    expect(value('Bpref(rel=2)', [1, 2, 0], [])).toBeCloseTo(0, 12)
    // trec_eval counts this document as relevant; here it is one that nobody judged.
    expect(value('Bpref', [-5, 1], [0])).toBe(1)
  })

  test('grades too high for the exponential gain to be a number still have an nDCG', () => {
    const name = "nDCG(dcg='exp-log2')"
    expect(value(name, [1, 5000], [])).toBeCloseTo(1 / Math.log2(3), 12)
    expect(value(name, [5000, 4999], [])).toBe(1)
  })

  const relevance = metricFamilies.filter(({ name }) => name !== 'Judged')
  const nameOf = ({ name, cutoff }: MetricFamily, k: number) =>
    cutoff === 'none' ? name : `${name}@${k}`

  test.each(relevance.map(family => nameOf(family, 5)))(
    '%s is 0, not NaN, where nothing is relevant or nothing was found',
    name => {
      expect(value(name, [0, undefined, -1])).toBe(0)
      expect(value(name, [], [1])).toBe(0)
    }
  )

  test('Judged of no hit at all is 0', () => {
    expect(value('Judged@5', [], [1])).toBe(0)
  })

  // The sum of an infinite series: two ranks alone have 1 - p².
  const perfect = metricFamilies.filter(({ name }) => name !== 'RBP')
  test.each(perfect.map(family => nameOf(family, 2)))('%s of a perfect ranking is 1', name => {
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
    ['RR()@10', 'RR@10'],
    ["nDCG(dcg='log2')@10", 'nDCG@10'],
    ['nDCG(dcg="exp-log2")@10', "nDCG(dcg='exp-log2')@10"],
    ['P(judged_only=True, rel=2)@5', 'P(rel=2,judged_only=True)@5'],
    ['P(judged_only=False)@5', 'P@5'],
    ['RBP', 'RBP(rel=1)'],
    ['RBP(rel=2,p=.9)', 'RBP(p=0.9,rel=2)'],
    ['BPref', 'Bpref'],
    ['RPrec(rel=2)', 'Rprec(rel=2)']
  ])('%s is %s', (given, canonical) => {
    expect(parseMetric(given).name).toBe(canonical)
  })

  test('several in a line, each once', () => {
    const line = 'nDCG@10, RR(rel=2)@10\tR@100 MRR(rel=2)@10 P(rel=2, judged_only=True)@5'
    const names = parseMetrics(line).map(m => m.name)
    expect(names).toEqual(['nDCG@10', 'RR(rel=2)@10', 'R@100', 'P(rel=2,judged_only=True)@5'])
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
    ['Bpref@10', /cutoff, which Bpref does not take/],
    ['RBP(p=1)', /between 0 and 1/],
    ["RBP(p='high')", /between 0 and 1/],
    ["nDCG(dcg='log10')", /'log2' or 'exp-log2'/],
    ['RR(judged_only=1)', /True or False/],
    ['RR(level=2)', /it takes: rel/],
    ['RR(2)', /it takes: rel/],
    ['nDCG(rel=2)@10', /it takes: dcg, judged_only/],
    ['Judged(rel=2)@10', /it takes: none/],
    ['RR(rel=2,rel=3)', /gives rel twice/]
  ])('%j is refused, and what is known is listed', (name, problem) => {
    expect(() => parseMetric(name)).toThrow(
      expect.objectContaining({
        code: 'METRIC_UNKNOWN',
        problem: expect.stringMatching(problem),
        expected: expect.stringContaining(
          'nDCG, nDCG@k, RR, RR@k, AP, AP@k, P@k, R@k, Success@k, Rprec, RBP'
        )
      })
    )
  })

  test.each(['', ' , ', 'nDCG@10 RR(rel=2', '(rel=2)'])('no list of metrics: %j', text => {
    expect(() => parseMetrics(text)).toThrow(expect.objectContaining({ code: 'METRIC_UNKNOWN' }))
  })
})
