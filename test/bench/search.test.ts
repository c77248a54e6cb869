import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { checkAgreement, differenceOf, overlapOf } from '../../bench/search/agreement.mjs'
import { fastestOf, nameOf } from '../../bench/search/approximate.mjs'
import { readCsr, writeCsr } from '../../bench/search/csr.mjs'
import { writeNpz } from '../../bench/search/npz.mjs'
import { commandOf, optionsOf } from '../../bench/search/options.mjs'
import { pageOf, replaced, storedRows } from '../../bench/search/page.mjs'
import { rowsOf } from '../../bench/search/rows.mjs'
import { runProgram } from '../run-program.ts'

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const run = (...options: string[]) =>
  runProgram(process.execPath, [path('bench/search.mjs'), ...options])
const tiny = ['--tiny', '--docs', '300', '--rounds', '2']

describe('the search benchmark', () => {
  const FIELDS = [
    ...['docs', 'queries', 'k', 'strategy', 'rankSafe', 'overlap', 'meanMs', 'p50Ms', 'p90Ms'],
    ...['p99Ms', 'qps', 'buildS', 'bytesPerPosting', 'peer']
  ]

  it('prints a row for each side, ours exact, beside zvec on the same documents', () => {
    const { status, stdout, stderr } = run(...tiny, '--zvec-docs', '200', '--k', '7', '--json')
    expect(status, stderr).toBe(0)
    const rows = stdout.trim().split('\n').map(parse)
    expect(rows.filter(({ docs }) => docs === 300)).toMatchObject([
      { strategy: 'auto', rankSafe: true, overlap: 1, peer: null, queries: 'short', k: 7 },
      { strategy: 'windowed', rankSafe: true, overlap: 1, peer: null, rounds: 2 }
    ])
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(FIELDS))
      const { p50Ms, p90Ms, p99Ms, meanMs, qps, bytesPerPosting, buildS, spread } = row
      expect(p50Ms).toBeGreaterThan(0)
      expect(p90Ms).toBeGreaterThanOrEqual(p50Ms)
      expect(p99Ms).toBeGreaterThanOrEqual(p90Ms)
      expect(Math.min(meanMs, qps, bytesPerPosting, buildS)).toBeGreaterThan(0)
      expect(spread.p50Ms.min).toBeLessThanOrEqual(spread.p50Ms.max)
    }
    if (stderr.includes('zvec is left out')) return
    const few = rows.filter(({ docs }) => docs === 200)
    expect(few.map(row => [row.peer, row.strategy])).toEqual([
      [null, 'auto'],
      [null, 'windowed'],
      ['zvec', 'flat'],
      ['zvec', 'hnsw']
    ])
    expect(few[2].overlap).toBeGreaterThan(0.8)
    expect(Object.keys(few[0].timesFaster)).toEqual(['zvec flat', 'zvec hnsw'])
  })

  it('tries approximate settings and several threads', () => {
    const options = ['--approximate', '--overlap', '0.5', '--threads', '2', '--zvec-docs', '0']
    const json = run(...tiny, '--precision', 'float16', '--no-reorder', ...options, '--json')
    expect(json.status, json.stderr).toBe(0)
    const rows = json.stdout.trim().split('\n').map(parse)
    expect(rows.filter(row => row.settings !== undefined)).toHaveLength(20)
    expect(rows.filter(row => row.fastestAtOverlap === 0.5)).toHaveLength(1)
    expect(rows.at(-1)).toMatchObject({ strategy: 'searchMany on 2 threads', p50Ms: null })
    expect(rows.at(-1).qps).toBeGreaterThan(0)

    const text = run(...tiny, '--zvec-docs', '0')
    expect(text.stdout).toMatch(/^300 documents of made up, short queries, k 10, float32\n/)
    expect(text.stdout).toMatch(/^auto +yes +1\.0000 /m)
  })

  it.each([
    ['--docs', '0'],
    ['--docs', ''],
    ['--queries', 'wide'],
    ['--strategy', 'fast'],
    ['--overlap', '2'],
    ['--peers', 'no-such-folder'],
    ['--tiny', '--store'],
    ['--speed']
  ])('refuses %s %s as wrong usage', (...options) => {
    const { status, stdout, stderr } = run(...options)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(options.at(-1))
  })

  it('leaves a peer out that does not start, and says so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-test-'))
    try {
      writeCsr(join(folder, 'search_peers.py'), matrix([]))
      const peer = ['--peers', folder, '--engine', 'bmp', '--peer-python', 'no-such-python']
      const { status, stdout, stderr } = run(...tiny, '--zvec-docs', '0', ...peer, '--json')
      expect(stderr).toContain('bmp is left out: no-such-python')
      expect(stdout.trim().split('\n')).toHaveLength(2)
      expect(status).toBe(1)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('agreement', () => {
  const hit = (key: string, score: number) => ({ key, score })
  const right = [hit('4', 2.5), hit('1', 2)]

  it.each([
    ['another order', [hit('1', 2), hit('4', 2.5)], 'rank 1 is document 1 with 2, not document 4'],
    ['another score', [hit('4', 2.5), hit('1', 1.9)], 'rank 2 is document 1 with 1.9'],
    ['a missing hit', [hit('4', 2.5)], 'rank 2 is nothing, not document 1 with 2'],
    ['one too many', [...right, hit('7', 1)], 'rank 3 is document 7 with 1, not nothing']
  ])('%s is a difference, and stops the benchmark', async (_, wrong, problem) => {
    expect(differenceOf(right, right)).toBeUndefined()
    expect(differenceOf(wrong, right)).toContain(problem)
    const search = async (_query: unknown, { strategy }: { strategy: unknown }) => ({
      hits: strategy === 'exhaustive' ? right : wrong,
      rankSafe: true
    })
    const checked = checkAgreement({ search }, [{}], 'windowed', 2)
    await expect(checked).rejects.toThrow(`windowed disagrees with exhaustive on query 0: `)
    await expect(checkAgreement({ search }, [{}], 'exhaustive', 2)).resolves.toBe(1)
    await expect(checkAgreement({ search }, [{}], { name: 'approximate' }, 2)).resolves.toBe(0)
  })

  it('an exact strategy has to say that it is', async () => {
    const search = async () => ({ hits: right, rankSafe: false })
    await expect(checkAgreement({ search }, [{}], 'auto', 2)).rejects.toThrow('not rank-safe')
  })

  it('overlap is the part of the true hits that were found', () => {
    expect(overlapOf([[1, 2, 3, 9], [], [5]], [[1, 2, 3, 4], [], [6]])).toBe(0.375)
    expect(overlapOf([[]], [[]])).toBe(1)
  })
})

describe('rows', () => {
  const result = (peer: string | null, strategy: string, p50Ms: number, more = {}) => ({
    ...{ peer, strategy, rankSafe: peer === null ? true : null, overlap: 1, buildS: 1 },
    ...{ meanMs: p50Ms, p50Ms, p90Ms: p50Ms, p99Ms: p50Ms, qps: 1000 / p50Ms },
    ...(peer === null && { work: {}, ranAs: ['windowed'] }),
    ...more
  })
  const conditions = { run: 'r', queries: 'short', k: 10 }
  const runs = [
    { round: 1, numDocuments: 100, result: result(null, 'auto', 1) },
    { round: 1, numDocuments: 100, result: result('bmp', 'b=32', 6) },
    { round: 2, numDocuments: 100, result: result(null, 'auto', 2) },
    { round: 3, numDocuments: 100, result: result(null, 'auto', 4) }
  ]

  it('hold the median of the rounds, and ratios to a peer from the rounds beside it', () => {
    const [ours, theirs] = rowsOf(runs, conditions, 0.975)
    expect(ours).toMatchObject({ docs: 100, p50Ms: 2, qps: 500, rounds: 3, peer: null })
    expect(ours.spread.p50Ms).toEqual({ min: 1, median: 2, max: 4 })
    expect(ours.timesFaster).toEqual({ 'bmp b=32': { min: 3, median: 3, max: 6 } })
    expect(theirs).toMatchObject({ peer: 'bmp', strategy: 'b=32', p50Ms: 6, rounds: 1 })
  })

  it('mark the fastest approximate setting that finds enough', () => {
    const rows = [
      { settings: {}, overlap: 0.9, p50Ms: 1 },
      { settings: {}, overlap: 0.98, p50Ms: 3 },
      { settings: {}, overlap: 0.98, p50Ms: 2 },
      { overlap: 1, p50Ms: 0.5 }
    ]
    expect(fastestOf(rows, 0.975)).toBe(rows[2])
    expect(fastestOf(rows, 0.99)).toBeUndefined()
    expect(nameOf({ name: 'approximate', alpha: 0.8, queryTerms: undefined })).toBe(
      'approximate alpha 0.8'
    )
  })

  it('of a run take the place of those of an earlier run under the same conditions', () => {
    const kept = [{ run: 'a' }, { run: 'b', old: true }, { run: 'c' }]
    expect(replaced(kept, [{ run: 'b' }])).toEqual([{ run: 'a' }, { run: 'b' }, { run: 'c' }])
    expect(replaced(kept, [{ run: 'd' }])).toEqual([...kept, { run: 'd' }])
  })

  it('make the page', () => {
    const about = { cpu: 'a cpu', cores: 2, memoryGiB: 8, node: 'v1' }
    const counts = { numPostings: 3000, numQueries: 9 }
    const command = 'npm run bench -- search --store'
    const rows = rowsOf(
      runs,
      { ...conditions, ...about, ...counts, date: '2026-01-02', command },
      0.975
    )
    const page = pageOf(rows)
    expect(page).toContain(
      '\n## r\n\n2026-01-02, a cpu, 2 cores, 8 GiB, Node v1; 9 queries, 30.0 terms'
    )
    expect(page).toContain(`\n    ${command}\n`)
    expect(page).toContain('\n| auto | yes | 1.0000 | 2.00 | 1.00–4.00 |')
    expect(page).toContain('\n| bmp b=32 | 1.0000 | 3.00 (3.00–6.00) |')
    expect(pageOf([])).toContain('No run is kept yet')
  })

  it('that are kept are what docs/benchmarks.md shows', () => {
    expect(readFileSync(path('docs/benchmarks.md'), 'utf8')).toBe(pageOf(storedRows()))
  })
})

describe('what goes to the peers', () => {
  it('is the matrix as numpy reads it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-test-'))
    try {
      const csr = matrix([[1, 5], [], [2]])
      writeCsr(join(folder, 'a.csr'), csr)
      expect(readCsr(join(folder, 'a.csr'))).toEqual(csr)
      writeNpz(join(folder, 'a.npz'), csr, 7)
      const files = unzipSync(readFileSync(join(folder, 'a.npz')))
      const names = ['indices', 'indptr', 'format', 'shape', 'data']
      expect(Object.keys(files)).toEqual(names.map(name => `${name}.npy`))
      const body = (name: string) => files[`${name}.npy`]!.slice(128).buffer
      expect(new Int32Array(body('indices'))).toEqual(Int32Array.of(1, 5, 2))
      expect(new Int32Array(body('indptr'))).toEqual(Int32Array.of(0, 2, 2, 3))
      expect(new BigInt64Array(body('shape'))).toEqual(BigInt64Array.of(3n, 7n))
      expect(new Float32Array(body('data'))).toEqual(Float32Array.of(0.5, 2.5, 1))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('is measured by a command without places of one machine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-test-'))
    try {
      writeCsr(join(folder, 'search_peers.py'), matrix([]))
      const options = ['--docs', '100000', '--k', '100', '--approximate', '--peers', folder]
      expect(commandOf(optionsOf([...options, '--peer-python', '/opt/python']))).toBe(
        'npm run bench -- search --docs 100000 --queries short --k 100 --approximate ' +
          '--overlap 0.975 --peers DIR --peer-python PYTHON --store'
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function matrix(rows: number[][]) {
  const ends = rows.map((_, i) => rows.slice(0, i + 1).flat().length)
  const terms = rows.flat()
  return {
    offsets: Uint32Array.of(0, ...ends),
    terms: Uint32Array.from(terms),
    weights: Float32Array.from(terms, term => term / 2)
  }
}

function parse(line: string) {
  return JSON.parse(line)
}
