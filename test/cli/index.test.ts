import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { cliFolder, harbour, lines } from './cli-folder.ts'
import { runCli, startCli } from './run-cli.ts'

const { at, write } = cliFolder(async folder => {
  folder.write('harbour.jsonl', harbour)
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
    expect(readdirSync(at()).filter(name => name.startsWith('strict'))).toEqual([])
  })

  it.each([
    [['index', '--to', 'y'], 2, 'missing required argument'],
    [['index', 'x.jsonl'], 2, '--to'],
    [['index', 'x.jsonl', '--to', 'y', '--metric', 'euclid'], 2, 'Allowed choices are dot, cosine'],
    [['index', 'no-such.jsonl', '--to', 'y'], 1, 'no-such.jsonl'],
    [['index', 'harbour.jsonl', '--to', 'y', '--model', 'no-such-model'], 1, 'MODEL_NOT_FOUND'],
    [['frobnicate'], 2, 'unknown command']
  ])('%j', async (args, expected, message) => {
    const { code, stderr } = await runCli(args, { cwd: at() })
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
    expect(found.stderr).toContain('the collection is empty')
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
    'Ctrl-C stops within a second; what was written stays, and the same command goes on',
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
      const to = at('interrupted')
      const { child, finished } = startCli(['index', many, '--to', to])
      child.stdin?.end()
      const numThere = async () => {
        const { code, stdout } = await runCli(['inspect', to, '--json'])
        return code === 0 ? (JSON.parse(stdout).numDocuments as number) : 0
      }
      // The first documents are there while the others are encoded.
      while ((await numThere()) === 0) await new Promise(resolve => setTimeout(resolve, 200))
      const interruptedAt = performance.now()
      child.kill('SIGINT')
      const { code, stderr } = await finished
      // A second on a quiet machine; the other tests run beside this one.
      expect(performance.now() - interruptedAt).toBeLessThan(3000)
      expect(code).toBe(1)
      expect(stderr).toContain('stopping')
      expect(stderr).toMatch(/documents are in \S+; the same command goes on from there/)
      expect(stderr).toContain('ABORTED')
      const kept = await numThere()
      expect(kept).toBeGreaterThan(0)
      const head = write(
        'head.jsonl',
        readFileSync(many, 'utf8')
          .split('\n')
          .slice(0, kept + 1)
          .join('\n')
      )
      const again = await runCli(['index', head, '--to', to, '--json'])
      expect(JSON.parse(again.stdout)).toMatchObject({ numUnchanged: kept, numWritten: 1 })
    },
    60_000
  )
})
