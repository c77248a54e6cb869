import { describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

interface JsonHit {
  readonly key: string
  readonly score: number
  readonly subtotals?: { readonly model: number; readonly words: number }
  readonly terms?: readonly {
    readonly kind: string
    readonly term: string
    readonly stem?: string
  }[]
}

const { at, write } = cliFolder(indexHarbour)

const query = 'fishing boats'

async function hitsOf(name: string, ...flags: string[]): Promise<JsonHit[]> {
  const found = await runCli(['search', at(name), query, '--json', ...flags])
  expect(found).toMatchObject({ code: 0, stderr: '' })
  return jsonLines<JsonHit>(found)
}

describe('words beside the model', () => {
  it('are searched with --mode, and by default', async () => {
    const combined = await hitsOf('harbour', '--explain')
    expect(await hitsOf('harbour', '--mode', 'combined', '--explain')).toEqual(combined)
    const [sparse] = await hitsOf('harbour', '--mode', 'sparse')
    const words = await hitsOf('harbour', '--mode', 'bm25', '--explain')
    expect(words.map(({ key }) => key)).toEqual(['gulls'])
    const [best] = combined
    expect(best!.key).toBe('gulls')
    expect(best!.score).toBeCloseTo(sparse!.score + words[0]!.score, 4)
    expect(best!.subtotals!.words).toBeCloseTo(words[0]!.score, 6)
    expect(words[0]!.terms!.map(({ kind, term, stem }) => [kind, term, stem]).sort()).toEqual([
      ['word', 'boats', 'boat'],
      ['word', 'fishing', 'fish']
    ])
    const topics = write('topics.tsv', `q1\t${query}\nq2\tzeppelin\n`)
    const run = await runCli(['run', at('harbour'), topics, '--mode', 'bm25'])
    expect(run.stdout).toMatch(/^q1 Q0 gulls 1 \S+ esplanade\n$/)
  })

  it('are explained in the table, apart from the model', async () => {
    const { code, stdout } = await runCli(['explain', at('harbour'), query, 'gulls'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {3}= boats \(boat\) /m)
    expect(stdout).toMatch(
      /= words \(BM25\): 2 of \d+ terms, [\d.]+ % of the score; the model's [\d.]+ %/
    )
    const words = await runCli(['explain', at('harbour'), query, 'gulls', '--mode', 'bm25'])
    expect(words.stdout).toMatch(/= words \(BM25\): 2 of 2 terms, 100.0 % of the score\n/)
  })

  it('are shown by inspect, and left out by --no-lexical', async () => {
    const shown = await runCli(['inspect', at('harbour')])
    expect(shown.stdout).toMatch(/^lexical {15}BM25 \(lucene, english, k1 1.2, b 0.75, beta 1\)$/m)
    expect(shown.stdout).toMatch(/^ {2}postings {12}\d+, [\d.]+ % of all, about /m)
    const args = ['index', at('harbour.jsonl'), '--to', at('plain'), '--no-lexical']
    expect((await runCli(args)).code).toBe(0)
    const plain = await runCli(['inspect', at('plain')])
    expect(plain.stdout).not.toContain('lexical')
    expect(await hitsOf('plain')).toEqual(await hitsOf('harbour', '--mode', 'sparse'))
    const refused = await runCli(['search', at('plain'), query, '--mode', 'bm25'])
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('without lexical terms')
    const other = await runCli([...args.slice(0, -1), '--lexical'])
    expect(other.stderr).toContain('COLLECTION_MISMATCH')
  })
})
