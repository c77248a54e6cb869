import { readFileSync } from 'node:fs'
import { Parser } from 'htmlparser2'
import { describe, expect, it } from 'vitest'
import { flops } from '../../src/eval/cost/flops.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { cliFolder, indexHarbour, lines } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const { at, write } = cliFolder(async folder => {
  await indexHarbour(folder)
  folder.write('topics.tsv', 'q1\tthe moon and the sea\nq2\ta rope knot\nq3\tnobody judged this\n')
  folder.write('qrels.txt', 'q1 0 tides 1\nq2 0 knots 1\n')
})

/** What is looked at in a row. */
interface Row {
  readonly collection: string
  readonly group: string
  readonly setting: string
  readonly numQueries: number
  readonly metrics: Record<string, number>
  readonly flops: number
  readonly scaledFlopsLoss: number | null
  readonly queryTerms: number
  readonly documentTerms: number
  readonly indexBytes: number
  readonly encodeMsP50: number
  readonly searchMsP50: number
  readonly searchMsP50Least: number
  readonly searchMsP50Most: number
  readonly searchMsP99: number
  readonly queryMsP50: number
}

const measure = (...options: string[]) =>
  runCli([
    'bench',
    'search',
    at('harbour'),
    '--topics',
    at('topics.tsv'),
    '--passes',
    '2',
    ...options
  ])

/** The model's vectors of the collection, as export writes them. */
async function exportedVectors() {
  type Line = { vector: { indices: number[]; values: number[] } }
  const found = jsonLines<Line>(await runCli(['export', at('harbour')]))
  return found.map(({ vector }) => sparseVector(vector.indices, vector.values))
}

describe('bench search', () => {
  it('gives quality and cost of each mode and query mode', async () => {
    const modes = ['--modes', 'sparse,bm25,combined', '--query-mode', 'full,inference-free']
    const result = await measure('--qrels', at('qrels.txt'), ...modes, '--json')
    expect(result).toMatchObject({ code: 0 })
    expect(result.stderr).toContain('1 query without judgements left out')
    const rows = jsonLines<Row>(result)
    expect(rows.map(({ group, setting }) => [group, setting])).toEqual([
      ['sparse', 'sparse'],
      ['sparse', 'sparse, inference-free'],
      ['bm25', 'bm25'],
      ['combined', 'combined'],
      ['combined', 'combined, inference-free']
    ])
    for (const row of rows) {
      expect(row).toMatchObject({ collection: 'harbour', numQueries: 2 })
      expect(row.metrics).toEqual({ 'nDCG@10': 1, 'RR@10': 1, 'R@100': 1 })
      expect(row.searchMsP50Least).toBeGreaterThan(0)
      expect(row.searchMsP50Most).toBeGreaterThanOrEqual(row.searchMsP50Least)
      expect(row.searchMsP99).toBeGreaterThanOrEqual(row.searchMsP50)
      expect(row.queryMsP50).toBeGreaterThan(row.searchMsP50)
      expect(row.indexBytes).toBe(rows[0]!.indexBytes)
    }
    const [sparse, free, bm25, combined] = rows
    // What one vector costs is what its two parts cost.
    expect(combined!.flops).toBeCloseTo(sparse!.flops + bm25!.flops, 9)
    expect(combined!.queryTerms).toBeCloseTo(sparse!.queryTerms + bm25!.queryTerms, 9)
    expect(combined!.documentTerms).toBeCloseTo(sparse!.documentTerms + bm25!.documentTerms, 9)
    expect(free!.queryTerms).toBeLessThan(sparse!.queryTerms)
    expect(free!.encodeMsP50).toBeLessThan(sparse!.encodeMsP50)
    expect(sparse!.scaledFlopsLoss).toBeGreaterThan(0)
    expect([free!.scaledFlopsLoss, bm25!.scaledFlopsLoss]).toEqual([null, null])
  })

  it('counts the products that the exported vectors have', async () => {
    const [row] = jsonLines<Row>(await measure('--modes', 'sparse', '--json'))
    type Line = { indices: number[]; values: number[] }
    const topics = ['the moon and the sea', 'a rope knot', 'nobody judged this']
    const asked = write(
      'queries.jsonl',
      lines(...topics.map((text, i) => ({ _id: `q${i}`, text })))
    )
    const encoded = await runCli(['encode', asked, '--query'])
    const queries = jsonLines<Line>(encoded).map(({ indices, values }) =>
      sparseVector(indices, values)
    )
    expect(queries).toHaveLength(3)
    expect(row!.flops).toBeCloseTo(flops(queries, await exportedVectors()), 9)
    expect(row!.metrics).toEqual({})
  })

  it('shows a table, and draws a page that needs nothing else', async () => {
    const args = ['--qrels', at('qrels.txt'), '--modes', 'sparse,bm25', '--html', at('cost.html')]
    const { code, stdout } = await measure(...args)
    expect(code).toBe(0)
    const [, , head, ...rows] = stdout.trimEnd().split('\n')
    expect(head).toMatch(/^setting +nDCG@10 +RR@10 +R@100 +FLOPS +scaled loss .* front$/)
    expect(rows.map(row => row.split(' ')[0])).toEqual(['sparse', 'bm25'])
    const page = readFileSync(at('cost.html'), 'utf8')
    const elements: string[] = []
    const reaches: string[] = []
    new Parser({
      onopentag(name, attributes) {
        elements.push(name)
        for (const attribute of Object.keys(attributes)) {
          if (/^(src|href|on.*|srcset|action)$/.test(attribute)) reaches.push(attribute)
        }
      }
    }).end(page)
    expect(elements).not.toContain('script')
    expect(reaches).toEqual([])
    expect(elements.filter(name => name === 'svg').length).toBeGreaterThanOrEqual(3)
    expect(page).toContain("default-src 'none'")
  })

  it.each([
    [['--modes', 'sparse,words'], 2, 'none of sparse, bm25'],
    [['--query-mode', 'brief'], 2, 'none of full'],
    [['--passes', '1'], 2, 'whole number from 2'],
    [['--html', 'cost.html'], 2, '--qrels too'],
    [['--modes', 'dense'], 2, 'dense']
  ])('refuses %j', async (options, code, problem) => {
    const result = await measure(...options)
    expect(result).toMatchObject({ code, stdout: '' })
    expect(result.stderr).toContain(problem)
  })

  it('refuses judgements of other queries', async () => {
    const qrels = write('other.txt', 'q9 0 tides 1\n')
    const result = await measure('--qrels', qrels)
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain('none of its 3 queries is judged')
  })
})

describe('bench pareto', () => {
  const row = (setting: string, quality: number, flopsOfRow: number, more: object = {}) => ({
    collection: 'made up',
    group: setting,
    setting,
    metrics: { 'nDCG@10': quality },
    flops: flopsOfRow,
    scaledFlopsLoss: null,
    queryTerms: 3,
    documentTerms: 9,
    indexBytes: 1000,
    bytesPerPosting: 10,
    ...more
  })

  it('draws rows of several files, texts of others escaped', async () => {
    const hostile = '"><script src="//x.test/a.js"></script>'
    const a = write('a.jsonl', lines(row('dear', 0.7, 90), row('cheap', 0.5, 2)))
    const b = write('b.jsonl', lines(row('beaten', 0.4, 30, { collection: hostile })))
    const files = ['--svg', at('cost.svg'), '--html', at('both.html')]
    const { code, stderr } = await runCli(['bench', 'pareto', a, b, ...files])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const svg = readFileSync(at('cost.svg'), 'utf8')
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /)
    expect(svg).not.toContain('<script')
    expect(readFileSync(at('both.html'), 'utf8')).not.toContain('<script')
    expect(svg).toContain('no other one beats made up: cheap; made up: dear')
    // Three marks, one of them beaten, and three in the legend.
    expect(svg.match(/class="mark group\d"/g)).toHaveLength(5)
    expect(svg.match(/class="mark group\d beaten"/g)).toHaveLength(1)
  })

  it.each([
    ['{"collection":"c","group":"g","setting":"s","metrics":{"P@5":1}}', 'it has no flops'],
    ['{"collection":"c","group":"g","flops":1}', 'it has no setting'],
    ['{"collection":"c","group":"g","setting":"s","flops":1,"metrics":{}}', 'it has no metric'],
    ['flops 3', 'this is no JSON'],
    ['', 'there is no row']
  ])('refuses %s', async (line, problem) => {
    const file = write('wrong.jsonl', `${line}\n`)
    const result = await runCli(['bench', 'pareto', file, '--svg', at('never.svg')])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain(problem)
  })

  it('refuses to draw nowhere', async () => {
    const result = await runCli(['bench', 'pareto', at('a.jsonl')])
    expect(result.code).toBe(2)
    expect(result.stderr).toContain('--svg FILE')
  })
})
