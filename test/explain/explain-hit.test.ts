import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { bestSnippet, explainHit, highlights } from '../../src/entry/explain.ts'
import { SparseIndexBuilder } from '../../src/entry/search.ts'
import { goldenTokenizers, tokenizerOf } from '../text/golden-tokenizers.ts'

let encoder: SparseEncoder
beforeAll(async () => {
  encoder = await SparseEncoder.load('splade-tiny')
})
afterAll(() => encoder.close())

async function explained(queryText: string, text: string, metric: 'dot' | 'cosine' = 'dot') {
  const builder = new SparseIndexBuilder()
  builder.add('a', await encoder.encodeDocument(text))
  const index = await builder.finish({ metric })
  const query = await encoder.encodeQuery(queryText)
  const { hits } = await index.search(query)
  return {
    score: hits[0]!.score,
    hit: explainHit({
      explanation: index.explain(query, 'a'),
      contributions: index.contributions(query, 'a'),
      text,
      queryText,
      tokenizer: encoder.tokenizer
    })
  }
}

const text = 'The doctor examined the Müller family; the doctor found nothing.'

describe.each(['dot', 'cosine'] as const)('an explanation of a %s score', metric => {
  it('has shares that sum to one and leaves that sum to the score', async () => {
    const { score, hit } = await explained('which physician saw the family', text, metric)
    expect(hit.score).toBe(score)
    const leaves = hit.explanation.details.reduce((sum, { value }) => sum + value, 0)
    expect(Math.abs(leaves - score) / score).toBeLessThan(1e-6)
    expect(hit.terms.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6)
    for (let i = 1; i < hit.terms.length; i++) {
      expect(hit.terms[i]!.product).toBeLessThanOrEqual(hit.terms[i - 1]!.product)
    }
  })
})

describe('where a term comes from', () => {
  it('tells terms of the text, with every place, from terms that the model added', async () => {
    const { hit } = await explained('which physician saw the family', text)
    const doctor = hit.terms.find(({ term }) => term === 'doctor')!
    expect(doctor.inText).toBe(true)
    expect(doctor.inQuery).toBe(false)
    expect(doctor.offsets.map(([start, end]) => text.slice(start, end))).toEqual([
      'doctor',
      'doctor'
    ])
    const added = hit.terms.filter(({ inText }) => inText === false)
    expect(added.length).toBeGreaterThan(0)
    for (const { term, offsets } of added) {
      expect(text.toLowerCase()).not.toContain(term)
      expect(offsets).toEqual([])
    }
    expect(hit.terms.find(({ term }) => term === 'family')).toMatchObject({ inQuery: true })
  })

  it('shows words as they are written', async () => {
    const { hit } = await explained('muller', text)
    const found = highlights(hit.terms).map(({ start, end }) => text.slice(start, end))
    expect(found).toContain('Müller')
  })
})

describe('highlights', () => {
  it('join the pieces of a word and come in the order of the text', () => {
    const model = 'model' as const
    const term = {
      kind: model,
      termId: 1,
      term: 'x',
      queryWeight: 1,
      documentWeight: 1,
      product: 1,
      value: 1
    }
    const flags = { inQuery: undefined, inText: true }
    const found = highlights([
      { ...term, ...flags, share: 0.5, offsets: [[10, 14]] },
      {
        ...term,
        ...flags,
        share: 0.25,
        offsets: [
          [4, 6],
          [14, 17]
        ]
      }
    ])
    expect(found).toEqual([
      { start: 4, end: 6, share: 0.25 },
      { start: 10, end: 17, share: 0.75 }
    ])
  })

  it('choose the snippet that earns the most, inside the text', () => {
    const long = `${'filler words '.repeat(50)}the keeper saw a whale ${'more filler '.repeat(50)}`
    const at = long.indexOf('whale')
    const { start, end } = bestSnippet(long, [{ start: at, end: at + 5, share: 1 }], 80)
    expect(long.slice(start, end)).toContain('whale')
    expect(end - start).toBeLessThanOrEqual(81)
    expect(bestSnippet('short', [], 80)).toEqual({ start: 0, end: 5 })
    const none = bestSnippet(long, [], 80)
    expect(none.start).toBe(0)
    const wide = '😀'.repeat(300)
    for (const length of [80, 81]) {
      const cut = bestSnippet(wide, [{ start: 300, end: 302, share: 1 }], length)
      expect(wide.slice(cut.start, cut.end).isWellFormed()).toBe(true)
    }
  })
})

test.each(['roberta', 'xlm-roberta'])('%s: terms are written as a person would', name => {
  const tokenizer = tokenizerOf(goldenTokenizers().find(golden => golden.name === name)!)
  const text = 'The ferry, the harbour'
  const ids = new Set(tokenizer.tokenize(text).ids)
  const contributions = Array.from(ids, termId => ({
    termId,
    queryWeight: 1,
    documentWeight: 1,
    product: 1,
    value: 1
  }))
  const explanation = { value: ids.size, description: 'dot product', details: [] }
  const { terms } = explainHit({ explanation, contributions, text, tokenizer })
  const named = terms.map(({ term }) => term)
  expect(named).toContain('the')
  expect(named).toContain(',')
  expect(named.join('')).not.toMatch(/[Ġ▁]/)
  expect(highlights(terms).map(({ start, end }) => text.slice(start, end))).not.toContain(',')
})
