import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatRun } from '../../src/eval/format-run.ts'
import { rankKeys } from '../../src/eval/rank-order.ts'
import { readRun } from '../../src/eval/run.ts'

const scoresOf = (lines: string[]) => lines.map(line => line.split(' ')[4] ?? '')
const hitsOf = (scores: number[]) => scores.map((score, i) => ({ key: `d${i}`, score }))

describe('formatRun', () => {
  test('writes the six columns of TREC, ranks from 1', () => {
    const hits = [
      { key: 'b', score: 15.25, rank: 1 },
      { key: 'a', score: 3, rank: 2 }
    ]
    expect(formatRun('q1', hits, 'tiny')).toEqual([
      'q1 Q0 b 1 15.2500 tiny',
      'q1 Q0 a 2 3.00000 tiny'
    ])
    expect(formatRun('q1', [])).toEqual([])
  })

  test('lowers tied scores by the smallest steps that float32 has', () => {
    const [first, second, third] = scoresOf(formatRun('q', hitsOf([1, 1, 1]))).map(Number)
    expect([first, second, third].map(score => Math.fround(score ?? 0))).toEqual([
      1,
      1 - 2 ** -24,
      1 - 2 ** -23
    ])
  })

  test('a score that stands alone is the nearest float32', () => {
    const scores = [140998, 12.345678901234, 0.861, 1 / 3, 1e-20, 0, -2.7]
    const printed = scoresOf(formatRun('q', hitsOf(scores)))
    expect(printed.map(text => Math.fround(Number(text)))).toEqual(scores.map(Math.fround))
    expect(printed.slice(0, 3)).toEqual(['140998', '12.345679', '0.861000'])
    expect(printed[5]).toBe('0.00000')
  })

  test('whatever the ties, every reader sees the order of the hits, by either width', async () => {
    const score = fc.oneof(
      fc.constantFrom(0, -0, 1, 1 + 1e-12, 1 - 1e-9, 2 ** -126, 2 ** -149, -(2 ** -126), -1),
      fc.double({ min: -1e38, max: 1e38, noNaN: true }),
      fc.double({ min: 0, max: 30, noNaN: true })
    )
    const keys = fc.uniqueArray(fc.stringMatching(/^[a-z~é\u{1F98A}]{1,3}$/u), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(keys, fc.array(score, { minLength: 1 }), async (keys, pool) => {
        const hits = keys
          .map((key, i) => ({ key, score: pool[i % pool.length] ?? 0 }))
          .sort((a, b) => b.score - a.score)
        const lines = formatRun('q', hits)
        const order = hits.map(({ key }) => key)
        const read = (await readRun(lines)).get('q') ?? []
        expect(rankKeys('q', [...read].reverse(), 'float32')).toEqual(order)
        expect(rankKeys('q', [...read].reverse(), 'float64')).toEqual(order)
        for (const text of scoresOf(lines)) {
          const digits = text.replace(/e.*$/, '').replace(/^-?0*\.?0*|[-.]/g, '')
          if (Number(text) !== 0) expect(digits.length).toBeGreaterThanOrEqual(6)
        }
      })
    )
  })

  test.each([
    ['key', 'q', 'new york', 't'],
    ['key', 'q', 'a\u00a0b', 't'],
    ['key', 'q', '', 't'],
    ['key', 'q', '\ud83e', 't'],
    ['query id', 'q 1', 'a', 't'],
    ['query id', '#1', 'a', 't'],
    ['tag', 'q', 'a', 'my system']
  ])('refuses a %s that cannot be a column: %j %j %j', (column, queryId, key, tag) => {
    expect(() => formatRun(queryId, [{ key, score: 1 }], tag)).toThrow(
      expect.objectContaining({ code: 'INVALID_KEY', place: expect.stringContaining(column) })
    )
  })

  test.each([
    ['NaN', hitsOf([Number.NaN])],
    ['infinite', hitsOf([Number.POSITIVE_INFINITY])],
    ['beyond float32', hitsOf([1e39])],
    ['ascending', hitsOf([1, 2])],
    ['double', [...hitsOf([2]), ...hitsOf([1])]]
  ])('refuses %s hits', (_, hits) => {
    expect(() => formatRun('q', hits)).toThrow(expect.objectContaining({ code: 'RUN_INVALID' }))
  })
})
