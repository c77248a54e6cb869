import { readFileSync } from 'node:fs'
import { Parser } from 'htmlparser2'
import { beforeAll, describe, expect, it } from 'vitest'
import { cliFolder, indexHarbour, lines } from './cli-folder.ts'
import { jsonLines, runCli } from './run-cli.ts'

const HOSTILE = `"><script src="//x.test/a.js"></script><img src=x onerror=alert(1)>'`

const { at, write } = cliFolder(indexHarbour)

/** What is looked at in the output of `--format json`. */
interface ComparisonJson {
  readonly differences: readonly {
    readonly tTest: { readonly pValue: number }
    readonly randomization: object
  }[]
  readonly queries: readonly object[]
  readonly moves: readonly {
    readonly down: readonly {
      readonly documents: readonly { readonly terms: readonly object[] }[]
    }[]
  }[]
}

/** What of a page could act or reach out, and its text. */
function readPage(html: string) {
  const elements = new Map<string, number>()
  const links: string[] = []
  const titles: string[] = []
  const texts: string[] = []
  let inTitle = false
  const parser = new Parser({
    onopentag(name, attributes) {
      elements.set(name, (elements.get(name) ?? 0) + 1)
      inTitle = name === 'title'
      for (const [attribute, value] of Object.entries(attributes)) {
        if (/^(src|href|on.*|srcset|action|data)$/.test(attribute))
          links.push(`${name} ${attribute}`)
        if (attribute === 'style' && !/^width:[\d.]+%$/.test(value)) links.push(`${name} ${value}`)
      }
    },
    ontext(text) {
      if (inTitle) titles.push(text)
      texts.push(text)
    },
    onclosetag: () => {
      inTitle = false
    }
  })
  parser.end(html)
  return { elements, links, title: titles.join(''), text: texts.join('') }
}

describe('compare', () => {
  let a: string
  let b: string
  let qrels: string
  let topics: string
  beforeAll(() => {
    // The first run has every answer second, the second run first, except for query 3.
    const run = (rows: string[]) => rows.map(row => `${row} t\n`).join('')
    a = write(
      'bm25.trec',
      run([
        '1 Q0 knots 1 2',
        '1 Q0 tides 2 1',
        '2 Q0 tides 1 2',
        '2 Q0 gulls 2 1',
        '3 Q0 knots 1 2'
      ])
    )
    b = write(
      'splade.run.txt',
      run([
        '1 Q0 tides 1 2',
        '1 Q0 knots 2 1',
        '2 Q0 gulls 1 2',
        '2 Q0 tides 2 1',
        '3 Q0 gulls 1 2',
        '3 Q0 elsewhere 2 1'
      ])
    )
    qrels = write('qrels.txt', '1 0 tides 1\n2 0 gulls 2\n3 0 knots 1\n4 0 knots 1\n')
    topics = write('topics.tsv', '1\tlunar effects on the ocean\n2\tbirds behind a ship\n3\trope\n')
  })

  it('shows figures, differences, what moved', async () => {
    const { code, stdout, stderr } = await runCli(['compare', a, b, '--qrels', qrels])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('4 queries of')
    expect(stdout).toMatch(/^bm25 +0\.5655 +0\.5000 +0\.7500$/m)
    expect(stdout).toMatch(/^splade +0\.5000 −0\.0655 +0\.5000 0\.0000 +0\.5000 −0\.2500$/m)
    expect(stdout).toContain('paired t-test')
    // Differences of RR@10: .5, .5, -1, 0; the mean is 0.
    expect(stdout).toMatch(/^splade +0\.5000 +0\.0000 .* 1\.0000 +2\/1\/1$/m)
    expect(stdout).toContain('bm25: 1 query without hits in the run; each counts 0 (4)')
    expect(stdout).toMatch(/^−1\.0000 {2}1\.0000 → 0\.0000 {2}3\n +1 → – {2}grade 1 +knots$/m)
    expect(stdout.split('\n').every(line => line.length <= 80)).toBe(true)
  })

  it('explains documents by a collection', async () => {
    const args = ['compare', a, b, '--qrels', qrels, '--topics', topics]
    const { code, stdout } = await runCli([...args, '--collection', at('harbour')])
    expect(code).toBe(0)
    expect(stdout).toContain('lunar effects on the ocean')
    expect(stdout).toMatch(/2 → 1 {2}grade 1 {5}tides\n +\d+\.\d+: .*moon \d/)
    expect(stdout).toMatch(/Tides.* The moon pulls/)
    // A document that the collection does not hold has no reason, and is no failure.
    expect(stdout).toMatch(/– → 2 {2}not judged {2}elsewhere\n(?! +\d+\.\d\d:)/)
    expect(stdout).toContain('The topics lack 1 query of the judgements')
  })

  it('says of topics that have no text', async () => {
    const empty = write('empty.tsv', '1\t\n2\t  \n3\trope\n4\tknots\n')
    const { code, stdout } = await runCli(['compare', a, b, '--qrels', qrels, '--topics', empty])
    expect(code).toBe(0)
    expect(stdout).toContain('The topics have no text for 2 queries of the judgements.')
  })

  it('gives all of it as JSON', async () => {
    const args = ['compare', a, b, '--qrels', qrels, '--topics', topics, '--format', 'json']
    const result = await runCli([...args, '--collection', at('harbour')])
    const found = jsonLines<ComparisonJson>(result)[0]!
    expect(found).toMatchObject({
      runs: ['bm25', 'splade'],
      baseline: 'bm25',
      metrics: ['nDCG@10', 'RR@10', 'R@100'],
      numQueries: 4,
      test: 't-test',
      seed: 1
    })
    const { tTest, randomization } = found.differences[1]!
    expect(found.differences[1]).toMatchObject({
      metric: 'RR@10',
      difference: 0,
      wins: 2,
      ties: 1,
      losses: 1
    })
    expect(tTest.pValue).toBe(1)
    expect(randomization).toMatchObject({ pValue: 1, isExact: true, numPermutations: 8 })
    expect(found.queries[0]).toMatchObject({
      queryId: '1',
      text: 'lunar effects on the ocean',
      values: { bm25: { 'RR@10': 0.5 }, splade: { 'RR@10': 1 } }
    })
    const query = found.moves[0]!.down[0]!
    expect(query).toMatchObject({ queryId: '3', before: 1, after: 0 })
    expect(query.documents[0]).toMatchObject({ key: 'knots', grade: 1, rankBefore: 1 })
    expect(query.documents[0]!.terms[0]).toMatchObject({ term: 'rope', inText: true })
  })

  it('writes Markdown', async () => {
    const names = ['--names', 'a|b,<b>*x*']
    const { code, stdout } = await runCli([
      'compare',
      a,
      b,
      '--qrels',
      qrels,
      ...names,
      '--format',
      'markdown'
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\| a\\\|b \| 0\.5655 \| 0\.5000 \| 0\.7500 \|$/m)
    expect(stdout).toMatch(/^\| &lt;b>\\\*x\\\* \| 0\.5000 −0\.0655 /m)
    expect(stdout).toContain('- **−1.0000** (1.0000 → 0.0000) 3')
  })

  it('writes one page without scripts or links, whatever the names and texts', async () => {
    const evil = HOSTILE.replaceAll(' ', '\u00a0')
    const keys = `1 Q0 ${evil} 1 9 t\n2 Q0 gulls 1 2 t\n`
    const asked = write('hostile.jsonl', lines({ _id: '1', text: `${HOSTILE} moon & sea` }))
    const args = ['compare', a, write('evil.trec', keys), '--qrels', qrels, '--topics', asked]
    const page = at('page.html')
    const options = ['--names', `x,${HOSTILE}`, '--collection', at('harbour')]
    const { code, stderr } = await runCli([...args, ...options, '--format', 'html', '--to', page])
    expect({ code, stderr }).toEqual({ code: 0, stderr: `comparison written to ${page}\n` })
    const html = readFileSync(page, 'utf8')
    const { elements, links, title, text } = readPage(html)
    expect(links).toEqual([])
    expect([...elements.keys()]).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/script|img|iframe|link|object|base|form/)])
    )
    // Three means, a scatter and the differences.
    expect(elements.get('svg')).toBe(5)
    expect(elements.get('circle')).toBeGreaterThanOrEqual(3)
    expect(title).toContain(HOSTILE)
    expect(text).toContain(`${HOSTILE} moon & sea`)
    expect(text).toContain(evil)
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  })

  it('draws more queries than bars can be pointed at as two outlines', async () => {
    const ids = Array.from({ length: 1100 }, (_, i) => i)
    const many = (row: (id: number) => string) => ids.map(row).join('')
    const judged = write(
      'many.txt',
      many(id => `${id} 0 d 1\n`)
    )
    const old = write(
      'old.trec',
      many(id => `${id} Q0 ${id % 2 === 0 ? 'd' : 'e'} 1 1 t\n`)
    )
    const now = write(
      'new.trec',
      many(id => `${id} Q0 ${id % 3 === 0 ? 'd' : 'e'} 1 1 t\n`)
    )
    const args = ['compare', old, now, '--qrels', judged, '--metrics', 'RR', '--moved', '0']
    const { code, stdout } = await runCli([...args, '--format', 'html'])
    expect(code).toBe(0)
    const { elements, text } = readPage(stdout)
    expect(elements.get('path')).toBe(2)
    // Found by both (184 multiples of 6), by neither, by one (366) or the other (183): four places.
    expect(elements.get('circle')).toBe(4)
    expect(text).toContain('183 queries better, 551 the same, 366 worse')
  })

  it('takes another baseline, test and seed', async () => {
    const args = ['compare', a, b, b, '--qrels', qrels, '--names', 'a,b,c', '--baseline', 'b']
    const drawn = ['--test', 'randomization', '--permutations', '4', '--seed', '7']
    const { code, stdout } = await runCli([...args, ...drawn, '--metrics', 'RR', '--moved', '1'])
    expect(code).toBe(0)
    expect(stdout).toContain(
      'Against b: * p < 0.05, ** p < 0.01, *** p < 0.001 (randomisation test'
    )
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'Holm-corrected for 2 runs, 4 permutations, seed 7'
    )
    expect(stdout).toMatch(/^c +0\.5000 +0\.0000 .* 1\.0000 +0\/4\/0$/m)
    expect(stdout).toMatch(/c against b: queries that moved most by RR\nNone moved\./)
  })

  it('runs with the same file name keep their paths', async () => {
    const { stdout } = await runCli(['compare', a, a, '--qrels', qrels, '--names', 'a,b'])
    expect(stdout).toMatch(/^b +0\.5655 0\.0000/m)
    const { code, stderr } = await runCli(['compare', a, a, '--qrels', qrels])
    expect(code).toBe(2)
    expect(stderr).toContain('stands twice')
  })

  it.each([
    [['bm25.trec'], 2, 'one run alone'],
    [['bm25.trec', 'splade.run.txt', '--names', 'a'], 2, '1 names for 2 runs'],
    [['bm25.trec', 'splade.run.txt', '--baseline', 'dense'], 2, 'no run "dense"'],
    [['bm25.trec', 'splade.run.txt', '--metrics', 'nDGC'], 2, 'METRIC_UNKNOWN'],
    [['bm25.trec', 'splade.run.txt', '--confidence', '95'], 2, 'between 0 and 1'],
    [['bm25.trec', 'splade.run.txt', '--format', 'pdf'], 2, 'html'],
    [['bm25.trec', 'splade.run.txt', '--collection', 'harbour'], 2, 'needs the texts'],
    [['bm25.trec', 'nowhere.trec'], 1, 'FILE_NOT_FOUND'],
    [['bm25.trec', 'topics.tsv'], 1, 'topics.tsv:1'],
    [['bm25.trec', 'other.trec'], 1, 'other.trec: none of its 1 queries is judged'],
    [
      ['bm25.trec', 'splade.run.txt', '--topics', 'other.tsv'],
      1,
      'none of its 1 queries is judged'
    ],
    [['bm25.trec', 'splade.run.txt', '--to', 'no/such/folder/x'], 1, 'FILE_UNWRITABLE']
  ])('%j', async (args, expected, message) => {
    write('other.trec', '99 Q0 tides 1 1 t\n')
    write('other.tsv', '99\tsomething else\n')
    const cwd = at()
    const { code, stderr } = await runCli(['compare', ...args, '--qrels', 'qrels.txt'], { cwd })
    expect(code, stderr).toBe(expected)
    expect(stderr).toContain(message)
  })

  it('one judged query is too few', async () => {
    const one = write('one.txt', '1 0 tides 1\n')
    const { code, stderr } = await runCli(['compare', a, b, '--qrels', one])
    expect(code).toBe(2)
    expect(stderr).toContain('at least two')
  })
})

describe('eval', () => {
  it('says of which figures nothing is known', async () => {
    const run = write('strange.trec', '1 Q0 doc-1 1 1 t\n9 Q0 tides 1 1 t\n')
    const qrels = write('strange.txt', '1 0 tides 1\n2 0 tides 1\n3 0 tides 0\n')
    const args = [
      'eval',
      run,
      '--qrels',
      qrels,
      '--json',
      '--metrics',
      "nDCG(dcg='exp-log2')@5 RBP"
    ]
    const { code, stdout, stderr } = await runCli(args)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ "nDCG(dcg='exp-log2')@5": 0, 'RBP(rel=1)': 0 })
    expect(stderr).toContain('2 queries without hits in the run; each counts 0 (2, 3)')
    expect(stderr).toContain('1 query without a relevant document; each counts 0 (3)')
    expect(stderr).toContain('1 query of the run without judgements, left out (9)')
    expect(stderr).toContain('no hit is judged')
  })
})
