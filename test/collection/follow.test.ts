import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { CollectionState } from '../../src/collection/collection-state.ts'
import { emptySegmentManifest } from '../../src/collection/segment-manifest.ts'
import type { SegmentStorage } from '../../src/collection/segment-storage.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { MemoryStore } from './memory-store.ts'
import { openSmall, refusal } from './small-collection.ts'
import { removeDocuments, vectorOf, writeDocuments } from './written-documents.ts'

/** Collections that only read. `concurrency.test.ts` has them in processes of their own. */

const vector = sparseVector([1], [1])

async function keysFound(reader: Collection): Promise<string[]> {
  return (await reader.search(vector, { k: 100 })).hits.map(({ key }) => key)
}

describe('a reader', () => {
  it('sees at once what was acknowledged, over flushes and merges', async () => {
    const writer = await openSmall({ flushLimits: { maxEntries: 4, maxPostings: 100 } })
    const reader = await openSmall({ readOnly: true }, writer.directory)
    const expected: string[] = []
    for (let i = 0; i < 40; i++) {
      await writer.upsert([{ key: `k${i}`, vector, metadata: { i } }])
      expected.push(`k${i}`)
      if (i % 5 === 4) {
        await writer.delete(expected.shift()!)
        await writer.upsert([{ key: expected[0]!, vector }])
        expected.push(expected.shift()!)
      }
      if (i % 11 === 10) await writer.compact()
      expect(await keysFound(reader)).toEqual(expected)
      expect((await reader.get(`k${i}`))?.key).toBe(`k${i}`)
    }
  })

  it('follows the manifest: new segments, and the removal of old ones', async () => {
    const writer = await openSmall()
    const reader = await openSmall({ readOnly: true }, writer.directory)
    await using atFirst = await reader.snapshot()
    for (let i = 0; i < 3; i++) {
      await writer.upsert([{ key: `k${i}`, vector }])
      await writer.flush()
      expect((await reader.stats()).numSegments).toBe(i + 1)
    }
    await using before = await reader.snapshot()
    await writer.delete('k1')
    await writer.compact()
    const names = readdirSync(join(writer.directory, 'g1/segments'))
    expect(names.map(name => name.replace(/^\d+/, '')).sort()).toEqual(['.columns', '.esp'])
    expect(names.some(name => name.startsWith('00000') && name[5]! <= '3')).toBe(false)
    expect(await reader.stats()).toMatchObject({ numSegments: 1, numEntries: 2, numInMemory: 0 })
    expect(await keysFound(reader)).toEqual(['k0', 'k2'])
    // The files are gone; what they held is kept by those who were reading.
    expect((await before.search(vector)).hits.map(({ key }) => key)).toEqual(['k0', 'k1', 'k2'])
    expect((await atFirst.search(vector)).hits).toEqual([])
  })

  it('may be asked many things at once while it follows', async () => {
    const writer = await openSmall({ flushLimits: { maxEntries: 4, maxPostings: 100 } })
    const reader = await openSmall({ readOnly: true }, writer.directory)
    for (let i = 0; i < 10; i++) {
      await writer.upsert(
        Array.from({ length: 4 }, (_, j) => ({ key: `${j}`, vector: vectorOf(i) }))
      )
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => reader.search(vectorOf(i), { k: 10 }))
      )
      for (const { hits } of answers)
        expect(hits.map(({ key }) => key)).toEqual(['0', '1', '2', '3'])
    }
  })

  it('writes nothing, and needs no writer', async () => {
    const writer = await openSmall()
    await writer.upsert([{ key: 'a', vector }])
    await writer.close()
    const reader = await openSmall({ readOnly: true }, writer.directory)
    expect(existsSync(join(writer.directory, 'writer.lock'))).toBe(false)
    expect(await keysFound(reader)).toEqual(['a'])
    for (const refused of [
      reader.upsert([{ key: 'b', vector }]),
      reader.delete('a'),
      reader.flush(),
      reader.compact(),
      reader.settle(),
      reader.backup(join(writer.directory, 'copy'))
    ]) {
      expect(await refusal(refused)).toMatch('INVALID_ARGUMENT')
    }
    await reader.close()
    expect(await refusal(keysFound(reader))).toMatch('COLLECTION_CLOSED')
  })
})

describe('the state that follows', () => {
  function storageOf(manifests: (typeof empty)[]): SegmentStorage {
    return {
      readManifest: async () => manifests.shift()!,
      hasNewManifest: () => false
    } as unknown as SegmentStorage
  }
  const empty = emptySegmentManifest()
  const search = { generation: 5 }

  it('needs a newer manifest once tombstones were forgotten for one', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, [{ passages: [vector] }, { passages: [vector] }])
    const state = await CollectionState.load(store, storageOf([empty]))
    expect(state.follow()).toBe(true)
    await removeDocuments(store, [1])
    await store.write({ added: [], removed: [], forgotten: [1], forgottenFor: 2 })
    const { commit } = state.view
    expect(state.follow()).toBe(false)
    expect(state.view.commit).toBe(commit)
    expect(store.numSnapshots).toBe(1)
    state.close()
    expect(store.numSnapshots).toBe(0)
  })

  it('is loaded with the manifest that the store asks for, or not at all', async () => {
    const store = new MemoryStore()
    await writeDocuments(store, 1, [{ passages: [vector] }])
    await store.write({ added: [], removed: [], forgotten: [], forgottenFor: search.generation })
    const newer = { ...empty, generation: search.generation }
    const state = await CollectionState.load(store, storageOf([empty, empty, newer]))
    expect(state.manifest.generation).toBe(search.generation)
    state.close()
    const behind = CollectionState.load(store, storageOf(Array.from({ length: 20 }, () => empty)))
    expect(await refusal(behind)).toBe('COLLECTION_CORRUPT')
    const ahead = CollectionState.load(store, storageOf([{ ...newer, flushedSeq: 2 }]))
    expect(await refusal(ahead)).toBe('COLLECTION_CORRUPT')
    expect(store.numSnapshots).toBe(0)
  })
})
