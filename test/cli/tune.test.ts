import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTuning } from 'esplanade'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { jsonLines, runCli } from './run-cli.ts'

/** A line of `tune --json`. */
interface JsonRow {
  readonly strategy: string | { readonly name: string }
  readonly overlap: number
  readonly latencyMs: number
  readonly speedup: number
  readonly isChosen: boolean
}

let folder: string
const at = (...path: string[]) => join(folder, ...path)
const write = (name: string, content: string) => {
  writeFileSync(at(name), content)
  return at(name)
}

/** Lines of vectors of a fixed sequence, frequent terms the most. */
function vectorLines(count: number, numTerms: number, seed: number): string {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return state / 0x7fffffff
  }
  const lines = Array.from({ length: count }, (_, i) => {
    const terms = new Set<number>()
    while (terms.size < numTerms) terms.add(Math.floor(300 * random() ** 2))
    const indices = [...terms].sort((a, b) => a - b)
    const values = indices.map(() => Number((0.1 + 2 * random() ** 3).toFixed(3)))
    return `${JSON.stringify({ _id: `v${i}`, indices, values })}\n`
  })
  return lines.join('')
}

/** What tune keeps for the collection of vectors. */
const kept = {
  format: 'esplanade-tuning',
  version: 1,
  overlap: 0.9,
  k: 10,
  strategy: { name: 'approximate', alpha: 0.6, gamma: 0.8, queryTerms: 12 },
  numDocuments: 2000,
  numPostings: 2000 * 25,
  measuredOverlap: 0.9321,
  sampleSize: 50
}
const keep = (tuning: unknown) =>
  write('vectors/g1/tuning.json', typeof tuning === 'string' ? tuning : JSON.stringify(tuning))
const query = '{"indices": [1, 5, 9], "values": [1, 2, 1]}'
const search = (...args: string[]) => runCli(['search', at('vectors'), query, '--vector', ...args])

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-tune-'))
  const vectors = write('vectors.jsonl', vectorLines(2000, 25, 1))
  const texts = write(
    'texts.jsonl',
    ['The moon pulls the sea up.', 'Gulls follow the boats.', 'A loop in a rope.']
      .map((text, i) => `${JSON.stringify({ _id: `t${i}`, text })}\n`)
      .join('')
  )
  const made = [
    await runCli(['index', vectors, '--to', at('vectors'), '--model', 'none']),
    await runCli(['index', texts, '--to', at('texts')])
  ]
  expect(made.map(({ code }) => code)).toEqual([0, 0])
})
beforeEach(() => {
  for (const collection of ['vectors', 'texts']) {
    rmSync(at(collection, 'g1', 'tuning.json'), { force: true })
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('tune', () => {
  it('measures settings and keeps the one that it chose, and no other', async () => {
    keep({ ...kept, numDocuments: 1 })
    const args = ['tune', at('vectors'), '--overlap', '0.9', '--sample', '20', '--json']
    const tuned = await runCli(args)
    expect(tuned.code).toBe(0)
    expect(tuned.stderr).toContain('the heaviest terms of 20 documents stand for queries')
    const [exact, ...rows] = jsonLines<JsonRow>(tuned)
    expect(exact).toMatchObject({ strategy: 'auto', overlap: 1, speedup: 1, isChosen: false })
    expect(rows[0]!.strategy).toEqual({ name: 'approximate', alpha: 1, gamma: 1 })
    const chosen = rows.filter(({ isChosen }) => isChosen)
    // Which setting is fastest is up to the machine, and it may be none.
    if (chosen.length === 0) {
      expect(tuned.stderr).toContain('nothing is kept')
      expect(existsSync(at('vectors', 'g1', 'tuning.json'))).toBe(false)
    } else {
      expect(chosen).toHaveLength(1)
      expect(JSON.parse(readFileSync(at('vectors', 'g1', 'tuning.json'), 'utf8'))).toEqual({
        ...kept,
        strategy: chosen[0]!.strategy,
        measuredOverlap: chosen[0]!.overlap,
        sampleSize: 20
      })
      expect(chosen[0]!.overlap).toBeGreaterThanOrEqual(0.9)
      expect((await search('--approximate')).code).toBe(0)
    }
    expect(readdirSync(at('vectors', 'g1')).filter(file => file.includes('partial'))).toEqual([])
  })

  it('prints a table for people, from queries that are vectors', async () => {
    const queries = write('queries.jsonl', `\n${vectorLines(30, 12, 2)}`)
    const args = ['--queries', queries, '--sample', '10', '--k', '5', '--overlap', '0.8']
    const { code, stdout, stderr } = await runCli(['tune', at('vectors'), ...args])
    expect(code).toBe(0)
    expect(stderr).not.toContain('no queries were given')
    const [heading, exact] = stdout.split('\n')
    expect(heading).toMatch(/^ +overlap@5 {2}ms a query {2}times faster$/)
    expect(exact).toMatch(/^ {2}exact +1\.0000 +\d+\.\d{3} +1\.00$/)
    const isKept = existsSync(at('vectors', 'g1', 'tuning.json'))
    expect(stdout.split('\n').filter(line => line.startsWith('→'))).toHaveLength(Number(isKept))
  })

  it('encodes queries that are texts, and refuses them where no model is named', async () => {
    const topics = write('topics.tsv', 'a\tmoon and sea\nb\tbirds behind a ship\nc\tknot\n')
    const tuned = await runCli(['tune', at('texts'), '--queries', topics, '--k', '2'])
    expect(tuned).toMatchObject({ code: 0 })
    expect(tuned.stdout).toContain('overlap@2')
    const refused = await runCli(['tune', at('vectors'), '--queries', topics])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('the collection has no model')
  })

  it.each([
    [['--overlap', '0'], 'above 0, at most 1'],
    [['--overlap', '1.5'], 'above 0, at most 1'],
    [['--overlap', 'much'], 'above 0, at most 1'],
    [['--sample', '1'], 'whole number from 2'],
    [['--k', '0'], 'whole number from 1']
  ])('%j is wrong usage', async (args, message) => {
    const { code, stderr } = await runCli(['tune', at('vectors'), ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it.each([
    ['{"indices": [1], "values": [1]}\n{"indices": [1]}\n', 'bad.jsonl:2: this is no vector'],
    ['{"indices": [1], "values": [1]}\n\n[\n', 'bad.jsonl:3: this is no vector'],
    ['{"indices": [2, 1], "values": [1, 1]}\n', 'bad.jsonl:1'],
    ['no topics\n', 'bad.jsonl:1'],
    ['', 'bad.jsonl: there is no query'],
    ['1\trope\n', 'two or more']
  ])('refuses the queries %j', async (content, message) => {
    const queries = write('bad.jsonl', content)
    const { code, stderr } = await runCli(['tune', at('texts'), '--queries', queries])
    expect(code).toBeGreaterThan(0)
    expect(stderr).toContain(message)
  })
})

describe('--approximate', () => {
  it('is refused with a remedy where the collection has not been tuned', async () => {
    const topics = write('one.tsv', 'a\tmoon\n')
    const refused = [
      await search('--approximate'),
      await runCli(['run', at('texts'), topics, '--approximate', '--to', at('no.trec')])
    ]
    for (const { code, stdout, stderr } of refused) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/Look for one: esplanade tune \S+/)
    }
    expect(readdirSync(folder).filter(file => file.startsWith('no.trec'))).toEqual([])
  })

  it('searches as tuned and says what that is worth', async () => {
    keep(kept)
    const found = await search('--approximate')
    expect(found.code).toBe(0)
    expect(found.stderr).toBe('approximate: overlap@10 0.932 as measured by tune\n')
    const other = await search('--approximate', '--k', '3')
    expect(other.stderr).toContain('for 3 hits it may be another')
    // So few terms of the query that it is seen that the setting is used.
    keep({ ...kept, strategy: { name: 'approximate', alpha: 1, queryTerms: 1 } })
    const exact = await search('--json')
    const approximate = await search('--approximate', '--json')
    expect(approximate).toMatchObject({ code: 0, stderr: '' })
    const [exactHits, hits] = [jsonLines(exact), jsonLines(approximate)]
    expect(Object.keys(hits[0]!)).toEqual(Object.keys(exactHits[0]!))
    expect(hits.map(({ key }) => key)).not.toEqual(exactHits.map(({ key }) => key))
  })

  it('writes a run, too', async () => {
    const inspected = await runCli(['inspect', at('texts'), '--json'])
    const { numDocuments, numPostings } = JSON.parse(inspected.stdout)
    const tuning = JSON.stringify({ ...kept, numDocuments, numPostings })
    write('texts/g1/tuning.json', tuning)
    const topics = write('run.tsv', 'a\tmoon\nb\tships\n')
    const args = ['run', at('texts'), topics, '--k', '10']
    const { code, stdout, stderr } = await runCli([...args, '--approximate'])
    expect(code).toBe(0)
    expect(stderr).toContain('approximate: overlap@10 0.932 as measured by tune\n')
    expect(stdout).toMatch(/^a Q0 t0 1 \d/)
  })

  it.each([
    ['cut short', JSON.stringify(kept).slice(0, 100), 'it is not JSON'],
    ['null', 'null', 'no tuning'],
    ['of a later version', { ...kept, version: 2 }, 'COLLECTION_VERSION'],
    ['without k', { ...kept, k: undefined }, 'k is undefined'],
    ['with an overlap above 1', { ...kept, measuredOverlap: 1.2 }, 'measuredOverlap is 1.2'],
    ['of an exact strategy', { ...kept, strategy: 'auto' }, 'the strategy is "auto"'],
    ['with alpha 0', { ...kept, strategy: { ...kept.strategy, alpha: 0 } }, '"alpha":0'],
    ['with a text', { ...kept, strategy: { ...kept.strategy, gamma: '0.5' } }, '"gamma":"0.5"']
  ])('refuses a tuning.json %s; exact search does not need it', async (_, tuning, reason) => {
    keep(tuning)
    const refused = await search('--approximate')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(reason)
    expect(refused.stderr).toContain('esplanade tune')
    const error = await readTuning(at('vectors')).catch((caught: Error) => caught)
    expect(String(error)).toContain(reason.startsWith('COLL') ? 'version' : reason)
    expect((await search()).code).toBe(0)
  })

  it('is what readTuning gives', async () => {
    expect(await readTuning(at('vectors'))).toBeUndefined()
    keep(kept)
    const { format, version, ...tuning } = kept
    expect(await readTuning(at('vectors'))).toEqual(tuning)
  })

  it.each([
    ['a quarter more', { numDocuments: 1599, numPostings: 39_999 }, 'with 1599 documents'],
    ['of other postings', { numPostings: 7 }, 'with 7 postings, and has 50000 now']
  ])('is stale where the collection has changed much: %s', async (_, counts, reason) => {
    keep({ ...kept, ...counts })
    const refused = await search('--approximate')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain(reason)
    expect(refused.stderr).toContain('COLLECTION_MISMATCH')
  })

  it('is used where it has changed a little, and says so', async () => {
    keep({ ...kept, numDocuments: 1900, numPostings: 47_500 })
    const { code, stderr } = await search('--approximate')
    expect(code).toBe(0)
    expect(stderr).toContain('as measured by tune with 1,900 documents')
  })

  it('goes with its collection when that is replaced', async () => {
    keep(kept)
    const vectors = write('others.jsonl', vectorLines(20, 5, 2))
    const args = ['index', vectors, '--to', at('vectors'), '--model', 'none', '--overwrite']
    expect(await runCli(args)).toMatchObject({ code: 0 })
    expect(existsSync(at('vectors/g1/tuning.json'))).toBe(false)
  })
})
