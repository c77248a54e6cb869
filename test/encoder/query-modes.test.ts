import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NoExpansionEncoder } from '../../src/encoder/query-modes.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import type { SparseVector } from '../../src/vector/sparse-vector.ts'

let encoder: SparseEncoder
beforeAll(async () => {
  encoder = await SparseEncoder.load('splade-tiny')
})
afterAll(() => encoder.close())

const idOf = (term: string): number => encoder.vocabulary.idOf(term)!
const entriesOf = ({ terms, weights }: SparseVector): Record<string, number> =>
  Object.fromEntries(Array.from(terms, (id, i) => [encoder.vocabulary.termOf(id), weights[i]!]))

/** A table with the weights of a few terms; all others have 0. */
function tableOf(weights: Record<string, number>): Float32Array {
  const table = new Float32Array(encoder.vocabulary.size)
  for (const [term, weight] of Object.entries(weights)) table[idOf(term)] = weight
  return table
}

const text = 'Salt wind on the harbour bridge, salt on the ropes'

describe('queryMode', () => {
  it("'no-expansion' keeps the model's weights for what stands in the query", async () => {
    const full = await encoder.encodeQuery(text)
    expect(await encoder.encodeQuery(text, { queryMode: 'full' })).toEqual(full)
    const own = entriesOf(await encoder.encodeQuery(text, { queryMode: 'no-expansion' }))
    const tokens = encoder.tokenizer.tokensOf(encoder.tokenizer.tokenize(text).ids)
    const expected = Object.entries(entriesOf(full)).filter(([term]) => tokens.includes(term))
    expect(own).toEqual(Object.fromEntries(expected))
    expect(Object.keys(own)).toEqual(expect.arrayContaining(['salt', 'wind', 'bridge']))
    expect(full.terms.length).toBeGreaterThan(expected.length)
  })

  it("'no-expansion' leaves special tokens out though they stand among the tokens", async () => {
    const { ids } = encoder.tokenizer.tokenize('salt [MASK]')
    const all = Uint32Array.from({ length: encoder.vocabulary.size }, (_, id) => id)
    const whole = { terms: all, weights: Float32Array.from(all, id => id + 1) }
    const inner = { concurrency: 3, encode: async () => [whole], close: async () => undefined }
    const sparing = new NoExpansionEncoder(inner, encoder.vocabulary)
    const salt = idOf('salt')
    expect(await sparing.encode([ids])).toEqual([
      { terms: Uint32Array.of(salt), weights: Float32Array.of(salt + 1) }
    ])
    expect(sparing.concurrency).toBe(3)
  })

  it("'inference-free' gives each distinct term its idf, once", async () => {
    const idf = tableOf({ salt: 2.5, harbour: 4, the: 0.125, '[CLS]': 9, '[SEP]': 9, tide: 3 })
    const vector = await encoder.encodeQuery(text, { queryMode: 'inference-free', idf })
    expect(entriesOf(vector)).toEqual({ salt: 2.5, harbour: 4, the: 0.125 })
    expect([...vector.terms]).toEqual([...vector.terms].sort((a, b) => a - b))
  })

  it("'inference-free' asks a function for distinct ascending terms", async () => {
    const asked: number[][] = []
    const idf = (terms: Uint32Array): Float32Array => {
      asked.push([...terms])
      return Float32Array.from(terms, (_, i) => (i === 0 ? 0 : i))
    }
    const vector = await encoder.encodeQuery('rope tide rope', { queryMode: 'inference-free', idf })
    const terms = [idOf('rope'), idOf('tide')].sort((a, b) => a - b)
    expect(asked).toEqual([terms])
    // A weight of 0 is none.
    expect([...vector.terms]).toEqual(terms.slice(1))
    expect([...vector.weights]).toEqual([1])
  })

  it("'inference-free' takes arrays, streams and the options of all encoding", async () => {
    const idf = tableOf({ salt: 2.5, harbour: 4, the: 0.125 })
    const options = { queryMode: 'inference-free', idf } as const
    const progress: number[] = []
    const onProgress = ({ done }: { done: number }): number => progress.push(done)
    const all = await encoder.encodeQuery([text, '', 'the tide'], { ...options, onProgress })
    expect(all.map(entriesOf)).toEqual([{ salt: 2.5, harbour: 4, the: 0.125 }, {}, { the: 0.125 }])
    expect(progress.at(-1)).toBe(3)
    async function* source(): AsyncGenerator<string> {
      yield text
    }
    for await (const vector of encoder.encodeQuery(source(), { ...options, topTokens: 1 })) {
      expect(entriesOf(vector)).toEqual({ harbour: 4 })
    }
    const short = await encoder.encodeQuery(text, { ...options, maxTokens: 3 })
    expect(entriesOf(short)).toEqual({ salt: 2.5 })
    const most = await encoder.encodeQuery(text, { ...options, pruneMass: 0.9 })
    expect(entriesOf(most)).toEqual({ salt: 2.5, harbour: 4 })
    // A table that ends before a term has nothing for it.
    const cut = idf.slice(0, idOf('harbour'))
    const rest = await encoder.encodeQuery('the harbour', { ...options, idf: cut })
    expect(entriesOf(rest)).toEqual({ the: 0.125 })
  })

  it('is refused where it cannot be answered', async () => {
    await expect(encoder.encodeQuery(text, { queryMode: 'inference-free' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'idf',
      remedy: expect.stringContaining('collection.idf()')
    })
    const idf = tableOf({ salt: Number.NaN })
    await expect(
      encoder.encodeQuery(text, { queryMode: 'inference-free', idf })
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', problem: expect.stringContaining('salt') })
    const unknown = { queryMode: 'sparse' as 'full' }
    await expect(encoder.encodeQuery(text, unknown)).rejects.toMatchObject({ place: 'queryMode' })
    await expect(SparseEncoder.load('splade-tiny', unknown)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'queryMode'
    })
  })

  it('may be chosen when the model is loaded; documents are what they are', async () => {
    await using sparing = await SparseEncoder.load('splade-tiny', { queryMode: 'no-expansion' })
    const expected = await encoder.encodeQuery(text, { queryMode: 'no-expansion' })
    expect(await sparing.encodeQuery(text)).toEqual(expected)
    expect(await sparing.encodeQuery(text, { queryMode: 'full' })).toEqual(
      await encoder.encodeQuery(text)
    )
    expect(await sparing.encodeDocument(text)).toEqual(await encoder.encodeDocument(text))
  })
})
