import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonLines, runCli, startCli } from './run-cli.ts'

let folder: string
/** A line of `search --json --explain`, as far as the tests read it. */
interface JsonHit {
  readonly score: number
  readonly text: string
  readonly explanation: { readonly details: readonly { readonly value: number }[] }
}
const at = (...path: string[]) => join(folder, ...path)
const write = (name: string, content: string) => {
  writeFileSync(at(name), content)
  return at(name)
}

const lines = (...documents: object[]) => documents.map(one => `${JSON.stringify(one)}\n`).join('')
const harbour = lines(
  { _id: 'tides', title: 'Tides', text: 'The moon pulls the sea up and lets it fall again.' },
  {
    _id: 'gulls',
    title: 'Gulls',
    text: 'Gulls follow the fishing boats to the harbour.',
    year: 1999
  },
  { _id: 'knots', title: 'Bowline', text: 'A loop in a rope that will not slip.' }
)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'esplanade-cli-'))
  const { code, stderr } = await runCli([
    'index',
    write('harbour.jsonl', harbour),
    '--to',
    at('harbour')
  ])
  expect(stderr).toContain('3 documents indexed')
  expect(code).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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

  it('says when nothing matches: an empty query, terms that the index lacks', async () => {
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

  it('refuses what is no index', async () => {
    for (const place of ['nowhere', 'harbour.jsonl']) {
      const { code, stderr } = await runCli(['search', at(place), 'boats'])
      expect(code).toBe(1)
      expect(stderr).toContain('INDEX_NOT_FOUND')
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
    expect(found).toMatchObject({ numDocuments: 3, numPassages: 3, model: { name: 'splade-tiny' } })
    const onDisk = readdirSync(at('harbour')).filter(file => file !== 'manifest.json')
    const bytes = onDisk.reduce((sum, file) => sum + readFileSync(at('harbour', file)).length, 0)
    expect(found.bytes).toBe(bytes)
    expect((await runCli(['inspect', at('harbour')])).stdout).toContain('documents             3')
  })
})

describe('index', () => {
  it('skips bad lines, names each, and ends with 1', async () => {
    const bad = write(
      'bad.jsonl',
      `${harbour}not json\n{"text": "no key"}\n{"_id": "tides", "text": "again"}\n{"_id": "nul", "text": "a\\u0000b"}\n{"_id": "half", "text": "\\ud800"}\n{"_id": "v", "indices": [3, 3], "values": [1, 1]}\n{"_id": "w", "vector": {"tide": -1}}\n{"_id": "blank", "text": "  "}\n`
    )
    const { code, stdout, stderr } = await runCli(['index', bad, '--to', at('bad'), '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ numDocuments: 4, numProblems: 7 })
    for (const line of [4, 5, 6, 7, 8, 9, 10]) expect(stderr).toContain(`bad.jsonl:${line}`)
    expect(stderr).toContain('DUPLICATE_KEY')
    expect(stderr).toContain('INVALID_VECTOR')
    expect(JSON.parse((await runCli(['inspect', at('bad'), '--json'])).stdout).numDocuments).toBe(4)
  })

  it('--strict stops at the first, and nothing is there', async () => {
    const { code, stderr } = await runCli([
      'index',
      at('bad.jsonl'),
      '--to',
      at('strict'),
      '--strict'
    ])
    expect(code).toBe(1)
    expect(stderr).toContain('bad.jsonl:4')
    expect(stderr).toContain('nothing was written')
    expect(readdirSync(folder).filter(name => name.startsWith('strict'))).toEqual([])
  })

  it('refuses a place that is taken, unless told to replace the index', async () => {
    const again = await runCli(['index', at('harbour.jsonl'), '--to', at('harbour')])
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('--overwrite')
    const over = await runCli(['index', at('harbour.jsonl'), '--to', at('harbour'), '--overwrite'])
    expect(over.code).toBe(0)
  })

  it.each([
    [['index', '--to', 'y'], 2, 'missing required argument'],
    [['index', 'x.jsonl'], 2, '--to'],
    [['index', 'x.jsonl', '--to', 'y', '--metric', 'euclid'], 2, 'Allowed choices are dot, cosine'],
    [['index', 'no-such.jsonl', '--to', 'y'], 1, 'no-such.jsonl'],
    [['index', 'harbour.jsonl', '--to', 'y', '--model', 'no-such-model'], 1, 'MODEL_NOT_FOUND'],
    [['frobnicate'], 2, 'unknown command']
  ])('%j', async (args, expected, message) => {
    const { code, stderr } = await runCli(args, { cwd: folder })
    expect(code).toBe(expected)
    expect(stderr).toContain(message)
    expect(existsSync(at('y'))).toBe(false)
  })

  it('reads standard input, CSV with named columns, and vectors', async () => {
    const piped = await runCli(['index', '-', '--to', at('piped')], { stdin: harbour })
    expect(piped.stderr).toContain('3 documents indexed')
    const csv = write(
      'birds.csv',
      'code,name,note\nb1,Gull,"eats fish, mostly"\nb2,Owl,hunts at night\n'
    )
    const args = [
      'index',
      csv,
      '--to',
      at('birds'),
      '--key',
      'code',
      '--text',
      'name,note',
      '--metadata',
      'name'
    ]
    expect((await runCli(args)).code).toBe(0)
    const { stdout } = await runCli(['search', at('birds'), 'fish', '--json', '--k', '1'])
    expect(JSON.parse(stdout)).toMatchObject({
      key: 'b1',
      text: 'Gull eats fish, mostly',
      metadata: { name: 'Gull' }
    })
    const vectors = write(
      'vectors.jsonl',
      lines(
        { _id: 'a', vector: { moon: 2, sea: 1 } },
        { _id: 'b', indices: [2000, 2001], values: [0.5, 3] }
      )
    )
    expect((await runCli(['index', vectors, '--to', at('vectors')])).code).toBe(0)
    const found = await runCli(['search', at('vectors'), 'moon', '--json', '--k', '1'])
    expect(JSON.parse(found.stdout).key).toBe('a')
  })

  it('says so where there is nothing to index, or to search', async () => {
    const made = await runCli(['index', write('empty.jsonl', ''), '--to', at('nothing')])
    expect(made.code).toBe(0)
    expect(made.stderr).toContain('the input holds no documents')
    const found = await runCli(['search', at('nothing'), 'boats'])
    expect(found.stderr).toContain('the index is empty')
    const unread = await runCli(['index', at('harbour.jsonl'), '--to', at('x'), '--model', 'none'])
    expect(unread.code).toBe(1)
    expect(existsSync(at('x'))).toBe(false)
  })

  it('a folder of pages: front matter becomes metadata, long texts are split', async () => {
    mkdirSync(at('pages'))
    const long = 'The keeper writes the weather into the book every evening. '.repeat(80)
    writeFileSync(
      at('pages', 'light.md'),
      `---\nauthor: Ada\n---\n# The light\n\n${long}\n\n## Storm\n\nA whale was seen near the rocks.\n`
    )
    writeFileSync(at('pages', 'note.txt'), 'Buy rope and lamp oil.')
    writeFileSync(at('pages', 'chart.png'), '')
    writeFileSync(at('pages', 'tide.html'), '<title>Tides</title><p>High water at noon.</p>')
    const { code, stdout, stderr } = await runCli([
      'index',
      at('pages'),
      '--to',
      at('pages-index'),
      '--json'
    ])
    expect(code).toBe(0)
    expect(stderr).toContain('1 file of other kinds left out')
    const made = JSON.parse(stdout)
    expect(made.numDocuments).toBe(3)
    expect(made.numPassages).toBeGreaterThan(3)
    expect(made.numTruncated).toBe(0)
    const found = await runCli(['search', at('pages-index'), 'whale', '--json', '--k', '1'])
    const hit = JSON.parse(found.stdout)
    expect(hit).toMatchObject({ key: 'light.md', metadata: { author: 'Ada' } })
    expect(hit.text.slice(...hit.passage)).toContain('A whale was seen')
  })

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'a place without permission (skips: root and Windows have no such place)',
    async () => {
      mkdirSync(at('locked'))
      chmodSync(at('locked'), 0o500)
      const { code, stderr } = await runCli([
        'index',
        at('harbour.jsonl'),
        '--to',
        at('locked', 'x')
      ])
      expect(code).toBe(1)
      expect(stderr).toContain('no permission')
    }
  )

  it.skipIf(process.platform === 'win32')(
    'Ctrl-C stops within a second; nothing is written',
    async () => {
      const many = write(
        'many.jsonl',
        Array.from({ length: 30_000 }, (_, i) =>
          lines({
            _id: `d${i}`,
            text: `wave ${i} breaks on the long stone pier of the old harbour`
          })
        ).join('')
      )
      const { child, finished } = startCli(['index', many, '--to', at('interrupted')])
      child.stdin?.end()
      await new Promise(resolve => setTimeout(resolve, 2500))
      const interruptedAt = performance.now()
      child.kill('SIGINT')
      const { code, stderr } = await finished
      // A second on a quiet machine; the other tests run beside this one.
      expect(performance.now() - interruptedAt).toBeLessThan(3000)
      expect(code).toBe(1)
      expect(stderr).toContain('stopping')
      expect(stderr).toContain('nothing was written')
      expect(stderr).toContain('ABORTED')
      expect(readdirSync(folder).filter(name => name.startsWith('interrupted'))).toEqual([])
    }
  )
})

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
    const { code, stderr } = await runCli(args, { cwd: folder })
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
