import { describe, expect, it } from 'vitest'
import { benchTexts } from '../../src/cli/bench-texts.ts'
import { cliFolder, harbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const { write } = cliFolder()
const brief = ['--seconds', '0.1', '--rounds', '1']

describe('esplanade bench encode', () => {
  it('measures every precision, with workers and without, and says so for scripts', async () => {
    const args = ['bench', 'encode', ...brief, '--workers', '0,1', '--json']
    const result = await runCli(args)
    expect(result.code).toBe(0)
    const rows = jsonLines(result)
    expect(rows.map(({ precision, numWorkers }) => [precision, numWorkers])).toEqual([
      ['float32', 0],
      ['float32', 1],
      ['mixed', 0],
      ['mixed', 1],
      ['int8', 0],
      ['int8', 1]
    ])
    for (const row of rows) {
      expect(row).toMatchObject({ model: 'splade-tiny', maxBatchTokens: 1024, numRounds: 1 })
      for (const figure of ['textsPerS', 'tokensPerS', 'queryMsP50', 'loadMs', 'peakBytes']) {
        expect(row[figure], figure).toBeGreaterThan(0)
      }
      expect(row.queryMsP99).toBeGreaterThanOrEqual(row.queryMsP50 as number)
      expect(row.textsPerS).toBe(row.maxTextsPerS)
    }
  })

  it('shows a table of the texts of a corpus', async () => {
    const corpus = write('harbour.jsonl', harbour)
    const args = ['bench', 'encode', ...brief, '--corpus', corpus, '--precision', 'mixed']
    const { code, stdout } = await runCli([...args, '--workers', '0', '--batch-tokens', '64,128'])
    expect(code).toBe(0)
    const [machine, texts, , head, ...rows] = stdout.trimEnd().split('\n')
    expect(machine).toMatch(/^splade-tiny on .*ONNX Runtime \d/)
    expect(texts).toContain(corpus)
    expect(head).toMatch(/precision +workers +batch +texts\/s/)
    expect(rows.map(row => row.replace('→', ' ').trim().split(/ +/).slice(0, 3))).toEqual([
      ['mixed', 'none', '64'],
      ['mixed', 'none', '128']
    ])
    expect(stdout.match(/→/g)).toHaveLength(1)
  })

  it.each([
    [['--precision', 'float16'], 2, 'none of float32, mixed, int8'],
    [['--workers', '-1'], 2, 'whole number from 0'],
    [['--seconds', '0'], 2, 'number from 0.1'],
    [['--model', 'no/such/model/here'], 1, 'no/such/model/here']
  ])('refuses %j', async (options, code, problem) => {
    const result = await runCli(['bench', 'encode', ...brief, ...options])
    expect(result).toMatchObject({ code, stdout: '' })
    expect(result.stderr).toContain(problem)
  })

  it('refuses a corpus without a text', async () => {
    const corpus = write('empty.jsonl', '\n')
    await expect(benchTexts(corpus)).rejects.toMatchObject({ code: 'CORPUS_INVALID' })
  })

  it('has passages that differ, of the length that is promised', async () => {
    const { passages, queries } = await benchTexts(undefined)
    expect(new Set(passages).size).toBeGreaterThan(0.9 * passages.length)
    const numWords = passages.reduce((sum, text) => sum + text.split(' ').length, 0)
    expect(numWords / passages.length).toBeGreaterThan(55)
    expect(numWords / passages.length).toBeLessThan(80)
    expect(new Set(queries).size).toBe(queries.length)
  })
})
