import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour, lines } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const { at, write } = cliFolder(indexHarbour)

describe('run and eval', () => {
  beforeAll(() => {
    write('harbour.jsonl.gz', 'not packed')
    writeFileSync(at('latin-1.txt'), Buffer.from('1 0 M\xfcller 1\n', 'latin1'))
  })
  const topics = () =>
    write('topics.tsv', '1\tlunar effects on the ocean\n2\tbirds behind a ship\n3\trope\n')
  const qrels = () => write('qrels.txt', '1 0 tides 1\n2 0 gulls 2\n3 0 knots 1\n')

  it('a run is judged like any other', async () => {
    const made = await runCli(['run', at('harbour'), topics(), '--k', '3', '--to', at('run.trec')])
    expect(made.code).toBe(0)
    const run = readFileSync(at('run.trec'), 'utf8')
    expect(run.split('\n')[0]).toMatch(/^1 Q0 tides 1 \d+\.\d+ esplanade$/)
    const args = [
      'eval',
      at('run.trec'),
      '--qrels',
      qrels(),
      '--json',
      '--metrics',
      'nDCG@10 RR@10'
    ]
    const { stdout } = await runCli(args)
    expect(JSON.parse(stdout)).toEqual({ 'nDCG@10': 1, 'RR@10': 1 })
    const table = await runCli(['eval', at('run.trec'), '--qrels', qrels(), '--per-query'])
    expect(table.stdout).toMatch(/mean of 3\s+1\.0000/)
  })

  it('a topic may hold separators that are no line ends', async () => {
    const separators = `{"_id": "1", "text": "lunar effects\u2028on the\u0085ocean"}\n`
    const found = await runCli(['run', at('harbour'), write('separators.jsonl', separators)])
    expect(found.code).toBe(0)
    expect(found.stdout).toMatch(/^1 Q0 tides 1 /)
  })

  it('a key that no run can hold is refused before the search', async () => {
    const spaced = lines({ _id: 'a b', text: 'rope' }, { _id: 'c', text: 'moon' })
    await runCli(['index', write('spaced.jsonl', spaced), '--to', at('spaced')])
    const { code, stdout, stderr } = await runCli(['run', at('spaced'), topics()])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('INVALID_KEY')
  })

  it('of documents that pass a filter', async () => {
    const filter = ['--filter', '{"year": {"$gt": 1900}}']
    const { code, stdout } = await runCli(['run', at('harbour'), topics(), ...filter])
    expect(code).toBe(0)
    expect(stdout).toContain(' gulls ')
    expect(stdout).not.toContain(' tides ')
  })

  it('to standard output, the same', async () => {
    const { stdout } = await runCli(['run', at('harbour'), topics(), '--k', '3'])
    expect(stdout).toBe(readFileSync(at('run.trec'), 'utf8'))
  })

  it('notes tied scores that make a difference', async () => {
    const tied = write('tied.trec', '1 Q0 tides 1 5.0 x\n1 Q0 zebra 2 5.0 x\n')
    const one = write('one.txt', '1 0 tides 1\n')
    const { stdout, stderr } = await runCli([
      'eval',
      tied,
      '--qrels',
      one,
      '--metrics',
      'RR',
      '--json'
    ])
    expect(JSON.parse(stdout)).toEqual({ RR: 0.5 })
    expect(stderr).toContain('RR 1.0000 (--order given)')
    const given = await runCli([
      'eval',
      tied,
      '--qrels',
      one,
      '--metrics',
      'RR',
      '--json',
      '--order',
      'given'
    ])
    expect(JSON.parse(given.stdout)).toEqual({ RR: 1 })
  })

  it.each([
    [['eval', 'run.trec', '--qrels', 'nowhere.txt'], 1, 'FILE_NOT_FOUND'],
    [['eval', 'run.trec', '--qrels', '.'], 1, 'FILE_UNREADABLE'],
    [['eval', 'run.trec'], 2, '--qrels'],
    [['eval', 'topics.tsv', '--qrels', 'qrels.txt'], 1, 'topics.tsv:1'],
    [['eval', 'run.trec', '--qrels', 'qrels.txt', '--metrics', 'nDGC@10'], 2, 'METRIC_UNKNOWN'],
    [['eval', 'run.trec', '--qrels', 'harbour.jsonl.gz'], 1, 'not a whole gzip file'],
    [['eval', 'run.trec', '--qrels', 'latin-1.txt'], 1, 'not valid UTF-8'],
    [['run', 'harbour', 'topics.tsv', '--tag', 'my run'], 2, 'Expected one word'],
    [['run', 'harbour', 'nowhere.tsv'], 1, 'FILE_NOT_FOUND'],
    [['run', 'harbour', 'topics.tsv', '--to', 'no/such/folder/run'], 1, 'FILE_UNWRITABLE']
  ])('%j', async (args, expected, message) => {
    const { code, stderr } = await runCli(args, { cwd: at() })
    expect(code).toBe(expected)
    expect(stderr).toContain(message)
  })
})

describe('doctor', () => {
  it('checks node, machine, runtime, model, and runs a self-test', async () => {
    const checked = await runCli(['doctor', '--json'])
    expect(checked.code).toBe(0)
    const names = jsonLines(checked).map(({ name }) => name)
    expect(names).toEqual(['esplanade', 'node', 'machine', 'runtime', 'model', 'self-test'])
    const broken = await runCli(['doctor', '--model', at('nowhere')])
    expect(broken.code).toBe(1)
    expect(broken.stdout).toContain('MODEL_NOT_FOUND')
  })
})
