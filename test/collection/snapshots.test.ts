import { describe, expect, it } from 'vitest'
import { SharedSnapshot, View } from '../../src/collection/view.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { MemoryStore } from './memory-store.ts'
import { openSmall, refusal } from './small-collection.ts'
import { vectorOf } from './written-documents.ts'

const vector = sparseVector([1], [1])

describe('a view', () => {
  it('lets the store snapshot go when the last holder of the last view has released it', () => {
    const store = new MemoryStore()
    const view = new View({ segments: [], deltas: [] }, new SharedSnapshot(store.snapshot()))
    const other = view.hold().withParts({ segments: [], deltas: [] })
    view.release()
    other.release()
    expect(store.numSnapshots).toBe(1)
    view.release()
    expect(store.numSnapshots).toBe(0)
  })
})

describe('a snapshot', () => {
  it('is closed once, however often it is asked to, and says so afterwards', async () => {
    const collection = await openSmall()
    await collection.upsert([{ key: 'a', vector }])
    const snapshot = await collection.snapshot()
    const other = await collection.snapshot()
    await Promise.all([snapshot.close(), snapshot.close()])
    await snapshot.close()
    const calls = [
      snapshot.search(vector),
      snapshot.get('a'),
      snapshot.list(),
      snapshot.stats(),
      snapshot.explain(vector, 'a'),
      snapshot.documents().next()
    ]
    for (const call of calls) expect(await refusal(call)).toBe('COLLECTION_CLOSED')
    await collection.upsert([{ key: 'b', vector }])
    expect((await other.search(vector)).hits.map(({ key }) => key)).toEqual(['a'])
    await other.close()
  })

  it('ends with its collection', async () => {
    const collection = await openSmall()
    await collection.upsert([{ key: 'a', vector }])
    const snapshot = await collection.snapshot()
    await collection.close()
    expect(await refusal(snapshot.get('a'))).toMatch('COLLECTION_CLOSED')
    expect(await refusal(collection.snapshot())).toMatch('COLLECTION_CLOSED')
    await snapshot.close()
  })

  it('gives documents in the order in which they were written', async () => {
    const collection = await openSmall({ flushLimits: { maxEntries: 4, maxPostings: 100 } })
    const keys = Array.from({ length: 600 }, (_, i) => `k${i}`)
    await collection.upsert(keys.map((key, i) => ({ key, vector: vectorOf(i) })))
    await collection.upsert([{ key: 'k1', vector, dense: [1, 2] }])
    await collection.upsert([{ key: 'other', namespace: 'n', vector }])
    await using snapshot = await collection.snapshot()
    await collection.delete({ filter: {} })
    const seen: string[] = []
    for await (const { key } of snapshot.documents()) seen.push(key)
    expect(seen).toEqual([...keys.filter(key => key !== 'k1'), 'k1'])
    const last = []
    for await (const one of snapshot.documents({ allNamespaces: true, includeVectors: true })) {
      last.push(one)
    }
    expect(last.slice(-2)).toMatchObject([
      { key: 'k1', vectors: [vector], dense: Float32Array.of(1, 2) },
      { key: 'other', namespace: 'n', vectors: [vector] }
    ])
  })
})

describe('closing', () => {
  it('waits for writes that were begun, and refuses what comes after', async () => {
    const collection = await openSmall()
    const documents = Array.from({ length: 2500 }, (_, i) => ({ key: `${i}`, vector }))
    const writes = [collection.upsert(documents), collection.upsert([{ key: 'a', vector }])]
    const deleted = collection.delete('7')
    const closing = collection.close()
    expect(await refusal(collection.upsert([]))).toMatch('COLLECTION_CLOSED')
    expect(await refusal(collection.search(vector))).toMatch('COLLECTION_CLOSED')
    expect(await refusal(collection.flush())).toMatch('COLLECTION_CLOSED')
    await closing
    expect((await Promise.all(writes)).map(({ numWritten }) => numWritten)).toEqual([2500, 1])
    await deleted
    await collection.close()
    const again = await openSmall({}, collection.directory)
    expect((await again.stats()).numDocuments).toBeGreaterThanOrEqual(2500)
  })

  it('stops flushing and merging, and the next opening does it', async () => {
    const flushLimits = { maxEntries: 50, maxPostings: 1000 }
    const collection = await openSmall({ flushLimits })
    const documents = Array.from({ length: 1000 }, (_, i) => ({ key: `${i}`, vector: vectorOf(i) }))
    for (let first = 0; first < 1000; first += 50) {
      await collection.upsert(documents.slice(first, first + 50))
    }
    const { hits } = await collection.search(vectorOf(3), { k: 1000 })
    const compacting = refusal(collection.compact())
    await collection.close()
    expect(await compacting).toMatch(/^(ABORTED|COLLECTION_CLOSED)|undefined/)
    const again = await openSmall({ flushLimits }, collection.directory)
    expect((await again.search(vectorOf(3), { k: 1000 })).hits).toEqual(hits)
    await again.compact()
    expect((await again.search(vectorOf(3), { k: 1000 })).hits).toEqual(hits)
  })
})
