import { describe, expect, it } from 'vitest'
import type { CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { openSmall, refusal } from './small-collection.ts'

const vector = sparseVector([1, 2], [1, 0.5])

describe('a search', () => {
  it('refuses options that mean nothing, and says which', async () => {
    const collection = await openSmall()
    await collection.upsert([{ key: 'a', vector, metadata: { year: 1999, name: 'x' } }])
    const refused: [object, string][] = [
      [{ k: 0 }, 'INVALID_ARGUMENT at k'],
      [{ k: 1.5 }, 'INVALID_ARGUMENT at k'],
      [{ mode: 'hybrid' }, 'INVALID_ARGUMENT at mode'],
      [{ namespace: 7 }, 'INVALID_ARGUMENT at namespace'],
      [{ minScore: Number.NaN }, 'INVALID_ARGUMENT at minScore'],
      [{ strategy: 'fast' }, 'INVALID_ARGUMENT at strategy'],
      [{ rerank: 'model' }, 'INVALID_ARGUMENT at rerank'],
      [{ searchAfter: { key: 'a', score: 'x', rank: 1 } }, 'INVALID_ARGUMENT at searchAfter.score'],
      [{ filter: { year: '1999' } }, 'FILTER_INVALID at filter.year'],
      [{ filter: { year: { $near: 1 } } }, 'FILTER_INVALID at filter.year.$near'],
      [{ filter: 'year' }, 'FILTER_INVALID at filter'],
      [{ signal: AbortSignal.abort() }, 'ABORTED']
    ]
    for (const round of ['in memory', 'in a segment']) {
      for (const [options, expected] of refused) {
        const search = collection.search(vector, options as CollectionSearchOptions)
        expect(await refusal(search), `${JSON.stringify(options)} ${round}`).toBe(expected)
      }
      await collection.flush()
    }
  })

  it('refuses what is no vector, and a text where there is no model', async () => {
    const collection = await openSmall()
    const wrong = [
      { terms: [2, 1], weights: [1, 1] },
      { terms: [1], weights: [Number.NaN] },
      { terms: Uint32Array.of(1, 1), weights: Float32Array.of(1, 1) },
      { terms: [1] },
      undefined
    ]
    for (const query of wrong) {
      const code = await refusal(collection.search(query as unknown as SparseVector))
      expect(code).toMatch('INVALID_VECTOR')
    }
    expect(await refusal(collection.search('a text'))).toBe('INVALID_ARGUMENT')
    const { hits } = await collection.search({ terms: [], weights: [] } as unknown as SparseVector)
    expect(hits).toEqual([])
  })

  it('explains by contributions that sum to the score', async () => {
    const collection = await openSmall({ metric: 'cosine' })
    await collection.upsert([{ key: 'a', vector }])
    const query = sparseVector([1, 2, 9], [3, 1, 1])
    const { hits } = await collection.search(query, { explain: true, includeVectors: true })
    const [hit] = hits
    const { explanation } = hit!.explanation!
    expect(explanation.value).toBe(hit!.score)
    const sum = explanation.details.reduce((total, { value }) => total + value, 0)
    expect(sum).toBeCloseTo(hit!.score, 12)
    expect(hit!.vectors).toEqual([vector])
    expect((await collection.explain(sparseVector([9], [1]), 'a')).explanation.value).toBe(0)
    expect(await refusal(collection.explain(query, 'b'))).toBe('KEY_NOT_FOUND')
  })
})

describe('an upsert', () => {
  it('refuses what cannot be written, and writes nothing of an array', async () => {
    const collection = await openSmall()
    const good = Array.from({ length: 1500 }, (_, i) => ({ key: `good ${i}`, vector }))
    const passages = (start: number, end: number) => [{ start, end, vector }]
    const refused: [unknown, string][] = [
      [{ key: 'good 3', vector }, 'DUPLICATE_KEY'],
      [{ key: 7, vector }, 'INVALID_KEY'],
      [{ key: 'a', vector: { terms: [1], weights: [Number.NaN] } }, 'INVALID_VECTOR'],
      [{ key: 'a', vector: { terms: [1], weights: [-1] } }, 'INVALID_VECTOR'],
      [{ key: 'a', vector, dense: [] }, 'INVALID_VECTOR'],
      [{ key: 'a', vector, dense: [Number.NaN] }, 'INVALID_VECTOR'],
      [{ key: 'a', text: 'a text' }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 7, vector }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: passages(0, 4) }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: passages(2, 1) }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: passages(-1, 1) }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: passages(0.5, 1) }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: [] }, 'INVALID_ARGUMENT'],
      [{ key: 'a', text: 'abc', passages: passages(0, 1), vector }, 'INVALID_ARGUMENT'],
      [{ key: 'a', vector, metadata: { f: () => 1 } }, 'INVALID_ARGUMENT'],
      [undefined, 'INVALID_KEY']
    ]
    for (const [document, expected] of refused) {
      const upsert = collection.upsert([...good, document as UpsertDocument])
      expect(await refusal(upsert), JSON.stringify(document)).toMatch(
        `${expected} at document 1501`
      )
    }
    expect((await collection.stats()).numDocuments).toBe(0)
  })

  it('keeps of a stream what came before a mistake', async () => {
    const collection = await openSmall()
    async function* stream() {
      for (let i = 0; i < 1200; i++) yield { key: `k${i}`, vector }
      yield { key: 'k0', vector }
    }
    expect(await refusal(collection.upsert(stream()))).toMatch('DUPLICATE_KEY')
    expect((await collection.stats()).numDocuments).toBe(1000)
  })

  it('stops between batches when its signal fires, and tells how far it came', async () => {
    const collection = await openSmall()
    const abort = new AbortController()
    const documents = Array.from({ length: 5000 }, (_, i) => ({ key: `k${i}`, vector }))
    const seen: number[] = []
    const upsert = collection.upsert(documents, {
      signal: abort.signal,
      onProgress: ({ done }) => {
        seen.push(done)
        if (done === 2000) abort.abort()
      }
    })
    expect(await refusal(upsert)).toBe('ABORTED')
    const { numDocuments } = await collection.stats()
    expect([2000, 3000, 4000]).toContain(numDocuments)
    expect(seen.slice(0, 2)).toEqual([1000, 2000])
  })

  it('passes over unchanged documents when asked to', async () => {
    const collection = await openSmall()
    const document = { key: 'a', vector, text: 'x', metadata: { a: 1, day: new Date(0) } }
    await collection.upsert([document])
    const upsert = (changed: object) =>
      collection.upsert([{ ...document, ...changed }], { onlyChanged: true })
    const unchanged = { numWritten: 0, numUnchanged: 1 }
    expect(await upsert({})).toMatchObject(unchanged)
    expect(await upsert({ metadata: { day: new Date(0), a: 1 } })).toMatchObject(unchanged)
    const written = { numWritten: 1, numUnchanged: 0 }
    expect(await upsert({ metadata: { a: 1, day: new Date(1) } })).toMatchObject(written)
    expect(await upsert({ text: 'y' })).toMatchObject(written)
    expect(await upsert({ namespace: 'n' })).toMatchObject(written)
    expect((await collection.get('a'))!.text).toBe('y')
  })

  it('leaves nothing of the caller’s objects in the collection', async () => {
    const collection = await openSmall()
    const shared = { key: '', vector: sparseVector([1], [1]), metadata: { n: 0 } }
    for (let i = 0; i < 5; i++) {
      shared.key = `k${i}`
      shared.metadata.n = i
      shared.vector.weights[0] = i + 1
      await collection.upsert([shared])
    }
    for (const round of ['in memory', 'in a segment']) {
      const { hits } = await collection.search(sparseVector([1], [1]), {
        filter: { n: { $lt: 3 } }
      })
      const found = hits.map(({ key, score }) => [key, score])
      expect(found, round).toEqual([
        ['k2', 3],
        ['k1', 2],
        ['k0', 1]
      ])
      await collection.flush()
    }
  })
})

describe('passages', () => {
  const parts = (...weights: number[]) =>
    weights.map((weight, i) => ({ start: i, end: i + 1, vector: sparseVector([i], [weight]) }))

  it('are replaced and deleted as one', async () => {
    const collection = await openSmall()
    const found = async (termId: number) =>
      (await collection.search(sparseVector([termId], [1]))).hits.map(({ key }) => key)
    for (const flushed of [false, true]) {
      await collection.upsert([{ key: 'a', text: 'abc', passages: parts(1, 2, 3) }])
      if (flushed) await collection.flush()
      expect(await Promise.all([found(0), found(1), found(2)])).toEqual([['a'], ['a'], ['a']])
      await collection.upsert([{ key: 'a', text: 'abc', passages: parts(5) }])
      if (flushed) await collection.flush()
      expect(await Promise.all([found(0), found(1), found(2)])).toEqual([['a'], [], []])
      expect(await collection.delete('a')).toBe(1)
      expect(await Promise.all([found(0), found(1), found(2)])).toEqual([[], [], []])
    }
    await collection.compact()
    expect(await collection.stats()).toMatchObject({ numDocuments: 0, numEntries: 0 })
  })

  it('count as one document among the best k, and explain by the best of them', async () => {
    const collection = await openSmall()
    const same = [1, 2, 3, 4, 5, 6].map(weight => ({
      start: weight - 1,
      end: weight,
      vector: sparseVector([1], [weight])
    }))
    await collection.upsert([
      { key: 'long', text: 'abcdef', passages: same },
      { key: 'short', vector: sparseVector([1], [0.5]) }
    ])
    const query = sparseVector([1], [2])
    const { hits } = await collection.search(query, { k: 2 })
    expect(hits.map(({ key, score, passage }) => [key, score, passage])).toEqual([
      ['long', 12, [5, 6]],
      ['short', 1, undefined]
    ])
    expect((await collection.explain(query, 'long')).explanation.value).toBe(12)
    const long = await collection.get('long', { includeVectors: true })
    expect(long!.passages).toEqual(same.map(({ start, end }) => [start, end]))
    expect(long!.vectors).toEqual(same.map(part => part.vector))
  })
})

describe('namespaces', () => {
  it('share nothing', async () => {
    const collection = await openSmall()
    for (const flushed of [false, true]) {
      await collection.upsert([
        { key: 'a', vector, text: 'ours', metadata: { x: 1 } },
        { key: 'a', vector, text: 'theirs', metadata: { x: 'one' }, namespace: 'them' },
        { key: 'b', vector, text: 'theirs', metadata: { y: true }, namespace: 'them' }
      ])
      if (flushed) await collection.flush()
      const texts = async (namespace: string, filter?: unknown) =>
        (await collection.search(vector, { namespace, filter })).hits.map(({ text }) => text)
      expect(await texts('')).toEqual(['ours'])
      expect(await texts('them')).toEqual(['theirs', 'theirs'])
      expect(await texts('nobody')).toEqual([])
      // Not even a mistake in a filter tells one of the other's fields.
      expect(await texts('', { x: 1 })).toEqual(['ours'])
      expect(await texts('', { y: 7 })).toEqual([])
      expect(await texts('nobody', { x: 1 })).toEqual([])
      expect(await refusal(texts('them', { x: 1 }))).toBe('FILTER_INVALID at filter.x')
      expect(await refusal(texts('', { x: 'one' }))).toBe('FILTER_INVALID at filter.x')
      expect((await collection.get('a', { namespace: 'them' }))!.text).toBe('theirs')
      expect(await collection.get('b')).toBeUndefined()
      expect((await collection.list({ namespace: 'them' })).keys).toEqual(['a', 'b'])
      expect((await collection.stats()).namespaces).toEqual({ '': 1, them: 2 })
      expect(await collection.delete(['a', 'b'])).toBe(1)
      expect(await collection.delete({ filter: {} }, { namespace: 'them' })).toBe(2)
    }
  })
})

it('deletes by filter what the filter says, and refuses one that says nothing', async () => {
  const collection = await openSmall()
  const documents = Array.from({ length: 20 }, (_, n) => ({ key: `${n}`, vector, metadata: { n } }))
  await collection.upsert(documents.slice(0, 10))
  await collection.flush()
  await collection.upsert(documents.slice(10))
  expect(await collection.delete({ filter: { n: { $gte: 5, $lt: 15 } } })).toBe(10)
  expect(await collection.delete({ filter: { n: 7 } })).toBe(0)
  expect(await refusal(collection.delete({ filter: { n: '7' } }))).toBe(
    'FILTER_INVALID at filter.n'
  )
  const nothing = collection.delete({} as { filter: unknown })
  expect(await refusal(nothing)).toMatch('FILTER_INVALID')
  expect(await refusal(collection.delete([7 as unknown as string]))).toMatch('INVALID_ARGUMENT')
  expect((await collection.search(vector, { k: 100 })).hits).toHaveLength(10)
})
