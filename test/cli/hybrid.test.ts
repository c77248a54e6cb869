import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

interface JsonHit {
  readonly key: string
  readonly score: number
  readonly explanation?: { readonly value: number; readonly details: readonly { value: number }[] }
  readonly lists?: readonly {
    readonly list: string
    readonly rank?: number
    readonly value: number
  }[]
}

const MODEL = fileURLToPath(
  new URL('../../models/all-MiniLM-L6-v2/model_int8.onnx', import.meta.url)
)

const { at, write } = cliFolder(indexHarbour)

beforeAll(async () => {
  const args = ['index', at('harbour.jsonl'), '--to', at('all'), '--dense-model', MODEL]
  expect(await runCli(args)).toMatchObject({ code: 0 })
}, 120_000)

const query = 'fishing boats'

async function hitsOf(name: string, ...flags: string[]): Promise<JsonHit[]> {
  const found = await runCli(['search', at(name), query, '--json', ...flags])
  expect(found).toMatchObject({ code: 0, stderr: '' })
  return jsonLines<JsonHit>(found)
}

describe('several lists', () => {
  it('are fused by default where there is a dense model, and where --mode says so', async () => {
    const fused = await hitsOf('all', '--explain')
    expect(await hitsOf('all', '--mode', 'hybrid', '--explain')).toEqual(fused)
    const [best] = fused
    expect(best!.key).toBe('gulls')
    expect(best!.lists!.map(({ list, rank }) => [list, rank])).toEqual([
      ['sparse', 1],
      ['dense', 1],
      ['bm25', 1]
    ])
    expect(best!.score).toBeCloseTo(1, 12)
    expect(best!.explanation!.details.map(({ value }) => value)).toEqual([0.25, 0.5, 0.25])
    // Without a dense model there are two lists, and both in one vector are the default.
    const two = await hitsOf('harbour', '--mode', 'hybrid', '--explain')
    expect(two[0]!.lists!.map(({ list, value }) => [list, value])).toEqual([
      ['sparse', 0.5],
      ['bm25', 0.5]
    ])
    expect((await hitsOf('harbour', '--explain'))[0]!.lists).toBeUndefined()
  })

  it('are fused as --fusion, --normalization and --weights say', async () => {
    const byRank = await hitsOf('all', '--fusion', 'rrf')
    expect(byRank[0]!.score).toBeCloseTo(3 / 61, 12)
    const weighted = ['--weights', 'sparse=3,dense=1,bm25=0', '--explain']
    const [best] = await hitsOf('all', ...weighted)
    expect(best!.lists!.map(({ list, value }) => [list, value])).toEqual([
      ['sparse', 0.75],
      ['dense', 0.25]
    ])
    const [raw] = await hitsOf('all', '--normalization', 'none', '--weights', 'dense=0,bm25=0')
    const [sparse] = await hitsOf('all', '--mode', 'sparse')
    expect(raw!.score).toBe(sparse!.score)
    const topics = write('topics.tsv', `q1\t${query}\n`)
    const run = await runCli(['run', at('all'), topics, '--mode', 'hybrid', '--fusion', 'rrf'])
    const lines = run.stdout.trim().split('\n')
    expect(lines[0]).toMatch(/^q1 Q0 gulls 1 0\.0491803/)
    expect(lines.length).toBe(byRank.length)
  })

  it('are refused where the options mean nothing', async () => {
    const wrong = [
      ['--weights', 'words=1'],
      ['--weights', 'dense'],
      ['--weights', 'dense=1,dense=2'],
      ['--fusion', 'borda']
    ]
    for (const flags of wrong) {
      const refused = await runCli(['search', at('all'), query, ...flags])
      expect([flags, refused.code]).toEqual([flags, 2])
    }
    const nothing = await runCli(['search', at('all'), query, '--mode', 'bm25', '--fusion', 'rrf'])
    expect(nothing.stderr).toContain('nothing to fuse')
    const args = ['search', at('all'), query, '--fusion', 'rrf', '--normalization', 'dbsf']
    expect((await runCli(args)).stderr).toContain('--fusion convex')
    const one = await runCli(['search', at('harbour'), query, '--mode', 'dense'])
    expect(one.stderr).toContain('without dense vectors')
  })

  it('are explained in a table each, lists above terms', async () => {
    const { code, stdout } = await runCli(['explain', at('all'), query, 'gulls'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^gulls scores 1\.0000$/m)
    expect(stdout).toMatch(/^ {5}list +rank +score +as × weight = +adds +share$/m)
    expect(stdout).toMatch(
      /^ {5}dense +1 +0\.\d{4} +1\.0000 × +0\.500 = +0\.5000 +50\.0 % ██████$/m
    )
    expect(stdout).toMatch(/^ {3}= boats \(boat\) .* \d+\.\d % █/m)
    const dense = await runCli(['explain', at('all'), query, 'gulls', '--mode', 'dense'])
    expect(dense.stdout).toMatch(/^ {5}cosine of the dense vectors of the query and document/m)
    const words = await runCli(['explain', at('all'), 'zeppelin', 'gulls', '--mode', 'bm25'])
    expect(words.stdout).toContain('document "gulls" shares no term with the query.')
  })
})
