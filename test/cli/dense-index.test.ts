import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { cliFolder } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

/** A random one: what it finds means nothing, and is the same every time. */
const denseModel = fileURLToPath(new URL('../golden/dense/bert-mean', import.meta.url))

const { at, write } = cliFolder(async () => undefined)

const CORPUS = [
  { _id: 'tides', text: 'The moon pulls the sea up and lets it fall again.' },
  { _id: 'gulls', text: 'Gulls follow the fishing boats to the harbour.' },
  { _id: 'blank', text: ' ' }
]

/** Makes a collection, and says what it is. */
async function indexed(name: string, ...flags: string[]) {
  const corpus = write('corpus.jsonl', CORPUS.map(line => JSON.stringify(line)).join('\n'))
  const result = await runCli(['index', corpus, '--to', at(name), ...flags, '--json'])
  expect(result).toMatchObject({ code: 0 })
  const [found] = jsonLines<Record<string, unknown>>(await runCli(['inspect', at(name), '--json']))
  return { summary: JSON.parse(result.stdout), found: found! }
}

describe('index', () => {
  it('--dense-model keeps dense vectors beside terms and words', async () => {
    const { summary, found } = await indexed('all', '--dense-model', denseModel)
    expect(summary).toMatchObject({ numWritten: 3, numTruncated: 0, numDenseTruncated: 0 })
    const { model, lexical, dense } = found
    expect(model).toMatchObject({ name: 'splade-tiny' })
    expect(lexical).toBeDefined()
    expect(dense).toMatchObject({
      numVectors: 2,
      settings: { metric: 'cosine', model: { name: 'bert-mean', source: denseModel } }
    })
    const { stdout } = await runCli(['inspect', at('all')])
    expect(stdout).toMatch(/^dense +\d+ dimensions, cosine$/m)
    expect(stdout).toMatch(/^ {2}vectors +2, .* on disk and in memory$/m)
    const again = await runCli(['index', at('corpus.jsonl'), '--to', at('all'), '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ numWritten: 0, numUnchanged: 3 })
  })

  it.each([
    ['dense', ['--dense-model', denseModel], [false, false, true]],
    ['bm25', [], [false, true, false]],
    ['bm25,dense', ['--dense-model', denseModel], [false, true, true]]
  ])('--mode %s keeps that', async (mode, flags, kept) => {
    const { found } = await indexed(mode, '--mode', mode, ...flags)
    const { model, lexical, dense } = found
    expect([model, lexical, dense].map(one => one !== undefined)).toEqual(kept)
    const into = ['index', at('corpus.jsonl'), '--to', at(mode)]
    const again = await runCli([...into, '--mode', mode])
    expect(again).toMatchObject({ code: 0 })
    const refused = await runCli([...into, '--mode', 'sparse'])
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(/the collection was made with/)
  })

  it.each([
    [['--mode', 'dense'], /dense\.dimensions.*--dense-model/],
    [['--mode', 'sparse', '--dense-model', 'x'], /names no dense, and --dense-model x/],
    [['--mode', 'bm25', '--model', 'splade-tiny'], /names no sparse, and --model splade-tiny/],
    [['--mode', 'sparse,bm25', '--no-lexical'], /names bm25, and --no-lexical/],
    [['--mode', 'sparse', '--lexical'], /names no bm25, and --lexical/]
  ])('%j is refused, and nothing is written', async (flags, message) => {
    const result = await runCli(['index', at('corpus.jsonl'), '--to', at('refused'), ...flags])
    expect(result.code).not.toBe(0)
    expect(result.stderr).toMatch(message)
    expect(existsSync(at('refused'))).toBe(false)
  })
})

describe('reencode', () => {
  it('--dense-model gives a collection dense vectors', async () => {
    await indexed('words', '--mode', 'bm25')
    const result = await runCli(['reencode', at('words'), '--dense-model', denseModel])
    expect(result).toMatchObject({ code: 0 })
    expect(result.stderr).toMatch(/3 documents encoded anew with .*bert-mean/)
    const [found] = jsonLines(await runCli(['inspect', at('words'), '--json']))
    expect(found).toMatchObject({ dense: { numVectors: 2 } })
    const none = await runCli(['reencode', at('words')])
    expect(none.stderr).toMatch(/no new model is named/)
  })
})
