import { describe, expect, it } from 'vitest'
import type { CollectionQuery } from '../../src/collection/collection-query.ts'
import type { CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { OpenOptions } from '../../src/node/open-collection.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { leavesOf } from './hybrid-oracle.ts'
import { openSmall, refusal } from './small-collection.ts'

const DENSE = { dense: { dimensions: 2, metric: 'dot' } } as const
const ALL: OpenOptions = { lexical: true, ...DENSE }

const documents = [
  { key: 'fog', text: 'fog and horns', vector: sparseVector([1], [4]), dense: [1, 0] },
  { key: 'tide', text: 'the tide', vector: sparseVector([1, 2], [2, 1]), dense: [0, 1] },
  { key: 'rope', text: 'ropes and horns and horns', vector: sparseVector([2], [1]) }
]

async function openAll() {
  const collection = await openSmall(ALL)
  await collection.upsert(documents)
  return collection
}

const sparse = sparseVector([1], [1])
const dense = [0, 1]
const text = 'horns'

describe('a query', () => {
  it('is searched in the mode that it is ready for, unless one is named', async () => {
    const collection = await openAll()
    const bestOf = async (query: CollectionQuery, options?: CollectionSearchOptions) => {
      const { hits, stats } = await collection.search(query, options)
      return [hits[0]?.key, stats.strategy, stats.lists?.map(({ list }) => list).join('+')]
    }
    const exact = expect.not.stringMatching(/flat|fusion/)
    expect(await bestOf(text)).toEqual(['rope', exact, undefined])
    expect(await bestOf(sparse)).toEqual(['fog', exact, undefined])
    expect(await bestOf({ sparse })).toEqual(['fog', exact, undefined])
    expect(await bestOf({ dense })).toEqual(['tide', 'flat', undefined])
    expect(await bestOf({ sparse, dense })).toEqual(['tide', 'fusion', 'sparse+dense'])
    expect(await bestOf({ text, dense })).toEqual(['tide', 'fusion', 'dense+bm25'])
    expect(await bestOf({ text, sparse, dense })).toEqual(['tide', 'fusion', 'sparse+dense+bm25'])
    expect(await bestOf({ text, sparse })).toEqual(['fog', exact, undefined])
    expect(await bestOf({ text, dense }, { mode: 'bm25' })).toEqual(['rope', exact, undefined])
    expect(await bestOf({ text, dense }, { mode: 'dense' })).toEqual(['tide', 'flat', undefined])
  })

  it('combines a ready vector with the words of the text beside it', async () => {
    const collection = await openAll()
    const { hits } = await collection.search({ text, sparse })
    const words = await collection.search(text)
    const scoreOf = (key: string) => words.hits.find(hit => hit.key === key)!.score
    expect(hits.find(({ key }) => key === 'fog')!.score).toBeCloseTo(4 + scoreOf('fog'), 6)
  })

  it('is refused where something is missing, and the message says what', async () => {
    const collection = await openAll()
    const refused: [unknown, object, string][] = [
      [{}, {}, 'INVALID_VECTOR at query'],
      [null, {}, 'INVALID_VECTOR at query'],
      [[0, 1], {}, 'INVALID_VECTOR at query'],
      [{ dense: [1, 2, 3] }, {}, 'INVALID_VECTOR at query.dense'],
      [{ sparse: { terms: [1] } }, {}, 'INVALID_VECTOR at query.sparse'],
      [{ text: 7 }, {}, 'INVALID_ARGUMENT at query.text'],
      [sparse, { mode: 'dense' }, 'INVALID_ARGUMENT at query'],
      [sparse, { mode: 'hybrid' }, 'INVALID_ARGUMENT at query'],
      [{ dense }, { mode: 'hybrid' }, 'INVALID_ARGUMENT at query'],
      [{ dense }, { mode: 'sparse' }, 'INVALID_ARGUMENT at query'],
      [{ dense }, { mode: 'bm25' }, 'INVALID_ARGUMENT at query'],
      // There is no dense model that could encode it.
      [text, { mode: 'dense' }, 'INVALID_ARGUMENT at query'],
      [text, { mode: 'hybrid' }, 'INVALID_ARGUMENT at query']
    ]
    for (const [query, options, expected] of refused) {
      const message = `${JSON.stringify(query)} ${JSON.stringify(options)}`
      const search = collection.search(query as CollectionQuery, options)
      expect(await refusal(search), message).toBe(expected)
    }
    expect(await refusal(collection.queryVector(text, { mode: 'dense' as never }))).toBe(
      'INVALID_ARGUMENT at mode'
    )
  })

  it('is refused by a collection that lacks the list', async () => {
    const words = await openSmall({ lexical: true })
    const vectors = await openSmall()
    const messageOf = (search: Promise<unknown>) => search.then(String, error => String(error))
    expect(await messageOf(words.search(text, { mode: 'hybrid' }))).toMatch(
      /one list only: bm25.*denseModel/
    )
    expect(await messageOf(vectors.search(sparse, { mode: 'hybrid' }))).toMatch(
      /one list only: sparse.*lexical: true/
    )
    expect(await messageOf(vectors.search(sparse, { mode: 'dense' }))).toMatch(
      /without dense vectors.*denseModel/
    )
    expect(await refusal(vectors.search({ dense }))).toBe('INVALID_ARGUMENT at query.dense')
  })
})

describe('a fusion', () => {
  it('is refused where it means nothing', async () => {
    const collection = await openAll()
    const query = { sparse, dense }
    const refused: [unknown, string][] = [
      [{ method: 'borda' }, 'method'],
      [{ method: 'convex', normalization: 'max' }, 'normalization'],
      [{ method: 'rrf', rankConstant: -1 }, 'rankConstant'],
      [{ method: 'rrf', depth: 0 }, 'fusion.depth'],
      [{ method: 'rrf', weights: { words: 1 } }, 'fusion.weights.words'],
      [{ method: 'rrf', weights: { sparse: -1 } }, 'fusion.weights.sparse'],
      [{ method: 'rrf', weights: { sparse: Number.NaN } }, 'fusion.weights.sparse'],
      [{ method: 'rrf', weights: { bm25: 1 } }, 'fusion.weights.bm25'],
      [{ method: 'rrf', weights: { sparse: 0, dense: 0 } }, 'fusion.weights']
    ]
    for (const [fusion, place] of refused) {
      const search = collection.search(query, { fusion: fusion as never })
      expect(await refusal(search), JSON.stringify(fusion)).toBe(`INVALID_ARGUMENT at ${place}`)
    }
    const alone = collection.search(sparse, { fusion: { method: 'rrf' } })
    expect(await refusal(alone)).toBe('INVALID_ARGUMENT at fusion')
  })

  it('begins a page only after a hit of its order', async () => {
    const collection = await openAll()
    const query = { sparse, dense }
    const { hits } = await collection.search(query)
    const [first] = hits
    const following = (hit: object) =>
      collection.search(query, { searchAfter: { ...first!, ...hit } })
    expect((await following({})).hits).toEqual(hits.slice(1))
    expect(await refusal(following({ score: 0.4 }))).toBe('INVALID_ARGUMENT at searchAfter')
    expect(await refusal(following({ key: 'gone' }))).toBe('KEY_NOT_FOUND at searchAfter')
  })

  it('stops by its signal, and is not rank-safe with an approximate list', async () => {
    const collection = await openAll()
    const query = { sparse, dense }
    const stopped = collection.search(query, { signal: AbortSignal.abort() })
    expect(await refusal(stopped)).toBe('ABORTED')
    const strategy = { name: 'approximate' } as const
    expect((await collection.search(query, { strategy })).rankSafe).toBe(false)
  })

  it('takes a smallest score above 0 from the worst document, in memory and in segments', async () => {
    for (const metric of ['dot', 'cosine'] as const) {
      const collection = await openSmall({ metric, ...DENSE })
      await collection.upsert([
        { key: 'a', vector: sparseVector([1], [4]), dense: [4, 0] },
        { key: 'b', vector: sparseVector([1, 2], [1, 1]), dense: [3, 0] },
        { key: 'c', vector: sparseVector([1, 2], [2, 1]), dense: [2, 0] },
        { key: 'other', vector: sparseVector([9], [1]), namespace: 'elsewhere' }
      ])
      const query = { sparse, dense: [1, 0] }
      const [, b] = metric === 'dot' ? [4, 1] : [1, 1 / Math.SQRT2]
      const max = metric === 'dot' ? 4 : 1
      const c = metric === 'dot' ? 2 : 2 / Math.sqrt(5)
      for (const round of ['in memory', 'in a segment']) {
        const { hits } = await collection.search(query, { explain: true })
        const found = Object.fromEntries(hits.map(({ key, score }) => [key, score]))
        expect(found.a, round).toBeCloseTo(1, 9)
        expect(found.b, round).toBeCloseTo(0.5 * 0.5, 6)
        expect(found.c, round).toBeCloseTo(0.5 * ((c - b!) / (max - b!)), 6)
        // What is taken away is a leaf of its own.
        const { explanation } = hits.find(({ key }) => key === 'c')!.explanation!
        expect(explanation.details[0]!.details.map(({ value }) => Math.sign(value))).toEqual([
          1, -1
        ])
        const sum = leavesOf(explanation).reduce((total, value) => total + value, 0)
        expect(sum).toBeCloseTo(found.c!, 12)
        await collection.flush()
      }
    }
  })

  it('shows the passage of the list that ranks a document best', async () => {
    const collection = await openSmall(ALL)
    const passages = [
      { start: 0, end: 4, vector: sparseVector([1], [1]), dense: [0, 9] },
      { start: 4, end: 8, vector: sparseVector([1], [8]), dense: [0, 1] }
    ]
    await collection.upsert([
      { key: 'two', text: 'fog horn', passages },
      { key: 'one', text: 'bird', vector: sparseVector([1], [9]), dense: [0, 2] }
    ])
    const passageOf = async (query: CollectionQuery) =>
      (await collection.search(query, { explain: true })).hits.find(({ key }) => key === 'two')!
    // Second in the sparse list, first in the dense one, whose best passage is the first.
    const both = await passageOf({ sparse, dense })
    expect(both.passage).toEqual([0, 4])
    expect(both.explanation!.text).toBe('fog ')
    expect(both.explanation!.lists!.map(({ rank }) => rank)).toEqual([2, 1])
    const words = await passageOf({ text: 'horn', sparse, dense: [0, -1] })
    expect(words.passage).toEqual([4, 8])
    const horn = words.explanation!.terms.find(({ term }) => term === 'horn')!
    expect(horn.offsets).toEqual([[0, 4]])
  })

  it('explains a document that no list has', async () => {
    const collection = await openAll()
    const fusion = { method: 'convex', depth: 1 } as const
    const explained = await collection.explain({ sparse, dense }, 'rope', { fusion })
    expect(explained).toMatchObject({ score: 0, terms: [], lists: [] })
    expect(explained.explanation.description).toMatch('not among the first 1 of any list')
  })
})

describe('dense search', () => {
  it('pages, explains by one number, and leaves out documents without a vector', async () => {
    const collection = await openAll()
    const query = { dense: [1, 2] }
    const { hits, rankSafe, stats } = await collection.search(query, { explain: true })
    expect(hits.map(({ key, score, rank }) => [key, score, rank])).toEqual([
      ['tide', 2, 1],
      ['fog', 1, 2]
    ])
    expect([rankSafe, stats.strategy, stats.lists]).toEqual([true, 'flat', undefined])
    expect(hits[0]!.explanation).toMatchObject({ score: 2, terms: [], text: 'the tide' })
    expect(await collection.explain(query, 'tide')).toEqual(hits[0]!.explanation)
    const next = await collection.search(query, { k: 1, searchAfter: hits[0]! })
    expect(next.hits.map(({ key, rank }) => [key, rank])).toEqual([['fog', 2]])
    const none = await collection.explain(query, 'rope')
    expect(none.explanation.description).toBe('document "rope" has no dense vector')
    // As far off as the farthest, which is fog with −1.
    const both = { sparse: sparseVector([2], [1]), dense: [-1, 0] }
    const fused = (await collection.search(both, { explain: true })).hits
    const rope = fused.find(({ key }) => key === 'rope')!
    expect(rope.score).toBe(0.5)
    expect(rope.explanation!.lists![1]).toMatchObject({ list: 'dense', score: -1, value: 0 })
  })
})
