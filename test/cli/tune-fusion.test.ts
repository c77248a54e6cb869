import { existsSync, readFileSync, rmSync } from 'node:fs'
import { open, readFusionTuning } from 'esplanade'
import { beforeEach, describe, expect, it } from 'vitest'
import { cliFolder, lines } from './cli-folder.ts'
import { runCli, startCli } from './run-cli.ts'

const WORDS = (
  'harbour lantern ladder bridge garden castle window kettle anchor forest river candle ' +
  'mirror hammer blanket tower'
).split(' ')

/**
 * For each word a text of nothing else, whose vector says nothing of it, and one that mentions it: the
 * words find both, the former first, and the model's terms the latter alone, which a third mentions, too.
 */
const texts = WORDS.flatMap((word, i) => {
  const other = WORDS[(i + 5) % WORDS.length]
  return [
    { _id: `only-${word}`, text: `${word} ${word}`, indices: [2000 + i], values: [0.5] },
    {
      _id: `also-${word}`,
      text: `A ${word} was seen from afar, and behind it there was a ${other}.`
    }
  ]
})
const { at, write } = cliFolder(async ({ at, write }) => {
  const file = write('texts.jsonl', lines(...texts))
  expect(await runCli(['index', file, '--to', at('words')])).toMatchObject({ code: 0 })
  write('topics.tsv', WORDS.map(word => `${word}\t${word}\n`).join(''))
  write('only.txt', WORDS.map(word => `${word} 0 only-${word} 1\n`).join(''))
  write('also.txt', WORDS.map(word => `${word} 0 also-${word} 1\n`).join(''))
})

const FILE = ['words', 'g1', 'tuning.json']
const judged = (name: string) => [
  '--topics',
  at('topics.tsv'),
  '--qrels',
  at(name),
  '--metric',
  'RR'
]
const tune = (...args: string[]) => runCli(['tune', at('words'), ...args])
beforeEach(() => rmSync(at(...FILE), { force: true }))

/** The share of queries whose judged document a hybrid search of the collection has first. */
async function shareFirst(prefix: string): Promise<number> {
  await using collection = await open(at('words'), { readOnly: true })
  let numFirst = 0
  for (const word of WORDS) {
    const { hits } = await collection.search(word, { mode: 'hybrid', k: 1 })
    if (hits[0]?.key === `${prefix}-${word}`) numFirst++
  }
  return numFirst / WORDS.length
}

describe('tune --topics --qrels', () => {
  it('learns weights, keeps those that are better, and hybrid searches use them', async () => {
    expect(await shareFirst('only')).toBe(0)
    const { code, stdout, stderr } = await tune(...judged('only.txt'))
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^16 queries judged\n/)
    expect(stdout).toMatch(/^default +0\.3333 .* convex \(min-max\): sparse 0\.5, bm25 0\.5$/m)
    expect(stdout).toMatch(/^learned +1\.0000 +1\.0000 to 1\.0000 +on queries not learned from$/m)
    expect(stdout).toMatch(/^difference +\+0\.6667 .* p <0\.0001, win\/tie\/loss 16\/0\/0$/m)
    expect(
      stdout.match(/^[1-5] +[34] +0\.3333 +1\.0000 {2}convex \(min-max\): sparse 0\.\d+/gm)
    ).toHaveLength(5)
    expect(stderr).toMatch(
      /^kept: convex \(min-max\): sparse 0\.\d+, bm25 0\.\d+; searches of mode hybrid/
    )
    const kept = await readFusionTuning(at('words'))
    expect(kept).toMatchObject({
      fusion: { method: 'convex', normalization: 'min-max', depth: 1000 },
      metric: 'RR',
      heldOutMean: 1,
      defaultMean: expect.closeTo(1 / 3, 9),
      numQueries: 16,
      numFolds: 5,
      seed: 1,
      numDocuments: 32
    })
    expect(kept!.fusion.weights.bm25).toBeGreaterThan(0.5)
    expect(await shareFirst('only')).toBe(1)
  })

  it('gives the same as JSON, for a seed and other folds', async () => {
    const args = [...judged('only.txt'), '--json', '--seed', '7', '--folds', '4', '--depth', '20']
    const { code, stdout } = await tune(...args)
    expect(code).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({
      metric: 'RR',
      numQueries: 16,
      isKept: true,
      heldOut: { mean: 1, low: 1, high: 1 },
      default: {
        mean: expect.closeTo(1 / 3, 9),
        fusion: { weights: { sparse: 0.5, bm25: 0.5 }, depth: 20 }
      },
      difference: { mean: expect.closeTo(2 / 3, 9), wins: 16, ties: 0, losses: 0 },
      numUnanswered: 0,
      numUnanswerable: 0,
      numUnjudged: 0
    })
    expect(found.folds).toHaveLength(4)
    expect(found.folds[0]).toMatchObject({
      numQueries: 4,
      heldOutMean: 1,
      defaultMean: expect.closeTo(1 / 3, 9)
    })
    expect((await tune(...args)).stdout).toBe(stdout)
    expect((await readFusionTuning(at('words')))!.fusion).toEqual(found.fusion)
  })

  it('keeps nothing that is no better, unless it is forced to', async () => {
    const { code, stdout, stderr } = await tune(...judged('also.txt'))
    expect(code).toBe(0)
    expect(stdout).toMatch(/^difference +0\.0000 /m)
    expect(stderr).toContain('nothing is kept (--force keeps it)')
    expect(existsSync(at(...FILE))).toBe(false)
    const forced = await tune(...judged('also.txt'), '--force')
    expect(forced.stderr).toContain('kept: convex')
    expect(await shareFirst('also')).toBe(1)
  })

  it('chooses the method, too, and leaves an approximate setting alone', async () => {
    const approximate = {
      format: 'esplanade-tuning',
      version: 1,
      overlap: 0.9,
      k: 10,
      strategy: { name: 'approximate', alpha: 0.6 },
      numDocuments: 32,
      numPostings: 500,
      measuredOverlap: 0.95,
      sampleSize: 20
    }
    write(FILE.join('/'), JSON.stringify(approximate))
    const { code, stdout } = await tune(...judged('only.txt'), '--fusion', 'auto', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).heldOut.mean).toBeGreaterThan(0.9)
    const file = JSON.parse(readFileSync(at(...FILE), 'utf8'))
    expect(file).toMatchObject(approximate)
    expect(file.fusion.fusion.weights.bm25).toBeGreaterThan(0.5)
    const byRanks = await tune(...judged('only.txt'), '--fusion', 'rrf', '--json')
    expect(JSON.parse(byRanks.stdout).fusion).toMatchObject({ method: 'rrf' })
  })

  it('says which queries it cannot learn from', async () => {
    const qrels = write(
      'more.txt',
      `${readFileSync(at('only.txt'), 'utf8').replace('tower 0 only-tower 1\n', '')}lost 0 only-tower 1\nriver2 0 x 0\n`
    )
    const topics = write('more.tsv', `${readFileSync(at('topics.tsv'), 'utf8')}river2\triver\n`)
    const { code, stdout, stderr } = await tune(
      '--topics',
      topics,
      '--qrels',
      qrels,
      '--metric',
      'RR'
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/^17 queries judged\n/)
    expect(stdout).toMatch(/^learned +0\.8824 /m)
    expect(stderr).toContain(
      'note: 1 query judged without a topic or without hits; each counts 0 (lost)\n'
    )
    expect(stderr).toContain(
      'note: 1 query judged without a relevant document; each counts 0 (river2)\n'
    )
    expect(stderr).toContain('note: 1 query without judgements, left out\n')
  })

  it.each<[string, () => string[], number, string]>([
    ['too few queries', () => [...judged('only.txt'), '--folds', '9'], 2, '18 or more: 2 a fold'],
    ['one fold', () => [...judged('only.txt'), '--folds', '1'], 2, 'whole number from 2'],
    ['no judgements', () => judged('only.txt').slice(0, 2), 2, 'given without --qrels'],
    ['no topics', () => judged('only.txt').slice(2), 2, 'given without --topics'],
    ['--force alone', () => ['--force'], 2, 'given without --topics'],
    [
      'options of both kinds',
      () => [...judged('only.txt'), '--overlap', '0.9'],
      2,
      'cannot be used with'
    ],
    [
      'an unknown metric',
      () => [...judged('only.txt'), '--metric', 'nDGC@10'],
      2,
      'METRIC_UNKNOWN'
    ],
    ['an unknown fusion', () => [...judged('only.txt'), '--fusion', 'borda'], 2, 'convex-dbsf'],
    [
      'topics of others',
      () => ['--topics', write('others.tsv', 'x\tword\n'), '--qrels', at('only.txt')],
      1,
      'none of its 1 queries is judged'
    ]
  ])('refuses %s', async (_, args, expectedCode, message) => {
    const { code, stdout, stderr } = await tune(...args())
    expect({ code, stdout }).toEqual({ code: expectedCode, stdout: '' })
    expect(stderr).toContain(message)
    expect(existsSync(at(...FILE))).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('stops at Ctrl-C and keeps nothing', async () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `q${i}`)
    const word = (i: number) => WORDS[i % WORDS.length]
    const topics = ids.map((id, i) => `${id}\t${word(i)} ${word(i * 7)} ${i}\n`).join('')
    const qrels = write('many.txt', ids.map((id, i) => `${id} 0 only-${word(i)} 1\n`).join(''))
    const args = ['tune', at('words'), '--topics', '-', '--qrels', qrels]
    const { child, finished } = startCli(args)
    // More than a pipe holds: once it has flown off, the command is at work.
    await new Promise(resolve => child.stdin?.end(topics, () => resolve(undefined)))
    child.kill('SIGINT')
    const { code, stdout, stderr } = await finished
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('stopping')
    expect(stderr).toContain('ABORTED')
    expect(existsSync(at(...FILE))).toBe(false)
  })
})
