import { describe, expect, it } from 'vitest'
import type { CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { CollectionCandidate, RerankFunction } from '../../src/collection/second-stage.ts'
import {
  identity,
  pairReranker,
  type RerankCandidate,
  type Reranker
} from '../../src/entry/rerank.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { openSmall, refusal } from './small-collection.ts'

/** Document `wN` has the score N for this query. */
const query = sparseVector([1], [1])

async function openWeighted(numDocuments: number) {
  const collection = await openSmall()
  await collection.upsert(
    Array.from({ length: numDocuments }, (_, i) => ({
      key: `w${i + 1}`,
      text: `text ${i + 1}`,
      vector: sparseVector([1], [i + 1]),
      metadata: { number: i + 1 }
    }))
  )
  return collection
}

/** Words are found by BM25; no model is needed. */
async function openTexts(texts: Record<string, string>) {
  const collection = await openSmall({ lexical: true })
  await collection.upsert(Object.entries(texts).map(([key, text]) => ({ key, text })))
  return collection
}

describe('a search with a second stage', () => {
  it('lets it order depth hits, and returns k with what they were before', async () => {
    const collection = await openWeighted(6)
    const asked: CollectionCandidate[] = []
    const rerank: RerankFunction = (given, candidates) => {
      expect(given).toBe(query)
      asked.push(...candidates)
      return candidates.map(({ key }) => (key === 'w3' ? 9 : -1))
    }
    const { hits } = await collection.search(query, { k: 2, depth: 4, rerank })
    expect(asked).toEqual(
      [6, 5, 4, 3].map((number, i) => {
        const [key, text] = [`w${number}`, `text ${number}`]
        return { key, score: number, rank: i + 1, text, metadata: { number } }
      })
    )
    expect(hits).toEqual([
      {
        key: 'w3',
        score: 9,
        rank: 1,
        text: 'text 3',
        metadata: { number: 3 },
        before: { score: 3, rank: 4 }
      },
      {
        key: 'w6',
        score: -1,
        rank: 2,
        text: 'text 6',
        metadata: { number: 6 },
        before: { score: 6, rank: 1 }
      }
    ])
  })

  it.each([
    [undefined, undefined, 100, 10],
    [103, undefined, 103, 103],
    [103, 104, 104, 103],
    [3, undefined, 100, 3],
    [3, 3, 3, 3],
    [3, 1000, 105, 3]
  ])('with k %s and depth %s reranks %s and returns %s', async (k, depth, numReranked, numHits) => {
    const collection = await openWeighted(105)
    let numAsked = 0
    const rerank: RerankFunction = (_, candidates) => {
      numAsked = candidates.length
      return candidates.map(({ score }) => score)
    }
    const options = { rerank, ...(k && { k }), ...(depth && { depth }) }
    const { hits } = await collection.search(query, options)
    expect([numAsked, hits.length]).toEqual([numReranked, numHits])
  })

  it('takes an object, and identity changes nothing', async () => {
    const collection = await openTexts({ a: 'harbour and boats', b: 'harbour', c: 'bread' })
    const { hits: plain } = await collection.search('harbour')
    expect(plain).toHaveLength(2)
    const { hits } = await collection.search('harbour', { rerank: identity })
    expect(hits.map(({ before: _, ...hit }) => hit)).toEqual(plain)
    for (const { before, score, rank } of hits) expect(before).toEqual({ score, rank })
  })

  it('gives the text of the best passage to rerankers, and that of the document to users', async () => {
    const text = 'The ferry leaves at nine. Bread and butter.'
    const collection = await openSmall({ lexical: true })
    const passages = [0, 26].map(start => ({ start, end: start === 0 ? 25 : text.length }))
    await collection.upsert([{ key: 'd', text, passages }])
    const seen: (string | undefined)[] = []
    const rerank = pairReranker('own', (_, candidate) => seen.push(candidate.text))
    const { hits } = await collection.search('butter', { rerank })
    expect(seen).toEqual(['Bread and butter.'])
    expect(hits[0]).toMatchObject({ text, passage: [26, text.length] })
  })

  it('hands in stored vectors of the best passage to who reads them, and to no other', async () => {
    const collection = await openSmall({ lexical: true })
    const vectors = [sparseVector([1, 2], [1, 5]), sparseVector([1, 3], [4, 2])]
    await collection.upsert([
      {
        key: 'd',
        text: 'first second',
        passages: [
          { start: 0, end: 5, vector: vectors[0]! },
          { start: 6, end: 12, vector: vectors[1]! }
        ]
      }
    ])
    const seen: RerankCandidate[] = []
    const score: Reranker['score'] = (_, candidates) => {
      seen.push(...candidates)
      return { scores: candidates.map(() => 1), stages: [] }
    }
    await collection.search('second', { rerank: { name: 'own', score, reads: ['sparse'] } })
    await collection.search('second', { rerank: { name: 'own', score } })
    expect(seen.map(({ text, sparse }) => [text, sparse])).toEqual([
      ['second', vectors[1]],
      ['second', undefined]
    ])
  })

  it('says how long each stage took', async () => {
    const collection = await openTexts({ a: 'harbour', b: 'harbour' })
    const slow = pairReranker('slow', async () => {
      await new Promise(resolve => setTimeout(resolve, 15))
      return 1
    })
    const plain = await collection.search('harbour')
    expect(plain.stages.map(({ stage }) => stage)).toEqual(['encode', 'search', 'read'])
    const { stages } = await collection.search('harbour', { rerank: slow, explain: true })
    expect(stages.map(({ stage }) => stage)).toEqual([
      'encode',
      'search',
      'read',
      'rerank',
      'explain'
    ])
    const { ms, parts } = stages[3]!
    expect(parts!.map(({ stage }) => stage)).toEqual(['score'])
    expect(parts![0]!.ms).toBeGreaterThan(25)
    expect(ms).toBeGreaterThanOrEqual(parts![0]!.ms)
    for (const stage of [...plain.stages, ...stages]) expect(stage.ms).toBeGreaterThanOrEqual(0)
  })
})

describe('an explanation after a second stage', () => {
  it('has the new score at its root, and keeps that of the first stage beside it', async () => {
    const collection = await openTexts({ a: 'harbour and boats', b: 'harbour', c: 'bread' })
    const rerank = pairReranker('longest', (_, { text }) => text!.length)
    const { hits } = await collection.search('harbour', { rerank, explain: true, k: 1, depth: 2 })
    const { hits: first } = await collection.search('harbour', { explain: true })
    const [{ explanation, before, score }] = hits as [(typeof hits)[number]]
    expect(score).toBe('harbour and boats'.length)
    expect(explanation).toMatchObject({ score, terms: [], text: 'harbour and boats' })
    const { value, description, details } = explanation!.explanation
    expect(value).toBe(score)
    expect(description).toContain('"a"')
    expect(details).toEqual([{ value: score, description: 'by longest', details: [] }])
    const own = first.find(({ key }) => key === 'a')!
    expect(before).toEqual({ score: own.score, rank: own.rank, explanation: own.explanation })
    expect(before!.explanation!.terms.map(({ term }) => term)).toEqual(['harbour'])
  })
})

describe('a second stage that cannot be', () => {
  const rerank = identity
  it.each<[string, object, string]>([
    ['a name', { rerank: 'model' }, 'INVALID_ARGUMENT at rerank'],
    ['an object that does not score', { rerank: {} }, 'INVALID_ARGUMENT at rerank'],
    ['null', { rerank: null }, 'INVALID_ARGUMENT at rerank'],
    ['a depth below k', { rerank, k: 5, depth: 4 }, 'INVALID_ARGUMENT at depth'],
    ['half a depth', { rerank, k: 1, depth: 1.5 }, 'INVALID_ARGUMENT at depth'],
    ['a depth without it', { depth: 50 }, 'INVALID_ARGUMENT at depth'],
    [
      'a page',
      { rerank, searchAfter: { key: 'w1', score: 1, rank: 1 } },
      'INVALID_ARGUMENT at searchAfter'
    ],
    ['a query without text', { rerank }, 'INVALID_ARGUMENT at rerank']
  ])('is refused: %s', async (_, options, expected) => {
    const collection = await openWeighted(2)
    const search = collection.search(query, options as CollectionSearchOptions)
    expect(await refusal(search)).toBe(expected)
  })
})

describe('a second stage that fails', () => {
  const texts = { a: 'harbour', b: 'harbour', c: 'harbour' }
  const failing = (cause: unknown): RerankFunction => {
    return function own() {
      throw cause
    }
  }

  it.each<[string, CollectionSearchOptions['rerank'], string]>([
    [
      'on one pair',
      pairReranker('own', (_, { key }) => {
        if (key === 'b') throw new Error('no network')
        return 1
      }),
      'RERANK_FAILED at hit "b"'
    ],
    ['with NaN', () => [1, Number.NaN, 2], 'RERANK_FAILED at hit "b"'],
    ['with infinity', () => [1, 2, Number.NEGATIVE_INFINITY], 'RERANK_FAILED at hit "c"'],
    ['with a text', () => ['1', 2, 3] as unknown as number[], 'RERANK_FAILED at hit "a"'],
    [
      'with too few scores',
      function own() {
        return [1, 2]
      },
      'RERANK_FAILED at own'
    ],
    [
      'with too many',
      async function own() {
        return [1, 2, 3, 4]
      },
      'RERANK_FAILED at own'
    ],
    [
      'with no scores',
      function own() {
        return undefined as never
      },
      'RERANK_FAILED at own'
    ],
    ['with an error', failing(new TypeError('no network')), 'RERANK_FAILED at own'],
    ['with what is no error', failing('no network'), 'RERANK_FAILED at own'],
    ['with nothing', failing(undefined), 'RERANK_FAILED at own']
  ])('fails the search: %s', async (_, rerank, expected) => {
    const collection = await openTexts(texts)
    expect(await refusal(collection.search('harbour', { rerank: rerank! }))).toBe(expected)
    // The next one is none the worse.
    expect((await collection.search('harbour')).hits).toHaveLength(3)
  })

  it('stops in the middle, before the next pair is looked at', async () => {
    const collection = await openTexts(texts)
    const controller = new AbortController()
    const asked: string[] = []
    const rerank = pairReranker('own', (_, { key }, { signal }) => {
      asked.push(key)
      if (asked.length === 2) controller.abort()
      // As a request that is stopped fails.
      signal!.throwIfAborted()
      return 1
    })
    const search = collection.search('harbour', { rerank, signal: controller.signal })
    expect(await refusal(search)).toBe('ABORTED')
    expect(asked).toHaveLength(2)
  })

  it('is not asked where nothing was found', async () => {
    const collection = await openTexts(texts)
    const search = collection.search('bread', { rerank: failing(new Error('asked')) })
    expect((await search).hits).toEqual([])
  })
})
