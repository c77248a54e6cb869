import { describe, expect, test } from 'vitest'
import { parseDefinition, readDefinitions } from '../../repro/program/definition.mjs'
import { differences } from '../../repro/program/differences.mjs'
import { pagesOf } from '../../repro/program/pages.mjs'
import { nounLines } from '../../repro/wordnet.mjs'
import { filesUnder, read, root } from '../house/repository.ts'

const definitions = readDefinitions(`${root}/repro`)
const PIPELINES = [
  'bm25',
  'sparse',
  'sparse-inference-free',
  'combined',
  'dense',
  'hybrid',
  'hybrid-rrf',
  'rerank-dense'
]

describe('the definitions in repro/', () => {
  test('are every pipeline of every collection', () => {
    const collections = ['wordnet', 'cranfield', 'dl19-pool', 'dl20-pool', 'scifact']
    expect(definitions.map(({ name }) => name)).toEqual(
      collections.flatMap(collection => PIPELINES.map(pipeline => `${collection}.${pipeline}`))
    )
  })

  test('expect what was measured', () => {
    for (const { name, figures, statistics } of definitions) {
      const values = Object.values({ ...figures, ...statistics })
      expect(values, name).toHaveLength(3 + 8)
      expect(values, name).not.toContain(null)
    }
  })

  test('have every pipeline for what every clone has', () => {
    const inEveryClone = definitions.filter(({ corpus }) => corpus.wordnet !== undefined)
    expect(inEveryClone.map(({ pipeline }) => pipeline)).toEqual(PIPELINES)
  })

  test('say the same of a collection that several of them search', () => {
    for (const one of definitions) {
      const other = definitions.find(
        ({ corpus, index }) =>
          JSON.stringify([corpus.beir, corpus.wordnet, index]) ===
          JSON.stringify([one.corpus.beir, one.corpus.wordnet, one.index])
      )
      expect(one.statistics, `${one.name} and ${other!.name}`).toEqual(other!.statistics)
    }
  })

  test('are what the pages of docs/repro were made of (npm run repro -- --write)', () => {
    const pages = pagesOf(definitions)
    expect(filesUnder('docs/repro')).toEqual(
      [...pages.keys()].map(name => `docs/repro/${name}`).sort()
    )
    for (const [name, text] of pages) expect(read(`docs/repro/${name}`)).toBe(text)
  })

  test('are chosen by a pattern', () => {
    const namesOf = (only: string) => readDefinitions(`${root}/repro`, only).map(one => one.name)
    expect(namesOf('dl?9-pool.h*')).toEqual(['dl19-pool.hybrid', 'dl19-pool.hybrid-rrf'])
    // A point is one, not any character.
    expect(namesOf('scifact-bm25')).toEqual([])
  })
})

test('the nouns of a reproduction are one in so many, and all that are judged', async () => {
  const judged = read('examples/reverse-dictionary/qrels.txt').trim().split('\n')
  const keys = new Set(judged.map(line => line.split(' ')[2]))
  const lines = await nounLines(1000)
  const found = lines.map(line => JSON.parse(line)._id)
  expect(new Set(found).size).toBe(found.length)
  expect([...keys].filter(key => !found.includes(key))).toEqual([])
  // 82,192 nouns: 83 are at the places 0, 1000, …; of the judged ones none or few stand there.
  const others = found.filter(key => !keys.has(key)).length
  expect(others).toBeLessThanOrEqual(83)
  expect(others).toBeGreaterThan(78)
})

test.each([
  ['the same', {}, { numPostings: 2000, numDead: 0 }, 0.12344, []],
  ['a fourth digit', {}, {}, 0.12351, ['P@5 0.1235, expected 0.1234']],
  ['as much as allowed', { figures: 0.001 }, {}, 0.1244, []],
  ['more than allowed', { figures: 0.001 }, {}, 0.1245, ['P@5 0.1245, expected 0.1234 (0.001']],
  ['postings', { postings: 0.001 }, { numPostings: 2002 }, 0.1234, []],
  ['more postings', { postings: 0.001 }, { numPostings: 2003 }, 0.1234, ['numPostings 2003, exp']],
  ['only postings', { postings: 0.1 }, { numDead: 1 }, 0.1234, ['numDead 1, expected 0']],
  [
    'less than the reference',
    { figures: 1 },
    {},
    0.1199,
    ["P@5 0.1199 is below the reference's 0.12"]
  ],
  ['a little less', { figures: 1, reference: 0.001 }, {}, 0.1191, []],
  ['a statistic missing', {}, { numDead: undefined }, 0.1234, ['numDead is not there, expected 0']]
])('differences: %s', (_, allowed, found, figure, expected) => {
  const definition = parseDefinition(
    'tiny.bm25.yaml',
    `{ title: t, corpus: { beir: b, origin: o }, topics: t, qrels: q, run: {}, figures: { P@5: 0.1234 },
      statistics: { numPostings: 2000, numDead: 0, numPassages: null }, reference: { P@5: 0.12 } }`
  )
  const tolerance = { ...definition.tolerance, ...allowed }
  const given: Record<string, number | undefined> = found
  const statistics = { numPostings: 2000, numDead: 0, numPassages: 7, ...given }
  const measured = {
    statistics: statistics as Record<string, number>,
    figures: { 'P@5': figure },
    seconds: 1
  }
  const remarks = differences({ ...definition, tolerance }, measured)
  expect(remarks).toHaveLength(expected.length)
  for (const [i, remark] of remarks.entries()) expect(remark).toContain(expected[i])
})

describe('a definition', () => {
  const GOOD = `
title: All of it
corpus: { beir: tiny, origin: ours }
topics: queries.jsonl
qrels: qrels/test.tsv
run: { mode: bm25 }
statistics: { numDocuments: 3 }
figures: { nDCG@10: 0.5, RR(rel=2)@10: null }
`
  const parse = (source: string, file = 'tiny.bm25.yaml') => parseDefinition(file, source)

  test('is read, with nothing allowed that is not said', () => {
    expect(parse(GOOD)).toMatchObject({
      name: 'tiny.bm25',
      collection: 'tiny',
      pipeline: 'bm25',
      index: {},
      reference: {},
      tolerance: { figures: 0, postings: 0, reference: 0 }
    })
  })

  test.each([
    ['an unknown field', `${GOOD}figure: 1\n`, 'given "figure"; expected one of the fields title'],
    [
      'an unknown statistic',
      GOOD.replace('numDocuments', 'documents'),
      'statistics: given "documents"'
    ],
    ['an unknown tolerance', `${GOOD}tolerance: { nDCG@10: 0.1 }\n`, 'tolerance: given "nDCG@10"'],
    ['five digits', GOOD.replace('0.5', '0.50005'), 'nDCG@10: given 0.50005; expected four digits'],
    ['a figure above 1', GOOD.replace('0.5', '50'), 'expected a number from 0 to 1'],
    ['a figure as text', GOOD.replace('0.5', '"0.5"'), 'given "0.5"'],
    ['no figures', GOOD.replace(/figures: .*/, 'figures: {}'), 'at least one figure'],
    ['a measure by no name', GOOD.replace('nDCG@10', 'nDCG at 10'), 'given "nDCG at 10"'],
    ['a reference of what is not measured', `${GOOD}reference: { P@5: 0.1 }\n`, 'given "P@5"'],
    [
      'no corpus',
      GOOD.replace('beir: tiny, ', ''),
      'corpus: given {"origin":"ours"}; expected either'
    ],
    [
      'two corpora',
      GOOD.replace('beir: tiny', 'beir: tiny, wordnet: { every: 8 }'),
      'expected either'
    ],
    ['no run', GOOD.replace(/run: .*/, ''), 'run: given undefined'],
    ['an option with its dashes', GOOD.replace('{ mode', '{ --mode'), 'run: given "--mode"'],
    ['an option that is a list', GOOD.replace('bm25 }', '[bm25] }'), 'run: mode: given ["bm25"]'],
    ['a field twice', `${GOOD}title: More of it\n`, 'unique']
  ])('with %s is refused', (_, source, message) => {
    expect(source).not.toBe(GOOD)
    expect(() => parse(source)).toThrow(message)
  })

  test('has a name of two parts', () => {
    expect(() => parse(GOOD, 'tiny.yaml')).toThrow('tiny.yaml: expected COLLECTION.PIPELINE.yaml')
  })
})
