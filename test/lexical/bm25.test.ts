import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wordAnalyzer } from '../../src/lexical/analyzer.ts'
import { type Bm25Variant, bm25Idf, bm25Weight } from '../../src/lexical/bm25.ts'
import { LexicalEncoder } from '../../src/lexical/lexical-encoder.ts'
import { dotProduct } from '../../src/vector/similarity.ts'
import { shippedTokenizer } from '../text/shipped-tokenizer.ts'

const golden = JSON.parse(
  readFileSync(new URL('../golden/bm25.json', import.meta.url), 'utf8')
) as {
  documents: string[]
  queries: string[]
  documentWords: string[][]
  queryWords: string[][]
  runs: { variant: Bm25Variant; k1: number; b: number; scores: number[][] }[]
}

describe('the words of a text', () => {
  const analyzer = wordAnalyzer()
  it('are those of bm25s with its stop words and the Snowball stemmer', () => {
    expect(golden.documents.map(analyzer)).toEqual(golden.documentWords)
    expect(golden.queries.map(analyzer)).toEqual(golden.queryWords)
  })
  it('may have another stemmer and other stop words', () => {
    const plain = wordAnalyzer({ stem: word => word, stopWords: new Set(['fog']) })
    expect(plain('The fog WARNINGS a')).toEqual(['the', 'warnings'])
  })
  it('are none in a text without words', () => {
    for (const text of ['', ' \n', 'a !? …', '\ud800']) expect(analyzer(text)).toEqual([])
  })
})

describe.each(golden.runs)('$variant, k1 $k1, b $b', ({ variant, k1, b, scores }) => {
  it('scores as bm25s does', async () => {
    const weighting = { method: 'bm25', variant, k1, b } as const
    const encoder = await LexicalEncoder.fit(golden.documents, { weighting })
    const vectors = golden.documents.map(text => encoder.encodeDocument(text))
    for (const [i, query] of golden.queries.entries()) {
      const vector = encoder.encodeQuery(query)
      for (const [j, document] of vectors.entries()) {
        // bm25s gives documents without a term the part of bm25+ that all documents get.
        const absent = [...vector.terms.keys()].filter(
          at => !document.terms.includes(vector.terms[at]!)
        )
        const shift = absent.reduce((sum, at) => sum + vector.weights[at]!, 0)
        const score = dotProduct(vector, document) + (variant === 'bm25+' ? shift : 0)
        expect(score).toBeCloseTo(scores[i]![j]!, 5)
      }
    }
  })
})

it('TF-IDF: a document has length 1, rare words count more, words of all documents nothing', async () => {
  const encoder = await LexicalEncoder.fit(['apple pear apple', 'apple plum', 'apple'], {
    weighting: { method: 'tf-idf' }
  })
  const { weights } = encoder.encodeDocument('apple pear apple')
  expect(Math.hypot(...weights)).toBeCloseTo(1, 6)
  expect(weights[0]! / weights[1]!).toBeCloseTo(1 + Math.log(2), 5)
  const query = encoder.encodeQuery('apple pear pear')
  expect([...query.terms]).toEqual([encoder.lexicon.idOf('pear')])
  expect(query.weights[0]).toBeCloseTo((1 + Math.log(2)) * Math.log(3), 5)
})

it('counts word pieces of a model as well', async () => {
  const { vocabulary } = shippedTokenizer
  const analyzer = (text: string) =>
    [...shippedTokenizer.tokenize(text).ids]
      .filter(id => !vocabulary.isSpecial(id))
      .map(id => vocabulary.termOf(id))
  const encoder = await LexicalEncoder.fit(['an unheard quagga', 'a horse'], { analyzer })
  const terms = [...encoder.encodeQuery('quaggas').terms].map(id => encoder.lexicon.termOf(id))
  expect(terms).toEqual(['qu', '##ag'])
})

describe('properties', () => {
  const count = fc.integer({ min: 1, max: 1000 })
  const parameters = fc.record({
    variant: fc.constantFrom<Bm25Variant>('lucene', 'robertson', 'bm25+'),
    k1: fc.double({ min: 0, max: 4, noNaN: true }),
    b: fc.double({ min: 0, max: 1, noNaN: true }),
    delta: fc.double({ min: 0, max: 2, noNaN: true })
  })
  it('more of a word never counts less, nor does a shorter document', () => {
    fc.assert(
      fc.property(parameters, count, count, count, (bm25, tf, length, average) => {
        const weight = bm25Weight(bm25, tf, length, average)
        expect(weight).toBeGreaterThan(0)
        expect(bm25Weight(bm25, tf + 1, length, average)).toBeGreaterThanOrEqual(weight)
        expect(bm25Weight(bm25, tf, length + 1, average)).toBeLessThanOrEqual(weight)
      })
    )
  })
  it('a rarer word never counts less', () => {
    fc.assert(
      fc.property(parameters, count, count, (bm25, a, b) => {
        const [rare, numDocuments] = a < b ? [a, b] : [b, a]
        const idf = bm25Idf(bm25, numDocuments, rare)
        expect(idf).toBeGreaterThanOrEqual(0)
        expect(bm25Idf(bm25, numDocuments, numDocuments)).toBeLessThanOrEqual(idf)
      })
    )
  })
})

it.each([
  ['k1', { k1: -1 }],
  ['k1', { k1: Number.NaN }],
  ['b', { b: 1.5 }],
  ['delta', { delta: -1 }],
  ['variant', { variant: 'okapi' as never }]
])('refuses a %s without meaning', async (place, options) => {
  await expect(
    LexicalEncoder.fit([], { weighting: { method: 'bm25', ...options } })
  ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place })
})

it('an empty collection knows no words', async () => {
  const encoder = await LexicalEncoder.fit([])
  expect(encoder.encodeQuery('anything').terms).toHaveLength(0)
})
