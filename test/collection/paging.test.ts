import { expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { CollectionHit, CollectionSearchOptions } from '../../src/collection/search-request.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import type { Hit } from '../../src/vector/hit.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { openSmall, refusal } from './small-collection.ts'

const query = sparseVector([1, 2], [1, 1])

/** 1,000 documents of ten scores; every third has three passages, of which another one is the best. */
function documents(): UpsertDocument[] {
  const vectorOf = (score: number) => sparseVector([1, 2], [score / 2, score / 2])
  return Array.from({ length: 1000 }, (_, i) => {
    const common = { key: `k${i}`, text: 'abcdef', metadata: { n: i % 4 } }
    const score = (i * 7) % 10 === 0 ? 0.25 : (i * 7) % 10
    if (i % 3 !== 0) return { ...common, vector: vectorOf(score) }
    const parts = [0, 1, 2].map(part => ({
      start: 2 * part,
      end: 2 * part + 2,
      // Sometimes two passages tie for the best.
      vector: vectorOf(part === i % 2 || part === (i % 5) % 3 ? score : score / 8)
    }))
    return { ...common, passages: parts }
  })
}

async function pagesOf(
  collection: Collection,
  options: CollectionSearchOptions & { readonly k: number }
): Promise<CollectionHit[]> {
  await using snapshot = await collection.snapshot()
  const all: CollectionHit[] = []
  let searchAfter: Hit | undefined
  for (;;) {
    const page = await snapshot.search(query, { ...options, ...(searchAfter && { searchAfter }) })
    all.push(...page.hits)
    if (page.hits.length < options.k) return all
    searchAfter = page.hits.at(-1)!
  }
}

for (const metric of ['dot', 'cosine'] as const) {
  it(`goes through all documents once, whatever ties and passages there are: ${metric}`, async () => {
    const flushLimits = { maxEntries: 300, maxPostings: 1e6 }
    const collection = await openSmall({ metric, flushLimits })
    const all = documents()
    for (let first = 0; first < 1000; first += 90) {
      await collection.upsert(all.slice(first, first + 90))
    }
    await collection.delete({ filter: { n: 3 } })
    await collection.upsert(all.slice(5, 50).filter(({ metadata }) => metadata!.n !== 3))
    const whole = (await collection.search(query, { k: 2000 })).hits
    expect(whole).toHaveLength(750)
    expect(new Set(whole.map(({ key }) => key)).size).toBe(750)
    expect(whole.map(({ rank }) => rank)).toEqual(whole.map((_, i) => i + 1))
    for (const k of [7, 100, 250, 749, 750]) expect(await pagesOf(collection, { k })).toEqual(whole)
    const { numSegments, numInMemory } = await collection.stats()
    expect(Math.min(numSegments, numInMemory)).toBeGreaterThan(0)
    const filter = { n: { $in: [0, 2] } }
    const passing = (await collection.search(query, { k: 2000, filter })).hits
    expect(passing).toHaveLength(500)
    expect(await pagesOf(collection, { k: 33, filter })).toEqual(passing)
    const good = whole.filter(({ score }) => score >= whole[400]!.score)
    expect(await pagesOf(collection, { k: 60, minScore: whole[400]!.score })).toEqual(good)
    await collection.compact()
    expect(await pagesOf(collection, { k: 100 })).toEqual(whole)
  })
}

it('shows of each document its best passage, the first of the best', async () => {
  const collection = await openSmall()
  await collection.upsert(documents())
  for (const round of ['in memory', 'in a segment']) {
    const { hits } = await collection.search(query, { k: 2000 })
    for (const { key, passage } of hits) {
      const i = Number(key.slice(1))
      const best = Math.min(i % 2, (i % 5) % 3)
      const expected = i % 3 === 0 ? [2 * best, 2 * best + 2] : undefined
      expect(passage, `${key} ${round}`).toEqual(expected)
    }
    await collection.flush()
  }
})

it('continues only after a document that is there', async () => {
  const collection = await openSmall()
  await collection.upsert(documents().slice(0, 20))
  const { hits } = await collection.search(query, { k: 5 })
  const searchAfter = hits[4]!
  await collection.delete(searchAfter.key)
  const continued = collection.search(query, { searchAfter })
  expect(await refusal(continued)).toBe('KEY_NOT_FOUND at searchAfter')
  const elsewhere = collection.search(query, { searchAfter: hits[0]!, namespace: 'other' })
  expect(await refusal(elsewhere)).toBe('KEY_NOT_FOUND at searchAfter')
})

it('lists keys page by page', async () => {
  const collection = await openSmall()
  await collection.upsert(documents().slice(0, 250))
  const sorted = documents()
    .slice(0, 250)
    .map(({ key }) => key)
    .sort()
  const keys: string[] = []
  let cursor: string | undefined
  do {
    const page = await collection.list({ ...(cursor && { cursor }) })
    keys.push(...page.keys)
    cursor = page.cursor
  } while (cursor !== undefined)
  expect(keys).toEqual(sorted)
  const some = await collection.list({ prefix: 'k24', limit: 3 })
  expect(some).toEqual({ keys: ['k24', 'k240', 'k241'], cursor: 'k241' })
  const rest = await collection.list({ prefix: 'k24', cursor: 'k241', limit: 8 })
  expect(rest).toEqual({ keys: [2, 3, 4, 5, 6, 7, 8, 9].map(n => `k24${n}`) })
  expect(await refusal(collection.list({ limit: 0 }))).toBe('INVALID_ARGUMENT at limit')
})
