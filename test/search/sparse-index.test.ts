import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DocumentSet } from '../../src/search/document-set.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import type { Explanation } from '../../src/vector/explanation.ts'
import type { Metric } from '../../src/vector/similarity.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { buildIndex } from './conformance.ts'

const code = (name: string, problem = '') =>
  expect.objectContaining({ code: name, message: expect.stringContaining(problem) })
const one = sparseVector([7], [1])

/** What JavaScript, or a careless cast, may hand in as a vector. */
const badVectors: [string, unknown, string][] = [
  ['NaN', { terms: [1], weights: [Number.NaN] }, 'weight NaN'],
  ['infinity', { terms: [1], weights: [Number.POSITIVE_INFINITY] }, 'weight Infinity'],
  ['a negative weight', { terms: Uint32Array.of(1), weights: Float32Array.of(-1) }, 'weight -1'],
  ['a zero weight', { terms: Uint32Array.of(1), weights: Float32Array.of(0) }, 'weight 0'],
  ['unsorted terms', { terms: Uint32Array.of(2, 1), weights: Float32Array.of(1, 1) }, 'unsorted'],
  ['duplicate terms', { terms: Uint32Array.of(2, 2), weights: Float32Array.of(1, 1) }, 'duplicate'],
  ['unequal lengths', { terms: Uint32Array.of(1, 2), weights: Float32Array.of(1) }, '2 term ids'],
  ['no arrays', { terms: 1, weights: 2 }, 'not a sparse vector'],
  ['indices and values', { indices: [1], values: [2] }, 'not a sparse vector'],
  ['a text', 'how do cells die', 'not a sparse vector'],
  ['undefined', undefined, 'not a sparse vector']
]

describe('SparseIndexBuilder', () => {
  it.each(badVectors)('refuses a vector of %s and stays as it was', async (_, vector, problem) => {
    const builder = new SparseIndexBuilder()
    builder.add('a', one)
    expect(() => builder.add('b', vector as SparseVector)).toThrow(code('INVALID_VECTOR', problem))
    expect(() => builder.add('b', vector as SparseVector)).toThrow('document "b"')
    builder.add('b', one)
    expect([builder.size, builder.numPostings]).toEqual([2, 2])
    expect((await builder.finish()).size).toBe(2)
  })

  it.each([
    ['an empty key', ''],
    ['the first half of a pair', 'a\ud83d'],
    ['the second half of a pair', '\ude00b'],
    ['a number', 7],
    ['null', null]
  ])('refuses %s', (_, key) => {
    const builder = new SparseIndexBuilder()
    expect(() => builder.add(key as string, one)).toThrow(code('INVALID_KEY'))
    expect(builder.size).toBe(0)
  })

  it('refuses a key that was added before, and stays as it was', () => {
    const builder = new SparseIndexBuilder()
    builder.add('a', one)
    expect(() => builder.add('a', one)).toThrow(code('DUPLICATE_KEY', '"a"'))
    expect([builder.size, builder.numPostings]).toEqual([1, 1])
  })

  it('does not notice when a vector is changed afterwards', async () => {
    const builder = new SparseIndexBuilder()
    const vector = { terms: Uint32Array.of(3), weights: Float32Array.of(2) }
    builder.add('a', vector)
    vector.weights[0] = 9
    expect([...(await builder.finish()).vectorOf('a').weights]).toEqual([2])
  })

  it('can be used once', async () => {
    const builder = new SparseIndexBuilder()
    await builder.finish()
    expect(() => builder.add('a', one)).toThrow(code('INVALID_ARGUMENT', 'finished'))
    await expect(builder.finish()).rejects.toThrow(code('INVALID_ARGUMENT', 'finished'))
  })

  it('refuses a metric or metadata that mean nothing, and can then be finished', async () => {
    const builder = new SparseIndexBuilder()
    const metric = 'euclid' as Metric
    await expect(builder.finish({ metric })).rejects.toThrow(code('INVALID_ARGUMENT', 'euclid'))
    for (const metadata of [{ big: 1n }, ['list'], null] as unknown as Record<string, unknown>[]) {
      await expect(builder.finish({ metadata })).rejects.toThrow(code('INVALID_ARGUMENT', 'JSON'))
    }
    expect((await builder.finish({ metadata: { model: 'm' } })).metadata).toEqual({ model: 'm' })
  })

  it('holds more postings than the largest chunk', async () => {
    const terms = Array.from({ length: 1000 }, (_, i) => 3 * i)
    const vectors = [0, 1, 2, 3].map(shift =>
      sparseVector(
        terms,
        terms.map(term => 1 + ((term + shift) % 5))
      )
    )
    const builder = new SparseIndexBuilder()
    for (let i = 0; i < 1200; i++) builder.add(`${i}`, vectors[i % 4]!)
    const index = await builder.finish()
    expect(index.numPostings).toBe(1_200_000)
    for (const i of [0, 523, 524, 525, 1199]) expect(index.vectorOf(`${i}`)).toEqual(vectors[i % 4])
  })
})

describe('SparseIndex', () => {
  const documents = [
    sparseVector([2, 5, 4294967295], [1, 0.5, 3]),
    sparseVector([], []),
    sparseVector([5], [2])
  ]

  it('counts what it holds', async () => {
    const index = await buildIndex(documents)
    expect([index.size, index.numPostings, index.numTerms, index.metric]).toEqual([3, 4, 3, 'dot'])
    expect([...index.keys()]).toEqual(['d0', 'd1', 'd2'])
    expect([index.has('d1'), index.has('d3')]).toEqual([true, false])
  })

  it('gives back every vector, one by one and all in order', async () => {
    const many = Array.from({ length: 9000 }, (_, i) =>
      i % 50 === 0 ? sparseVector([], []) : sparseVector([i % 7, 10 + i], [1, i])
    )
    const index = await buildIndex(many)
    expect([...index.entries()]).toEqual(many.map((vector, i) => [`d${i}`, vector]))
    for (const docId of [0, 1, 4095, 4096, 8999]) {
      expect(index.vectorOf(`d${docId}`)).toEqual(many[docId])
    }
  })

  it('says which key it does not hold', async () => {
    const index = await buildIndex(documents)
    const missing = code('KEY_NOT_FOUND', '"nobody"')
    expect(() => index.vectorOf('nobody')).toThrow(missing)
    expect(() => index.contributions(one, 'nobody')).toThrow(missing)
    expect(() => index.explain(one, 'nobody')).toThrow(missing)
    expect(() => index.scoresOf(one, ['d0', 'nobody'])).toThrow(missing)
    expect(() => index.documentSet(['nobody'])).toThrow(missing)
    const searchAfter = { key: 'nobody', score: 1, rank: 1 }
    await expect(index.search(one, { searchAfter })).rejects.toThrow(missing)
  })

  it.each(badVectors)('refuses a query of %s', async (_, query, problem) => {
    const index = await buildIndex(documents)
    const invalid = code('INVALID_VECTOR', problem)
    await expect(index.search(query as SparseVector)).rejects.toThrow(invalid)
    expect(() => index.scoresOf(query as SparseVector, [])).toThrow(invalid)
    expect(() => index.contributions(query as SparseVector, 'd0')).toThrow(invalid)
  })

  it.each([
    { k: 0 },
    { k: -1 },
    { k: 1.5 },
    { k: Number.NaN },
    { k: '10' as unknown as number },
    { minScore: Number.NaN },
    { searchAfter: { key: 'd0', score: Number.NaN, rank: 1 } },
    { searchAfter: { key: 'd0', score: 1, rank: 0 } }
  ])('refuses the options %o', async options => {
    const index = await buildIndex(documents)
    const place = Object.keys(options)[0]!
    await expect(index.search(one, options)).rejects.toThrow(code('INVALID_ARGUMENT', place))
  })

  it('refuses the filter of an index of another size', async () => {
    const filter = (await buildIndex([one])).documentSet(['d0'])
    const index = await buildIndex(documents)
    await expect(index.search(one, { filter })).rejects.toThrow(code('INVALID_ARGUMENT', 'filter'))
  })

  it('does not search once its signal has fired', async () => {
    const index = await buildIndex(documents)
    const signal = AbortSignal.abort('no longer wanted')
    await expect(index.search(one, { signal })).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED', cause: 'no longer wanted' })
    )
  })

  it('counts what a search cost', async () => {
    const index = await buildIndex(documents)
    const { stats } = await index.search(sparseVector([2, 3, 5], [1, 1, 1]))
    expect(stats).toEqual({
      strategy: 'windowed',
      numBlocks: 0,
      numQueryTerms: 2,
      numUnknownTerms: 1,
      numPostings: 3,
      numScored: 2
    })
  })
})

describe('contributions and explanation', () => {
  const query = sparseVector([2, 5, 9, 4294967295], [2, 4, 1, 0.5])
  const document = sparseVector([2, 5, 7, 4294967295], [1, 0.5, 3, 8])

  it('give the product of each shared term, the largest first, ties by term id', async () => {
    const index = await buildIndex([document])
    expect(index.contributions(query, 'd0')).toEqual([
      { termId: 4294967295, queryWeight: 0.5, documentWeight: 8, product: 4, value: 4 },
      { termId: 2, queryWeight: 2, documentWeight: 1, product: 2, value: 2 },
      { termId: 5, queryWeight: 4, documentWeight: 0.5, product: 2, value: 2 }
    ])
  })

  it('name the terms as asked', async () => {
    const index = await buildIndex([document])
    const explanation = index.explain(query, 'd0', { nameOf: id => (id === 2 ? 'cell' : `#${id}`) })
    expect(explanation.value).toBe(8)
    expect(explanation.description).toBe('dot product of the query and document "d0"')
    expect(explanation.details.map(({ description }) => description)).toEqual([
      '#4294967295: query weight 0.5 × document weight 8',
      'cell: query weight 2 × document weight 1',
      '#5: query weight 4 × document weight 0.5'
    ])
    expect(index.explain(query, 'd0').details[1]!.description).toMatch(/^term 2: /)
  })

  it('are empty for a document that matches nothing', async () => {
    for (const metric of ['dot', 'cosine'] as const) {
      const index = await buildIndex([sparseVector([], []), one], metric)
      for (const key of index.keys()) {
        expect(index.contributions(query, key)).toEqual([])
        expect(index.explain(query, key)).toMatchObject({ value: 0, details: [] })
      }
    }
  })

  it('have leaves that sum to the score of the hit, for dot product and cosine', async () => {
    const weight = fc.double({ min: 1e-6, max: 1e4, noNaN: true })
    const vector = fc
      .uniqueArray(fc.nat(12), { maxLength: 9 })
      .chain(terms =>
        fc.tuple(fc.constant(terms), fc.array(weight, { minLength: 9, maxLength: 9 }))
      )
      .map(([terms, weights]) =>
        sparseVector(
          terms.sort((a, b) => a - b),
          weights.slice(0, terms.length)
        )
      )
    const leaves = (node: Explanation): number =>
      node.details.length === 0
        ? node.value
        : node.details.reduce((sum, detail) => sum + leaves(detail), 0)
    const metric = fc.constantFrom<Metric>('dot', 'cosine')
    await fc.assert(
      fc.asyncProperty(fc.array(vector), vector, metric, async (vectors, asked, by) => {
        const index = await buildIndex(vectors, by)
        for (const { key, score } of (await index.search(asked, { k: 100 })).hits) {
          const explanation = index.explain(asked, key)
          expect(explanation.value).toBe(score)
          expect(Math.abs(leaves(explanation) - score)).toBeLessThanOrEqual(1e-6 * score)
        }
      })
    )
  })
})

describe('SparseIndex.documentSet', () => {
  it('holds the documents of the keys, each once', async () => {
    const index = await buildIndex(Array.from({ length: 70 }, () => one))
    const set = index.documentSet(['d31', 'd32', 'd69', 'd31'])
    expect(set.size).toBe(3)
    const members = [...index.keys()].filter((_, docId) => set.has(docId))
    expect(members).toEqual(['d31', 'd32', 'd69'])
  })

  it('holds no document that the index lacks', () => {
    for (const docId of [-1, 70, 0.5, Number.NaN]) {
      expect(() => new DocumentSet(70, [docId])).toThrow(code('INVALID_ARGUMENT', `${docId}`))
    }
  })
})

describe('SparseIndex in bytes', () => {
  it('is the same index again: keys, vectors, metric, metadata, bytes', async () => {
    const builder = new SparseIndexBuilder()
    const keys = ['\ufeffmark', 'a\u0000b', 'é', 'e\u0301', '鍵', '😀', ' ', 'x'.repeat(500)]
    for (const [i, key] of keys.entries()) builder.add(key, sparseVector([i, 99], [1, i + 0.5]))
    const index = await builder.finish({
      metric: 'cosine',
      metadata: { model: 'm', 鍵: [1, null] }
    })
    const bytes = index.toBytes()
    const again = SparseIndex.fromBytes(bytes)
    expect([...again.keys()]).toEqual(keys)
    expect([...again.entries()]).toEqual([...index.entries()])
    expect(again.metric).toBe('cosine')
    expect(again.metadata).toEqual(index.metadata)
    expect(again.toBytes()).toEqual(bytes)
  })

  it.each(['', 'é', '鍵', '😀'])(
    'gives many hits their keys, ASCII and with "%s"',
    async letter => {
      const keys = Array.from({ length: 200 }, (_, i) =>
        i % 70 === 69 ? `${letter}${i}` : `k${i}`
      )
      const builder = new SparseIndexBuilder()
      for (const key of keys) builder.add(key, one)
      const index = await builder.finish()
      for (const k of [23, 24, 64, 65, 200]) {
        const { hits } = await index.search(one, { k })
        expect(hits.map(({ key }) => key)).toEqual(keys.slice(0, k))
      }
    }
  )

  it('may stand anywhere in a larger buffer', async () => {
    const bytes = (await buildIndex([one])).toBytes()
    for (const offset of [1, 2, 3, 4, 8]) {
      const larger = new Uint8Array(bytes.length + 20)
      larger.set(bytes, offset)
      const index = SparseIndex.fromBytes(larger.subarray(offset, offset + bytes.length))
      expect((await index.search(one)).hits).toHaveLength(1)
    }
  })
})
