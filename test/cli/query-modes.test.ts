import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { open } from '../../src/entry/index.ts'
import { cliFolder, indexHarbour, lines } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const { at, write } = cliFolder(indexHarbour)
const query = 'the boats in the harbour'
const MODE = ['--query-mode', 'inference-free']

/** What the library finds. */
async function found(): Promise<readonly { key: string; score: number }[]> {
  await using collection = await open(at('harbour'), { readOnly: true })
  const { hits } = await collection.search(query, { queryMode: 'inference-free' })
  expect(hits[0]?.key).toBe('gulls')
  return hits.map(({ key, score }) => ({ key, score }))
}

describe('--query-mode', () => {
  it('is that of the library in search, run and explain', async () => {
    const hits = await found()
    const shown = await runCli(['search', at('harbour'), query, ...MODE, '--json'])
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(jsonLines<object>(shown)).toMatchObject(hits)
    const topics = write('topics.tsv', `q1\t${query}\n`)
    const run = await runCli(['run', at('harbour'), topics, ...MODE])
    expect(
      run.stdout
        .trimEnd()
        .split('\n')
        .map(line => line.split(' ')[2])
    ).toEqual(hits.map(({ key }) => key))
    const explained = await runCli(['explain', at('harbour'), query, 'gulls', ...MODE, '--json'])
    const [{ score, terms }] = jsonLines<{ score: number; terms: { inQuery: boolean }[] }>(
      explained
    ) as [{ score: number; terms: { inQuery: boolean }[] }]
    expect(score).toBeCloseTo(hits[0]!.score, 5)
    expect(terms.every(({ inQuery }) => inQuery)).toBe(true)
  })

  it('takes the weights that inspect --idf writes', async () => {
    const { code, stdout } = await runCli(['inspect', at('harbour'), '--idf'])
    expect(code).toBe(0)
    const table: Record<string, number> = JSON.parse(stdout)
    expect(table).not.toHaveProperty('[CLS]')
    const idf = write('idf.json', stdout)
    const input = write('queries.jsonl', lines({ _id: 'q1', text: query }))
    const encode = ['encode', input, '--query', '--idf', idf]
    const encoded = await runCli([...encode, ...MODE])
    const [{ indices, values }] = jsonLines<{ indices: number[]; values: number[] }>(encoded) as [
      { indices: number[]; values: number[] }
    ]
    await using collection = await open(at('harbour'), { readOnly: true })
    const { vocabulary } = await collection.tokenizer()
    const terms = ['the', 'boats', 'in', 'harbour'].map(term => [vocabulary.idOf(term)!, term])
    const expected = terms.sort().map(([id, term]) => [id, table[term as string]])
    expect(indices.map((id, i) => [id, values[i]]).sort()).toEqual(expected)
    expect((await runCli(encode)).stdout).toBe(encoded.stdout)
    const vector = JSON.stringify({ indices, values })
    const shown = await runCli(['search', at('harbour'), vector, '--vector', '--json'])
    const byText = ['search', at('harbour'), query, ...MODE, '--mode', 'sparse', '--json']
    expect(jsonLines<object>(shown)).toEqual(jsonLines<object>(await runCli(byText)))
    const expanded = await runCli(['expand', query, '--idf', idf, '--json'])
    expect(jsonLines<object>(expanded)).toMatchObject([{ numActiveTerms: 4, numExpansionTerms: 0 }])
  })

  it('says what is missing, and what does not go together', async () => {
    const input = write('one.jsonl', lines({ _id: 'q1', text: query }))
    const other = write('other.json', '{"no such token": 1}')
    const list = write('list.json', '[1]')
    const cases: [string[], string, number][] = [
      [['expand', query, ...MODE], 'esplanade inspect DIR --idf', 2],
      [['encode', input, ...MODE], '--query-mode: the texts are encoded as documents', 2],
      [['expand', query, '--idf', other], 'no such token', 2],
      [['expand', query, '--idf', list], 'it is no JSON object', 2],
      [['expand', query, '--idf', at('missing.json')], 'no such file', 1],
      [['expand', query, '--query-mode', 'full', '--idf', other], 'which has no use for it', 2],
      [['search', at('harbour'), query, '--query-mode', 'fast'], 'Allowed choices', 2]
    ]
    for (const [args, message, code] of cases) {
      const refused = await runCli(args)
      expect(refused.stderr).toContain(message)
      expect(refused).toMatchObject({ code, stdout: '' })
    }
  })
})

describe('models that are not there', () => {
  /** A copy of the shipped model. */
  const copyOf = (name: string): string => {
    cpSync(fileURLToPath(new URL('../../models/splade-tiny', import.meta.url)), at(name), {
      recursive: true
    })
    return at(name)
  }
  const weights = 'model.safetensors'

  it('tune --query-mode inference-free needs no weights', async () => {
    const model = copyOf('tuned')
    const made = await runCli([
      'index',
      at('harbour.jsonl'),
      ...['--to', at('tuning'), '--model', model]
    ])
    expect(made.code).toBe(0)
    rmSync(join(model, weights))
    const queries = write('asked.tsv', `q1\t${query}\nq2\ta rope\n`)
    const tune = ['tune', at('tuning'), '--queries', queries, '--k', '1']
    expect((await runCli(tune)).stderr).toContain('[MODEL_NOT_FOUND]')
    const tuned = await runCli([...tune, ...MODE, '--json'])
    expect(tuned.code).toBe(0)
    expect(jsonLines(tuned)[0]).toMatchObject({ strategy: 'auto', overlap: 1 })
  })

  it('index --query-model names the one that encodes the queries of the collection', async () => {
    const model = copyOf('asking')
    const made = await runCli([
      'index',
      at('harbour.jsonl'),
      ...['--to', at('asked'), '--query-model', model]
    ])
    expect(made.code).toBe(0)
    const search = (name: string) => runCli(['search', at(name), query, '--json'])
    const shown = await search('asked')
    expect(jsonLines(shown)).toEqual(jsonLines(await search('harbour')))
    rmSync(join(model, weights))
    const refused = await search('asked')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('[MODEL_NOT_FOUND]')
    expect(refused.stderr).toContain(join(model, weights))
  })
})

describe('--prune-mass', () => {
  it('is kept by index and encode', async () => {
    const file = at('harbour.jsonl')
    const args = ['index', file, '--to', at('pruned')]
    expect((await runCli([...args, '--prune-mass', '0.5'])).code).toBe(0)
    const inspected = await runCli(['inspect', at('pruned')])
    expect(inspected.stdout).toMatch(/^kept of a vector +50 % of the mass$/m)
    const again = await runCli([...args, '--prune-mass', '0.6'])
    expect(again.stderr).toContain('COLLECTION_MISMATCH')
    const encoded = await runCli(['encode', file, '--prune-mass', '0.5'])
    await using encoder = await SparseEncoder.load('splade-tiny')
    const { text } = JSON.parse(readFileSync(file, 'utf8').split('\n')[1]!)
    const vector = await encoder.encodeDocument(`Gulls ${text}`, { pruneMass: 0.5 })
    expect(jsonLines<object>(encoded)[1]).toMatchObject({ indices: [...vector.terms] })
    for (const share of ['0', '1.1', 'half']) {
      const refused = await runCli([...args, '--prune-mass', share])
      expect(refused).toMatchObject({ code: 2, stdout: '' })
    }
  })
})
