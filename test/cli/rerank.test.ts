import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
/** Random ones: their order means nothing, and is the same every time. */
const cross = at('test/golden/rerank/cross-bert')
const colbert = at('test/golden/rerank/colbert-stanford')
const dense = at('test/golden/dense/bert-mean')

const folder = cliFolder(indexHarbour)
const search = (...args: string[]) => runCli(['search', folder.at('harbour'), 'a boat', ...args])

interface Line {
  readonly rank: number
  readonly key: string
  readonly score: number
  readonly before: { readonly rank: number; readonly score: number; readonly terms?: unknown[] }
  readonly stages: { stage: string; ms: number; parts?: { stage: string; ms: number }[] }[]
  readonly terms?: unknown[]
}

describe('search --rerank', () => {
  let plain: Line[]
  beforeAll(async () => {
    plain = jsonLines(await search('--json'))
    expect(plain.length).toBeGreaterThan(1)
  })

  it.each([
    ['a cross-encoder', cross, ['score pairs']],
    ['a ColBERT', colbert, ['encode query', 'encode documents', 'score']],
    ['a dense model', dense, ['encode query', 'encode documents', 'score']],
    ['the tokens of a dense one', `maxsim:${dense}`, ['encode query', 'encode documents', 'score']]
  ])('takes %s', async (_, model, parts) => {
    const result = await search('--rerank', model, '--json')
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const found = jsonLines<Line>(result)
    expect(found.map(({ rank }) => rank)).toEqual(plain.map(({ rank }) => rank))
    const scores = found.map(({ score }) => score)
    expect(scores).toEqual([...scores].sort((a, b) => b - a))
    for (const { key, before, stages } of found) {
      const { rank, score } = plain.find(one => one.key === key)!
      expect(before).toEqual({ rank, score })
      expect(stages.map(({ stage }) => stage)).toEqual(['encode', 'search', 'read', 'rerank'])
      expect(stages[3]!.parts!.map(({ stage }) => stage)).toEqual(parts)
    }
  })

  it('cuts to --depth, shows what hits were before, and how long each stage took', async () => {
    const { code, stdout, stderr } = await search('--rerank', cross, '--k', '1', '--depth', '1')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}1\. \w+ \d\.\d{4} \(was 1\. with \d+\.\d{4}\)/)
    expect(stdout.match(/was/g)).toHaveLength(1)
    expect(stderr).toMatch(
      /^encode .* ms, search .* ms, read .* ms, rerank .* ms \(score pairs .*\)/
    )
  })

  it('explains both stages', async () => {
    const [first] = jsonLines<Line>(await search('--rerank', cross, '--explain', '--json'))
    expect(first).toMatchObject({
      explanation: { value: first!.score, details: [{ description: 'by cross-bert' }] },
      terms: [],
      before: { explanation: { value: first!.before.score } }
    })
    expect(first!.before.terms!.length).toBeGreaterThan(0)
    const { stdout } = await search('--rerank', cross, '--explain')
    expect(stdout).toContain('query × document = product')
  })

  it.each([
    ['a model of no kind', ['--rerank', 'splade-tiny'], 1, 'cross-encoder, maxsim, dense'],
    ['no model', ['--rerank', 'nowhere'], 1, 'MODEL_NOT_FOUND'],
    ['--depth alone', ['--depth', '20'], 2, '--depth'],
    ['a depth below k', ['--rerank', cross, '--depth', '3'], 2, 'depth'],
    ['dense, where there is nothing dense', ['--rerank', 'dense'], 2, 'dense vectors'],
    ['a depth of nothing', ['--rerank', cross, '--depth', '0'], 2, 'whole number from 1']
  ])('refuses %s', async (_, args, code, message) => {
    const result = await search(...args)
    expect(result).toMatchObject({ code, stdout: '' })
    expect(result.stderr).toContain(message)
  })
})

describe('run --rerank', () => {
  it('writes the order of the second stage, as many hits as were reranked', async () => {
    const topics = folder.write('topics.tsv', 'q1\ta boat\nq2\tthe sea\n')
    const runOf = async (...args: string[]) => {
      const result = await runCli(['run', folder.at('harbour'), topics, ...args])
      expect(result.code, result.stderr).toBe(0)
      return result.stdout
        .trim()
        .split('\n')
        .map(line => line.split(' '))
    }
    const found = jsonLines<Line>(await search('--rerank', cross, '--json'))
    const reranked = await runOf('--rerank', cross)
    expect(reranked.filter(([id]) => id === 'q1').map(([, , key]) => key)).toEqual(
      found.map(({ key }) => key)
    )
    const cut = await runOf('--rerank', cross, '--depth', '1')
    expect(cut.map(([id]) => id)).toEqual(['q1', 'q2'])
    const [[, , best] = []] = await runOf()
    expect(cut[0]![2]).toBe(best)
  })
})
