import { describe, expect, it } from 'vitest'
import { buildSegment } from '../../src/collection/build-segment.ts'
import type { StoreSnapshot } from '../../src/collection/store.ts'
import { Columns } from '../../src/filter/columns.ts'
import { documentVector } from '../../src/segment/forward-index.ts'
import { MemoryStore } from './memory-store.ts'
import { removeDocuments, vectorOf, writeDocuments } from './written-documents.ts'

const OPTIONS = { metric: 'dot', precision: 'float32' } as const
const EMPTY = { terms: new Uint32Array(0), weights: new Float32Array(0) }

describe('a segment of a range of documents', () => {
  it('has every passage of the live documents, in their order', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, [
      { passages: [vectorOf(1)] },
      { passages: [vectorOf(2), EMPTY, vectorOf(3)], namespace: 'a' },
      { passages: [vectorOf(4)] },
      { passages: [EMPTY], metadata: { year: 1999 } },
      { passages: [vectorOf(5), vectorOf(6)] }
    ])
    await removeDocuments(store, [3])
    const built = (await buildSegment(store.snapshot(), 2, 5, OPTIONS))!
    const { segment, seqs } = built
    const ids = [0, 1, 2, 3, 4, 5]
    expect(segment.keysOf(ids)).toEqual(['2', '2.1', '2.2', '4', '5', '5.1'])
    expect([...seqs.seqs]).toEqual([2, 2, 2, 4, 5, 5])
    expect(seqs).toMatchObject({ numDocuments: 3, firstSeq: 2, lastSeq: 5 })
    const vectors = ids.map(id => documentVector(segment, segment.docId(id)))
    const expected = [vectorOf(2), EMPTY, vectorOf(3), EMPTY, vectorOf(5), vectorOf(6)]
    expect(vectors).toEqual(expected)
    const columns = Columns.open(built.columns)
    expect(columns.numDocuments).toBe(6)
    expect(columns.namespaceBits('a')).toEqual({ bits: Uint8Array.of(0b111), size: 3 })
    expect(columns.typesOf('year', '')).toEqual(new Set(['number']))
  })

  it('is none where no document is alive', async () => {
    const store = new MemoryStore()
    expect(await buildSegment(store.snapshot(), 1, 9, OPTIONS)).toBeUndefined()
    await writeDocuments(store, 1, [{ passages: [vectorOf(1)] }])
    await removeDocuments(store, [1])
    expect(await buildSegment(store.snapshot(), 1, 9, OPTIONS)).toBeUndefined()
  })

  it('has columns in its own order where entries were put in another one', async () => {
    const store = new MemoryStore()
    const documents = Array.from({ length: 17_000 }, (_, n) => ({
      passages: [vectorOf(n)],
      namespace: n % 3 === 0 ? 'thirds' : ''
    }))
    await writeDocuments(store, 1, documents)
    const plain = (await buildSegment(store.snapshot(), 1, 20_000, OPTIONS))!
    expect(plain.segment.header.isReordered).toBe(false)
    const { segment, columns } = (await buildSegment(store.snapshot(), 1, 20_000, {
      ...OPTIONS,
      reorder: true
    }))!
    expect(segment.header.isReordered).toBe(true)
    const thirds = Columns.open(columns).namespaceBits('thirds')
    if (typeof thirds === 'string') throw new Error(thirds)
    for (let docId = 0; docId < documents.length; docId++) {
      const isIn = (thirds.bits[docId >>> 3]! >> (docId & 7)) & 1
      if (isIn !== Number(segment.insertionId(docId) % 3 === 0)) throw new Error(`${docId}`)
    }
  })

  it('has the same bytes whenever it is made', async () => {
    const store = new MemoryStore()
    const documents = Array.from({ length: 50 }, (_, n) => ({ passages: [vectorOf(n)] }))
    await writeDocuments(store, 1, documents)
    const [a, b] = [
      (await buildSegment(store.snapshot(), 1, 50, OPTIONS))!,
      (await buildSegment(store.snapshot(), 0, 70, { ...OPTIONS, kernel: 'typescript' }))!
    ]
    expect(Buffer.compare(a.segment.bytes(), b.segment.bytes())).toBe(0)
    expect(Buffer.compare(a.columns, b.columns)).toBe(0)
  })

  it('is not made where the store lacks what it lists', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, [{ passages: [vectorOf(1)] }])
    const lacking = (missing: Partial<StoreSnapshot>): StoreSnapshot =>
      Object.assign(store.snapshot(), missing)
    for (const missing of [{ vectors: () => undefined }, { document: () => undefined }]) {
      await expect(buildSegment(lacking(missing), 1, 1, OPTIONS)).rejects.toThrow(
        expect.objectContaining({ code: 'COLLECTION_CORRUPT' })
      )
    }
  })

  it('is not finished after its signal', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, [{ passages: [vectorOf(1)] }])
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(buildSegment(store.snapshot(), 1, 1, { ...OPTIONS, signal })).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED', cause: signal.reason })
    )
  })
})
