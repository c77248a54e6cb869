import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { meanRows, pageOf, storedRows } from '../../bench/pareto/page.mjs'
import { COSTS, tableOf } from '../../bench/pareto/table.mjs'
import { read } from '../house/repository.ts'
import { runProgram } from '../run-program.ts'

let data: string
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'esplanade-pareto-'))
  // A collection of our own under a name that the benchmark knows.
  const folder = join(data, 'cranfield')
  mkdirSync(join(folder, 'qrels'), { recursive: true })
  const lines = (...objects: object[]) => objects.map(one => `${JSON.stringify(one)}\n`).join('')
  const texts = ['Fog hides the coast.', 'The tide rises twice a day.', 'A rope that holds.', ' ']
  const corpus = texts.map((text, i) => ({ _id: `d${i}`, title: '', text }))
  writeFileSync(join(folder, 'corpus.jsonl'), lines(...corpus))
  const queries = [
    { _id: 'q1', text: 'fog on the coast' },
    { _id: 'q2', text: 'ropes' }
  ]
  writeFileSync(join(folder, 'queries.jsonl'), lines(...queries))
  const qrels = 'query-id\tcorpus-id\tscore\nq1\td0\t1\nq2\td2\t1\n'
  writeFileSync(join(folder, 'qrels', 'test.tsv'), qrels)
})
afterAll(() => rmSync(data, { recursive: true, force: true }))

function run(...options: string[]) {
  const script = fileURLToPath(new URL('../../bench/pareto.mjs', import.meta.url))
  const common = ['--data', data, '--collections', 'cranfield', '--json']
  const { status, stdout, stderr } = runProgram(process.execPath, [script, ...common, ...options])
  expect(status, stderr).toBe(0)
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

describe('bench pareto', () => {
  it('measures quality and cost of every setting, dense and fused ones among them', () => {
    const rows = run('--quality-only')
    const named = new Map(rows.map(row => [row.setting, row]))
    expect(named.size).toBe(rows.length)
    for (const row of rows) {
      expect(row).toMatchObject({ collection: 'Cranfield', numDocuments: 4, numQueries: 2 })
      expect(row.metrics).toEqual({ 'nDCG@10': 1, 'RR@10': 1, 'R@100': 1 })
      expect(row).not.toHaveProperty('searchMsP50')
    }
    const of = (name: string) => named.get(name)
    // Two words of the first query are in one of four texts, and one of the second.
    expect(of('BM25').flops).toBeCloseTo((1 / 2) * (1 / 4) * 3, 9)
    expect(of('dense').flops).toBe(384)
    const both = of('sparse').flops + of('BM25').flops
    expect(of('sparse + BM25, one vector').flops).toBeCloseTo(both, 9)
    expect(of('convex, three lists, .25 .5 .25').flops).toBeCloseTo(both + 384, 9)
    expect(of('topTokens 32').documentTerms).toBeLessThanOrEqual(32)
    expect(of('inference-free').queryTerms).toBeLessThan(of('sparse').queryTerms)
    expect(of('index float16').indexBytes).toBeLessThan(of('sparse').indexBytes)
    expect(of('dense').scaledFlopsLoss).toBeNull()
    expect(of('sparse').scaledFlopsLoss).toBeGreaterThan(0)
  })

  it('times settings', () => {
    const rows = run('--settings', 'query mode', '--passes', '2')
    expect(rows).toHaveLength(3)
    for (const row of rows) {
      expect(row.searchMsP50Least).toBeGreaterThan(0)
      expect(row.searchMsP50Most).toBeGreaterThanOrEqual(row.searchMsP50Least)
      expect(row.searchMsP99).toBeGreaterThanOrEqual(row.searchMsP50)
      expect(row.queryMsP50).toBeGreaterThanOrEqual(Math.max(row.encodeMsP50, row.searchMsP50))
    }
  })
})

describe('docs/cost.md', () => {
  it('is what the stored rows make of it', () => {
    const rows = storedRows()
    const means = meanRows(rows)
    const charts = COSTS.filter(({ figure }) => means.every(row => row[figure] !== undefined))
    expect(charts.length).toBeGreaterThan(0)
    expect(read('docs/cost.md')).toBe(pageOf(rows, means, charts))
    for (const { key } of charts) expect(read(`docs/cost-${key}.svg`)).toMatch(/^<svg /)
  })

  it('has the mean of settings that all sets have, and marks what no other row beats', () => {
    const row = (collection: string, setting: string, quality: number, products: number) => ({
      collection,
      group: 'g',
      setting,
      metrics: { 'nDCG@10': quality, 'RR@10': quality, 'R@100': quality },
      flops: products,
      scaledFlopsLoss: null,
      queryTerms: 1,
      documentTerms: 1,
      indexBytes: 1000 * products,
      bytesPerDocument: 1,
      bytesPerPosting: 1
    })
    const rows = [
      row('a', 'dear', 0.4, 8),
      row('a', 'cheap', 0.2, 1),
      row('b', 'dear', 0.8, 4),
      row('b', 'only here', 0.9, 1)
    ]
    const [mean, ...others] = meanRows(rows)
    expect(others).toEqual([])
    expect(mean).toMatchObject({
      collection: 'mean',
      setting: 'dear',
      flops: 6,
      scaledFlopsLoss: null
    })
    expect(mean.metrics['nDCG@10']).toBeCloseTo(0.6, 12)
    const { head, body } = tableOf(rows.slice(2))
    expect(head.at(-1)).toBe('front')
    expect(body.map((cells: string[]) => cells.at(-1))).toEqual(['–', 'FB'])
  })
})
