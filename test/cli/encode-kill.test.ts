import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'esplanade'
import { describe, expect, it } from 'vitest'
import { parseLine } from '../../src/cli/vector-lines.ts'
import { cliFolder, lines } from './cli-folder.ts'
import { runCli, startCli } from './run-cli.ts'

/** `ENCODE_KILLS=100 npx vitest run test/cli/encode-kill.test.ts` is the long run. */
const NUM_KILLS = Number(process.env.ENCODE_KILLS ?? 10)
/** Several windows of the encoder, and several batches of a collection. */
const NUM_TEXTS = 1300

const words = 'salt wind tide rope mast gull fog bridge river lamp stone boat bell chart'.split(' ')
const documents = Array.from({ length: NUM_TEXTS }, (_, n) => ({
  _id: `text ${n}`,
  text: Array.from({ length: 2 + (n % 5) }, (_, i) => words[(n * 5 + i * i) % words.length]).join(
    ' '
  )
}))

const { at, write } = cliFolder()

/** When a run is killed: some time after its file was there or, as often, after it had grown. */
async function killAtRandom(args: readonly string[], watched: string): Promise<boolean> {
  const size = () => (existsSync(watched) ? statSync(watched).size : -1)
  const sizeBefore = size()
  const waitsForWork = Math.random() < 0.7
  const { child, finished } = startCli(args)
  const isSoFar = () => (waitsForWork ? size() > sizeBefore : size() >= 0)
  const running = { isEnded: false }
  const ended = finished.then(result => {
    running.isEnded = true
    return result
  })
  while (!running.isEnded && !isSoFar()) await sleep(2)
  await Promise.race([ended, sleep(Math.random() * 300)])
  child.kill('SIGKILL')
  const { code, stderr } = await ended
  if (code !== null && code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
  return code === null
}

/** The keys of a file of vectors, after a look at every line. */
function keysOf(path: string): string[] {
  const wholeLines = readFileSync(path, 'utf8').split('\n')
  expect(wholeLines.pop()).toBe('')
  return wholeLines.map(line => parseLine('jsonl', line, path).key)
}

describe(`${NUM_KILLS} kills`, () => {
  it(
    'cost encode no text and give it none twice',
    async () => {
      const corpus = write('corpus.jsonl', lines(...documents))
      const undisturbed = at('undisturbed.jsonl')
      expect((await runCli(['encode', corpus, '--to', undisturbed])).code).toBe(0)
      const expected = keysOf(undisturbed)
      expect(expected).toEqual(documents.map(({ _id }) => _id))
      const shards = ['1/1', '1/2', '2/2']
      for (let numKills = 0, target = 0; numKills < NUM_KILLS; target++) {
        const shard = shards[target % shards.length]!
        const to = at(`${target}.jsonl`)
        const args = ['encode', corpus, '--to', to, '--shard', shard, '--resume']
        while (numKills < NUM_KILLS && !existsSync(to)) {
          if (await killAtRandom(args, `${to}.partial`)) numKills++
        }
        const { code, stderr } = await runCli(args)
        expect([code, stderr]).toEqual([0, expect.stringMatching(/encoded in|is complete/)])
        const [index, numShards] = shard.split('/').map(Number) as [number, number]
        expect(keysOf(to)).toEqual(expected.filter((_, i) => i % numShards === index - 1))
        expectSameVectors(to, undisturbed)
        expect(existsSync(`${to}.partial`)).toBe(false)
        expect(existsSync(`${to}.partial.json`)).toBe(false)
      }
    },
    60_000 + NUM_KILLS * 20_000
  )

  it(
    'cost index no document and give it none twice',
    async () => {
      const corpus = write('documents.jsonl', lines(...documents))
      for (let numKills = 0, target = 0; numKills < NUM_KILLS / 2; target++) {
        const to = at(`collection ${target}`)
        const args = ['index', corpus, '--to', to]
        for (let runs = 0; numKills < NUM_KILLS / 2 && runs < 6; runs++) {
          if (await killAtRandom(args, join(to, 'collection.json'))) numKills++
        }
        const { code, stderr } = await runCli(args)
        expect([code, stderr]).toEqual([0, expect.stringContaining('1,300 documents')])
        await using collection = await open(to, { readOnly: true })
        await using snapshot = await collection.snapshot()
        const keys: string[] = []
        for await (const { key } of snapshot.documents({})) keys.push(key)
        expect(keys.toSorted()).toEqual(documents.map(({ _id }) => _id).toSorted())
        const { hits } = await collection.search('salt wind on the bridge', { k: 3 })
        expect(hits).toHaveLength(3)
      }
    },
    60_000 + NUM_KILLS * 20_000
  )
})

describe('what an interrupted run left', () => {
  it('is gone on with only as it was begun', async () => {
    const corpus = write('begun.jsonl', lines(...documents))
    const to = at('begun.jsonl.vectors')
    const { child, finished } = startCli(['encode', corpus, '--to', to, '--top-tokens', '900'])
    const hasWork = () => existsSync(`${to}.partial`) && statSync(`${to}.partial`).size > 0
    while (!hasWork() && child.exitCode === null) await sleep(5)
    child.kill('SIGINT')
    const stopped = await finished
    expect(stopped.code).toBe(1)
    expect(stopped.stderr).toContain('the same command with --resume continues them')
    const numLeft = readFileSync(`${to}.partial`, 'utf8').split('\n').length
    const resume = ['encode', corpus, '--to', to, '--resume']
    const others: [string[], string][] = [
      [['--precision', 'float32', '--top-tokens', '900'], 'begun with precision mixed'],
      [['--shard', '1/2', '--top-tokens', '900'], 'begun with --shard 1/1'],
      // Vectors of fewer terms look the same with either limit.
      [[], 'begun with --top-tokens 900, which is now left out']
    ]
    for (const [options, problem] of others) {
      const refused = await runCli([...resume, ...options])
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(problem)])
    }
    expect(readFileSync(`${to}.partial`, 'utf8').split('\n')).toHaveLength(numLeft)
    expect((await runCli([...resume, '--top-tokens', '900'])).code).toBe(0)
    expect(keysOf(to)).toEqual(documents.map(({ _id }) => _id))
    expect(existsSync(`${to}.partial.json`)).toBe(false)
  }, 180_000)
})

/** The company of a text in its batch changes the last digits of a weight. */
function expectSameVectors(path: string, other: string): void {
  const vectors = new Map(
    readFileSync(other, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => parseLine('jsonl', line, other))
      .map(({ key, weights }) => [key, weights])
  )
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    const { key, weights } = parseLine('jsonl', line, path)
    const expected = vectors.get(key)!
    for (const term of new Set([...weights.keys(), ...expected.keys()])) {
      expect(Math.abs((weights.get(term) ?? 0) - (expected.get(term) ?? 0))).toBeLessThan(1e-3)
    }
  }
}
