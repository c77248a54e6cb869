import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../house/repository.ts'
import { runProgram } from '../run-program.ts'

/**
 * A collection of our own by BM25 alone, from files to figures. The figures are worked out by hand: the
 * first query finds its only document with its word; of the two documents with the word of the second,
 * the longer one is relevant, which BM25 puts second: (1 + 1/log2(3)) / 2 and (1 + 1/2) / 2.
 */
const DEFINITION = `# A comment stays.
title: The words alone
corpus: { beir: tiny, origin: Texts of our own. }
topics: queries.jsonl
qrels: qrels/test.tsv
index: { mode: bm25 }
run: { mode: bm25, k: 10 }
statistics:
  numDocuments: 4
  numPassages: 4
  numDead: 0
  numPostings: 11
  numWordPostings: 11
  averageLength: 2.75
figures: { nDCG@10: 0.8155, RR@10: 0.75 }
reference: { RR@10: 0.75 }
`

let work: string
const at = (...names: string[]) => join(work, ...names)
const define = (source: string, name = 'tiny.bm25') =>
  writeFileSync(at('definitions', `${name}.yaml`), source)

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'esplanade-repro-'))
  mkdirSync(at('data/tiny/qrels'), { recursive: true })
  const lines = (...objects: object[]) => objects.map(one => `${JSON.stringify(one)}\n`).join('')
  writeFileSync(
    at('data/tiny/corpus.jsonl'),
    lines(
      { _id: 'fog', title: '', text: 'Fog hides the coast' },
      { _id: 'knot', title: '', text: 'A rope that will not slip easily when wet' },
      { _id: 'rope', title: '', text: 'Rope' },
      { _id: 'tide', title: '', text: 'The tide rises' }
    )
  )
  const queries = lines({ _id: 'q1', text: 'coast' }, { _id: 'q2', text: 'ropes' })
  writeFileSync(at('data/tiny/queries.jsonl'), queries)
  const qrels = 'query-id\tcorpus-id\tscore\nq1\tfog\t1\nq2\tknot\t1\n'
  writeFileSync(at('data/tiny/qrels/test.tsv'), qrels)
})
beforeEach(() => {
  rmSync(at('definitions'), { recursive: true, force: true })
  mkdirSync(at('definitions'))
  define(DEFINITION)
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

function repro(...options: string[]) {
  const places = ['data', 'cache', 'definitions', 'pages'].flatMap(name => [`--${name}`, at(name)])
  return runProgram(process.execPath, [join(root, 'repro/run.mjs'), ...places, ...options])
}

describe('npm run repro', () => {
  it('runs from the files to the figures, and keeps the collection', () => {
    const { status, stdout, stderr } = repro()
    expect(stdout).toMatch(/^reproduction +figure +measured +expected +reference +s\n/)
    expect(stdout).toMatch(/\ntiny\.bm25 +nDCG@10 +0\.8155 +0\.8155 +– +\d+ +agrees\n$/)
    expect(status, stderr).toBe(0)
    expect(stderr).toContain('tiny: indexing')
    const again = repro('--json')
    expect(again.stderr).toMatch(/tiny: indexed 20\S+Z in \d+ s/)
    const { verdict, measured } = JSON.parse(again.stdout)
    expect([verdict, measured.statistics.numPostings]).toEqual(['agrees', 11])
    expect(repro('--fresh').stderr).toContain('tiny: indexing')
  })

  it('exits with 1 where a figure, a statistic or the reference is missed', () => {
    define(DEFINITION.replace('0.8155', '0.8154')
      .replace('numPostings: 11', 'numPostings: 12')
      .replace('reference: { RR@10: 0.75 }', 'reference: { RR@10: 0.76 }'))
    const { status, stdout } = repro()
    expect(status).toBe(1)
    expect(stdout).toContain('DIFFERS')
    expect(stdout.split('\n').slice(-4, -1)).toEqual([
      'tiny.bm25: numPostings 11, expected 12',
      'tiny.bm25: nDCG@10 0.8155, expected 0.8154',
      "tiny.bm25: RR@10 0.75 is below the reference's 0.76 by more than allowed"
    ])
  })

  it('fails where nothing was measured yet; --accept writes it, and the pages', () => {
    define(DEFINITION.replace('numPassages: 4', 'numPassages: null').replace('0.8155', 'null'))
    const { status, stdout } = repro()
    expect([status, stdout]).toEqual([1, expect.stringContaining('NOT MEASURED')])
    expect(stdout).toContain('nothing to compare yet: numPassages, nDCG@10')
    expect(repro('--accept').status).toBe(0)
    const accepted = readFileSync(at('definitions/tiny.bm25.yaml'), 'utf8')
    // The same as before, and so it passes; a figure has four digits.
    expect(accepted).toBe(DEFINITION.replace('RR@10: 0.75 }\nref', 'RR@10: 0.7500 }\nref'))

    expect(readdirSync(at('pages')).sort()).toEqual(['README.md', 'tiny.md'])
    const page = readFileSync(at('pages/tiny.md'), 'utf8')
    expect(page).toContain('| `bm25` | 0.8155 | 0.7500 | no | – |')
    expect(page).toContain('| words of a passage on average | 2.75 |')
    expect(page).toContain('\n    npx esplanade index data/tiny --to tiny.esplanade --mode bm25\n')
    expect(page).toContain(
      '    npx esplanade run tiny.esplanade data/tiny/queries.jsonl --mode bm25 --k 10 --to tiny.bm25.trec\n'
    )
  })

  it('--write removes the page of a collection that is no more', () => {
    mkdirSync(at('pages'), { recursive: true })
    writeFileSync(at('pages/gone.md'), '')
    expect(repro('--write')).toMatchObject({ status: 0, stdout: '' })
    expect(readdirSync(at('pages')).sort()).toEqual(['README.md', 'tiny.md'])
  })

  it('skips what is not there, and says so; nothing at all is a failure', () => {
    define(DEFINITION.replace('beir: tiny', 'beir: other'), 'other.bm25')
    const both = repro()
    expect([both.status, both.stdout]).toEqual([
      0,
      expect.stringContaining('other.bm25: no folder ')
    ])
    expect(both.stdout).toMatch(/other\.bm25 .* SKIPPED\ntiny\.bm25 .* agrees\n/)
    expect(repro('--only', 'other.*').status).toBe(1)
  })

  it('fails where a command fails, and goes on', () => {
    define(DEFINITION.replace('run: { mode: bm25', 'run: { mode: dense'), 'tiny.dense')
    const { status, stdout } = repro()
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /tiny\.bm25 .* agrees\ntiny\.dense .* FAILED\n\ntiny\.dense: esplanade run /
    )
  })

  it('refuses options and files without meaning', () => {
    expect(repro('--onyl', '*').status).toBe(2)
    expect(repro('--only', 'nothing.*').stderr).toContain('no such reproduction')
    expect(repro('--data', at('nowhere')).stderr).toContain('no such folder')
    define(`${DEFINITION}more: 1\n`)
    const { status, stderr } = repro()
    expect([status, stderr]).toEqual([2, expect.stringContaining('tiny.bm25.yaml: given "more"')])
  })
})
