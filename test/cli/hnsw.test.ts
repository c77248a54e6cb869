import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../collection/checked-collection.ts'
import { runCli } from './run-cli.ts'

const model = fileURLToPath(new URL('../golden/dense/bert-mean', import.meta.url))

it('index --dense-index hnsw makes a collection with graphs, searched exactly if asked', async () => {
  const folder = temporaryFolder()
  const corpus = join(folder, 'corpus.jsonl')
  const lines = ['the ferry', 'the harbour', 'bread', 'a lighthouse'].map((text, i) =>
    JSON.stringify({ _id: `d${i}`, text })
  )
  writeFileSync(corpus, lines.join('\n'))
  const to = join(folder, 'notes.esplanade')
  const index = ['index', corpus, '--to', to, '--mode', 'bm25,dense', '--dense-model', model]
  const made = await runCli([...index, '--dense-index', 'hnsw'])
  expect(made.code, made.stderr).toBe(0)
  const settings = JSON.parse(readFileSync(join(to, 'g1/settings.json'), 'utf8'))
  expect(settings.dense.index).toBe('hnsw')

  const inspected = await runCli(['inspect', to])
  expect(inspected.stdout).toContain('HNSW of none yet')

  const other = await runCli([...index, '--dense-index', 'flat'])
  expect(other.code).not.toBe(0)
  expect(other.stderr).toContain('flat was asked for')

  const topics = join(folder, 'topics.tsv')
  writeFileSync(topics, 'q1\tferry\n')
  const answers = ['exact', 'hnsw'].map(async strategy => {
    const options = ['--mode', 'dense', '--dense-strategy', strategy]
    const found = await runCli(['search', to, 'ferry', '--json', ...options])
    expect(found.code, found.stderr).toBe(0)
    const run = await runCli(['run', to, topics, ...options])
    expect(run.code, run.stderr).toBe(0)
    return [found.stdout, run.stdout]
  })
  const [exact, walked] = await Promise.all(answers)
  // So few vectors have no graph: all are scanned.
  expect(walked).toEqual(exact)
  expect(exact![0]!.split('\n')).toHaveLength(5)

  const again = ['reencode', to, '--dense-model', join(model, '../distilbert-cls')]
  const reencoded = await runCli(again)
  expect(reencoded.code, reencoded.stderr).toBe(0)
  const changed = JSON.parse(readFileSync(join(to, 'g2/settings.json'), 'utf8'))
  expect(changed.dense).toMatchObject({ index: 'hnsw' })
  expect(changed.dense.model.fingerprint).not.toBe(settings.dense.model.fingerprint)

  const refused = await runCli([
    ...['index', corpus, '--to', join(folder, 'b'), '--mode', 'bm25'],
    ...['--dense-index', 'hnsw']
  ])
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('--mode')
}, 120_000)
