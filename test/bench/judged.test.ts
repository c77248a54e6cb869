import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alternate } from '../../bench/judged/alternate.mjs'
import { runProgram } from '../run-program.ts'

let data: string
beforeAll(() => {
  data = mkdtempSync(join(tmpdir(), 'esplanade-judged-'))
  // A collection of our own under a name that the benchmarks know.
  const folder = join(data, 'cranfield')
  mkdirSync(join(folder, 'qrels'), { recursive: true })
  const lines = (...objects: object[]) => objects.map(one => `${JSON.stringify(one)}\n`).join('')
  const texts = [
    'Fog hides the coast.',
    'The tide rises twice a day.',
    'A rope that will not slip.'
  ]
  const corpus = texts.map((text, i) => ({ _id: `d${i}`, title: '', text }))
  writeFileSync(join(folder, 'corpus.jsonl'), lines(...corpus))
  const queries = [
    { _id: 'q1', text: 'fog on the coast' },
    { _id: 'q2', text: 'ropes that slip' }
  ]
  writeFileSync(join(folder, 'queries.jsonl'), lines(...queries))
  const qrels = 'query-id\tcorpus-id\tscore\nq1\td0\t1\nq2\td2\t1\n'
  writeFileSync(join(folder, 'qrels', 'test.tsv'), qrels)
})
afterAll(() => rmSync(data, { recursive: true, force: true }))

function run(name: string, ...options: string[]) {
  const script = fileURLToPath(new URL(`../../bench/${name}.mjs`, import.meta.url))
  const common = ['--data', data, '--collections', 'cranfield', '--passes', '1']
  return runProgram(process.execPath, [script, ...common, ...options])
}

const rowsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

describe('benchmarks on judged collections', () => {
  it('query-modes measures each mode, and says where a figure is not the expected one', () => {
    const { status, stdout } = run('query-modes', '--json', '--unchecked')
    expect(status).toBe(0)
    const rows = rowsOf(stdout)
    expect(rows.map(({ mode }) => mode)).toEqual(['full', 'no-expansion', 'inference-free'])
    for (const { ndcg, queryTerms, encodeMs, searchMs, totalMs } of rows) {
      expect(ndcg).toEqual({ Cranfield: 1 })
      for (const figure of [queryTerms, encodeMs, searchMs, totalMs]) {
        expect(figure).toBeGreaterThan(0)
      }
    }
    // "fog on the coast", "ropes that slip", as word pieces.
    expect(rows[2].queryTerms).toBeGreaterThanOrEqual(3.5)
    expect(rows[0].encodeMs).toBeGreaterThan(rows[2].encodeMs)
    const checked = run('query-modes', '--json')
    expect(checked.status).toBe(1)
    expect(checked.stderr).toContain('inference-free: Cranfield 1.0000, not 0.3491')
  })

  it('pruning measures each limit beside none', () => {
    const { status, stdout } = run('pruning', '--json')
    expect(status).toBe(0)
    const [whole, ...limits] = rowsOf(stdout)
    expect(whole).toMatchObject({ setting: {}, ndcg: { Cranfield: 1 } })
    for (const { terms, bytes, searchMs } of limits) {
      expect(terms).toBeLessThanOrEqual(whole.terms)
      expect(bytes).toBeLessThanOrEqual(whole.bytes)
      expect(searchMs).toBeGreaterThan(0)
    }
    const half = limits.find(({ setting }) => setting.pruneMass === 0.5)
    expect(half.terms).toBeLessThan(whole.terms / 2)
  })

  it('refuses a collection that is not there', () => {
    expect(run('pruning', '--collections', 'scifact')).toMatchObject({ status: 2, stdout: '' })
    expect(run('query-modes', '--passes', '0')).toMatchObject({ status: 2, stdout: '' })
  })

  it('times ways in turn, without the first pass', async () => {
    const calls: string[] = []
    const way = (name: string) => (item: number) => calls.push(`${name}${item}`)
    const times = await alternate([1, 2], [way('a'), way('b')], 2)
    expect(calls.join(' ')).toBe('a1 a2 b1 b2 b1 b2 a1 a2 a1 a2 b1 b2')
    expect(times).toHaveLength(2)
  })
})
