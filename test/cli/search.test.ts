import { describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

/** A line of `search --json --explain`, as far as the tests read it. */
interface JsonHit {
  readonly score: number
  readonly text: string
  readonly explanation: { readonly details: readonly { readonly value: number }[] }
}

const { at } = cliFolder(indexHarbour)

describe('search', () => {
  it('prints hits for people, without escape sequences in a pipe', async () => {
    const { code, stdout } = await runCli([
      'search',
      at('harbour'),
      'lunar effects on the ocean',
      '--mode',
      'sparse'
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ {2}1\. tides \d+\.\d{4}\n {5}Tides /)
    expect(stdout).toContain('[moon]')
    expect(stdout).not.toContain('\u001b')
  })

  it('prints an object a line for scripts, with the explanation when asked', async () => {
    const query = 'boats and birds'
    const found = await runCli(['search', at('harbour'), query, '--json', '--explain', '--k', '2'])
    const hits = jsonLines<JsonHit>(found)
    const [best] = hits
    expect(best).toMatchObject({
      rank: 1,
      key: 'gulls',
      metadata: { title: 'Gulls', year: 1999 }
    })
    expect(best!.text).toBe('Gulls Gulls follow the fishing boats to the harbour.')
    const sum = best!.explanation.details.reduce((total, leaf) => total + leaf.value, 0)
    expect(Math.abs(sum - best!.score) / best!.score).toBeLessThan(1e-6)
    expect(hits.length).toBeLessThanOrEqual(2)
  })

  it('says when nothing matches: an empty query, terms that the collection lacks', async () => {
    const vector = '{"indices": [29999], "values": [1]}'
    const { code, stdout, stderr } = await runCli(['search', at('harbour'), vector, '--vector'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('no document shares a term')
    for (const query of ['', '  ']) {
      const blank = await runCli(['search', at('harbour'), query])
      expect(blank.code).toBe(2)
      expect(blank.stderr).toContain('query: it is empty')
    }
  })

  it.each([
    [['--k', '0'], 'whole number from 1'],
    [['--k', '-3'], 'whole number from 1'],
    [['--k', 'ten'], 'whole number from 1'],
    [['--mode', 'telepathy'], 'Allowed choices are sparse'],
    [['--telepathy'], 'unknown option']
  ])('%j is wrong usage', async (args, message) => {
    const { code, stderr } = await runCli(['search', at('harbour'), 'boats', ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it.each([
    ['{"indices": [2, 1], "values": [1, 1]}', 1, 'INVALID_VECTOR'],
    ['{"indices": [1], "values": [1, 2]}', 1, 'INVALID_VECTOR'],
    ['{"indices": [1], "values": [-1]}', 1, 'INVALID_VECTOR'],
    ['{"indices": "1"}', 2, 'INVALID_ARGUMENT'],
    ['null', 2, 'INVALID_ARGUMENT'],
    ['{', 2, 'INVALID_ARGUMENT']
  ])('a query vector %s is refused', async (vector, expected, message) => {
    const { code, stderr } = await runCli(['search', at('harbour'), vector, '--vector'])
    expect(code).toBe(expected)
    expect(stderr).toContain(message)
  })

  it('refuses a command line on which ONNX Runtime would crash', async () => {
    const { code, stderr } = await runCli(['search', at('harbour'), 'boat '.repeat(10_000)])
    expect(code).toBe(2)
    expect(stderr).toContain('the command line has')
  })

  it('searches the documents that pass a filter', async () => {
    const search = (filter: string, ...args: string[]) =>
      runCli(['search', at('harbour'), 'rope and boats', '--filter', filter, '--json', ...args])
    const keys = async (filter: string) =>
      jsonLines(await search(filter)).map(({ key }) => key as string)
    expect(await keys('{"year": {"$lt": 2000}}')).toEqual(['gulls'])
    expect(await keys('{"year": {"$exists": true}, "title": "Bowline"}')).toEqual(['knots'])
    const none = await runCli(['search', at('harbour'), 'rope', '--filter', '{"title": "Gulls"}'])
    expect(none.stdout + none.stderr).toMatch(/gulls|no document that passes the filter/)
  })

  it.each([
    ['{"year": {"$gtt": 3}}', 'filter.year.$gtt: unknown operator'],
    ['{"year": {"$gt": "x"}}', 'filter.year.$gt'],
    ['{"year": ', '--filter: it is not JSON'],
    ['[1]', 'FILTER_INVALID']
  ])('a filter %s is wrong usage, and the message names the place', async (filter, message) => {
    const { code, stderr } = await runCli(['search', at('harbour'), 'rope', '--filter', filter])
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  it('leaves out what scores too little, and other namespaces', async () => {
    const search = (...args: string[]) => runCli(['search', at('harbour'), 'moon', ...args])
    const [best] = jsonLines<JsonHit>(await search('--json'))
    const above = await search('--min-score', String(best!.score + 1))
    expect(above).toMatchObject({ code: 0, stdout: '' })
    expect(above.stderr).toContain('no document was found')
    const elsewhere = await search('--namespace', 'other')
    expect(elsewhere).toMatchObject({ code: 0, stdout: '' })
    expect(elsewhere.stderr).toContain('no documents in the namespace "other"')
  })

  it('refuses what is no collection', async () => {
    for (const place of ['nowhere', 'harbour.jsonl']) {
      const { code, stderr } = await runCli(['search', at(place), 'boats'])
      expect(code).toBe(1)
      expect(stderr).toContain('COLLECTION_NOT_FOUND')
      expect(stderr).toContain('esplanade index')
    }
  })
})

describe('explain and inspect', () => {
  it('show terms, shares and where the terms come from', async () => {
    const { code, stdout } = await runCli([
      'explain',
      at('harbour'),
      'lunar effects on the ocean',
      'tides'
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('query × document = product')
    expect(stdout).toMatch(/\+ ocean/)
    expect(stdout).toContain('added by the model')
  })

  it('as JSON the terms sum to the score', async () => {
    const { stdout } = await runCli(['explain', at('harbour'), 'moon', 'tides', '--json'])
    const { score, terms } = JSON.parse(stdout)
    const sum = terms.reduce((total: number, { value }: { value: number }) => total + value, 0)
    expect(Math.abs(sum - score) / score).toBeLessThan(1e-6)
    expect(terms.find(({ term }: { term: string }) => term === 'moon').inText).toBe(true)
  })

  it('a key that is not there, and a document that shares nothing', async () => {
    const missing = await runCli(['explain', at('harbour'), 'moon', 'whales'])
    expect(missing).toMatchObject({ code: 1 })
    expect(missing.stderr).toContain('KEY_NOT_FOUND')
    const vector = '{"indices": [29999], "values": [1]}'
    const nothing = await runCli(['explain', at('harbour'), vector, 'tides', '--vector'])
    expect(nothing).toMatchObject({ code: 0 })
    expect(nothing.stdout).toContain('shares no term')
  })

  it('inspect gives counts, bytes and model', async () => {
    const { stdout } = await runCli(['inspect', at('harbour'), '--json'])
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({
      numDocuments: 3,
      numPassages: 3,
      numDead: 0,
      numSegments: 1,
      numInMemory: 0,
      namespaces: { '': 3 },
      metric: 'dot',
      model: { name: 'splade-tiny' }
    })
    expect(found.storeBytes + found.segmentBytes).toBeLessThan(found.bytes)
    expect(Math.min(found.storeBytes, found.segmentBytes)).toBeGreaterThan(0)
    const { stdout: table } = await runCli(['inspect', at('harbour')])
    expect(table).toContain('documents             3\n')
    expect(table).not.toContain('namespace')
  })
})
