import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { DenseEncoder } from '../../src/entry/encoder.ts'
import { pairReranker, type Reranker } from '../../src/entry/rerank.ts'
import { denseScore } from '../../src/vector/dense-vector.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { openSmall, refusal } from './small-collection.ts'

/** A random one: what it finds means nothing, and is the same every time. */
const denseModel = fileURLToPath(new URL('../golden/dense/bert-mean', import.meta.url))

/** Documents with the same word, so that BM25 finds all of them, and a direction each. */
const DIRECTIONS: Record<string, [number, number]> = {
  east: [2, 0],
  north: [0, 3],
  between: [1, 1]
}

async function openDirections() {
  const collection = await openSmall({ lexical: true, dense: { dimensions: 2, metric: 'cosine' } })
  await collection.upsert(
    Object.entries(DIRECTIONS).map(([key, dense]) => ({ key, text: `way ${key}`, dense }))
  )
  return collection
}

describe("rerank: 'dense'", () => {
  const query = { text: 'way', dense: [5, 0] }
  const options = { mode: 'bm25', rerank: 'dense' } as const

  it.each([
    ['cosine', { east: 1, between: Math.SQRT1_2, north: 0 }],
    ['dot', { east: 10, between: 5, north: 0 }],
    ['euclidean', { east: -3, between: -Math.sqrt(17), north: -Math.sqrt(34) }]
  ] as const)(
    'orders by the vectors of the collection and its metric, %s',
    async (metric, scores) => {
      const collection = await openSmall({ lexical: true, dense: { dimensions: 2, metric } })
      await collection.upsert(
        Object.entries(DIRECTIONS).map(([key, dense]) => ({ key, text: `way ${key}`, dense }))
      )
      for (const round of ['in memory', 'in a segment']) {
        const { hits } = await collection.search(query, options)
        expect(
          hits.map(({ key }) => key),
          round
        ).toEqual(Object.keys(scores))
        for (const [i, score] of Object.values(scores).entries()) {
          expect(hits[i]!.score).toBeCloseTo(score, 12)
        }
        await collection.flush()
      }
    }
  )

  it('gives hits the scores that they have in the mode dense', async () => {
    const collection = await openSmall({ lexical: true, denseModel })
    const texts = ['harbour and boats', 'the harbour in fog', 'harbour', 'bread', ' ']
    await collection.upsert(texts.map((text, i) => ({ key: `d${i}`, text })))
    const { hits: dense } = await collection.search('harbour fog', { mode: 'dense' })
    const search = { mode: 'bm25', rerank: 'dense', explain: true } as const
    const { hits, stages } = await collection.search('harbour fog', search)
    const found = new Set(['d0', 'd1', 'd2'])
    expect(hits.map(({ key, score }) => [key, score])).toEqual(
      dense.filter(({ key }) => found.has(key)).map(({ key, score }) => [key, score])
    )
    const { details } = hits[0]!.explanation!.explanation
    expect(details.map(({ description }) => description)).toEqual(['by dense bert-mean'])
    const parts = stages.find(({ stage }) => stage === 'rerank')!.parts!
    expect(parts.map(({ stage }) => stage)).toEqual(['encode query', 'encode documents', 'score'])
  })

  it('takes the vector of the best passage, or that of the whole document', async () => {
    const collection = await openSmall({ lexical: true, dense: { dimensions: 2 } })
    const text = 'east north'
    const spans = [
      { start: 0, end: 4 },
      { start: 5, end: 10 }
    ]
    await collection.upsert([
      {
        key: 'each',
        text,
        passages: spans.map((span, i) => ({ ...span, dense: [1 - i, i] }))
      },
      { key: 'whole', text, passages: spans, dense: [1, 1] }
    ])
    const seen: unknown[] = []
    const reads: Reranker = {
      ...pairReranker('own', (_, { text: own, dense }) => seen.push([own, ...dense!])),
      reads: ['dense']
    }
    await collection.search('north', { mode: 'bm25', rerank: reads })
    await collection.search('east', { mode: 'bm25', rerank: reads })
    expect(seen).toEqual([
      ['north', 0, 1],
      ['north', 1, 1],
      ['east', 1, 0],
      ['east', 1, 1]
    ])
  })

  it('encodes a text that has no vector', async () => {
    const collection = await openSmall({ denseModel })
    const vector = sparseVector([1], [1])
    await collection.upsert([{ key: 'blank', text: '', vector }])
    await using encoder = await DenseEncoder.load(denseModel)
    const score = denseScore(
      await encoder.encodeQuery('harbour'),
      await encoder.encodeDocument(''),
      'cosine'
    )
    const query = { text: 'harbour', sparse: vector }
    const { hits } = await collection.search(query, { mode: 'sparse', rerank: 'dense' })
    expect(hits).toHaveLength(1)
    expect(hits[0]!.score).toBeCloseTo(score, 6)
  })

  it('needs a vector or a model for the query and for each document', async () => {
    const collection = await openDirections()
    expect(await refusal(collection.search('way', options))).toBe('INVALID_ARGUMENT at query')
    await collection.upsert([{ key: 'nowhere', text: 'way' }])
    const search = collection.search(query, options)
    expect(await refusal(search)).toBe('INVALID_ARGUMENT at hit "nowhere"')
    const long = collection.search({ text: 'way', dense: [1, 2, 3] }, options)
    expect(await refusal(long)).toBe('INVALID_VECTOR at query.dense')
  })

  it('is refused where no dense vectors are kept', async () => {
    const collection = await openSmall({ lexical: true })
    const search = collection.search('way', { rerank: 'dense' })
    expect(await refusal(search)).toBe('INVALID_ARGUMENT at rerank')
  })
})
