import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'esplanade'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { ReaderProcess } from './concurrency/reader.ts'
import { vectorOf } from './written-documents.ts'

const NUM_PAIRS = 6
const NUM_ROUNDS = 240
const NUM_READERS = 2

let directory: string
let collection: Collection
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'esplanade-concurrency-'))
  const flushLimits = { maxEntries: 16, maxPostings: 1000 }
  collection = await open(directory, { model: null, flushLimits })
})
afterEach(async () => {
  await collection.close()
  rmSync(directory, { recursive: true, force: true })
})

/** As in `concurrency/pairs.mjs`. */
function pairOf(pair: number, counter: number): UpsertDocument[] {
  const vector = sparseVector([pair, 100 + (counter % 50)], [1 + (counter % 4096), 1])
  return ['left', 'right'].map(side => {
    const metadata = { pair, counter, side }
    return { key: `${side} ${pair}`, text: `${counter}`, vector, metadata }
  })
}

function numbered(count: number, first = 0): UpsertDocument[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `k${first + i}`,
    vector: vectorOf(first + i),
    metadata: { n: first + i, isEven: i % 2 === 0 }
  }))
}

const query = vectorOf(5)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('processes that read', () => {
  const readers: ReaderProcess[] = []
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.kill()
  })

  it('never see a batch in part, nor go back, and see at once what was acknowledged', async () => {
    for (let pair = 0; pair < NUM_PAIRS; pair++) await collection.upsert(pairOf(pair, 0))
    for (let i = 0; i < NUM_READERS; i++) readers.push(new ReaderProcess(directory))
    await Promise.all(readers.map(reader => reader.ready()))
    const background: Promise<void>[] = []
    for (let counter = 1; counter <= NUM_ROUNDS; counter++) {
      const pair = (counter * 7) % NUM_PAIRS
      await collection.upsert(pairOf(pair, counter))
      if (counter % 10 === 0) {
        const answers = await Promise.all(readers.map(reader => reader.ask(pair, counter)))
        expect(answers).toEqual(readers.map(() => String(counter)))
      }
      if (counter % 60 === 0) background.push(collection.flush())
      if (counter % 100 === 0) background.push(collection.compact())
    }
    await Promise.all(background)
    for (const report of await Promise.all(readers.map(reader => reader.end()))) {
      expect(report.problems).toEqual([])
      expect(report.numReads).toBeGreaterThan(NUM_ROUNDS / 10)
      expect(report.numSteps).toBeGreaterThan(NUM_ROUNDS / 20)
      expect(report.numSegments).toBeGreaterThan(1)
    }
  })
})

describe('parallel upserts of one key', () => {
  it('end in one of the values, and no vector of the others is found', async () => {
    const vectors = Array.from({ length: 8 }, (_, i) => sparseVector([i], [i + 1]))
    for (let round = 0; round < 20; round++) {
      const flushed = round % 3 === 0 ? collection.flush() : undefined
      await Promise.all(
        vectors.map((vector, i) =>
          collection.upsert([{ key: 'same', vector, text: `${i}`, metadata: { i, round } }])
        )
      )
      const { text, metadata } = (await collection.get('same'))!
      expect(metadata).toEqual({ i: Number(text), round })
      for (const [i, vector] of vectors.entries()) {
        const { hits } = await collection.search(vector)
        const expected = text === `${i}` ? [{ key: 'same', score: (i + 1) ** 2, metadata }] : []
        expect(hits).toMatchObject(expected)
        expect(hits).toHaveLength(expected.length)
      }
      await flushed
    }
    expect((await collection.stats()).numDocuments).toBe(1)
  })

  it('leave one document also with passages, deletes and other keys between them', async () => {
    const long = { key: 'same', text: 'one two', passages: [0, 4].map(start => part(start)) }
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        await collection.upsert([i % 2 === 0 ? long : { key: 'same', vector: vectorOf(i) }])
        await collection.upsert(numbered(5, 10 * i))
        await collection.delete(['same', `k${10 * i}`])
      })
    )
    const { numDocuments } = await collection.stats()
    expect(numDocuments).toBe(8 * 4)
    expect(await collection.get('same')).toBeUndefined()
    const { hits } = await collection.search(sparseVector([900], [1]))
    expect(hits).toEqual([])
  })

  function part(start: number) {
    return { start, end: start + 3, vector: sparseVector([900], [1]) }
  }
})

/** All that a reader can ask. */
async function everything(reader: Pick<Collection, 'search' | 'list' | 'stats' | 'get'>) {
  const options = { k: 1000, includeVectors: true }
  const all = await reader.search(query, options)
  return {
    all: all.hits,
    even: (await reader.search(query, { ...options, filter: { isEven: true } })).hits,
    next: (await reader.search(query, { ...options, k: 7, searchAfter: all.hits[12]! })).hits,
    // Nothing has this field yet, so anything may be asked of it.
    none: (await reader.search(query, { filter: { later: 'x' } })).hits,
    list: await reader.list({ limit: 1000 }),
    stats: await reader.stats(),
    get: await reader.get('k7', { includeVectors: true })
  }
}

describe('a snapshot', () => {
  it('stays equal to itself while all else changes', async () => {
    await collection.upsert(numbered(100))
    await collection.delete(['k3', 'k50'])
    await using snapshot = await collection.snapshot()
    const before = await everything(snapshot)
    expect(before.all.length).toBeGreaterThan(20)
    const steps = [
      () => collection.upsert(numbered(40, 80)),
      () =>
        collection.upsert([{ key: 'new', vector: query, metadata: { later: 1, isEven: true } }]),
      () => collection.delete({ filter: { n: { $lt: 30 } } }),
      () => collection.flush(),
      () => collection.upsert(numbered(100)),
      () => collection.compact(),
      () => collection.delete({ filter: {} }),
      () => collection.compact()
    ]
    for (const step of steps) {
      const done = step()
      expect(await everything(snapshot)).toEqual(before)
      await done
      expect(await everything(snapshot)).toEqual(before)
    }
    expect((await collection.stats()).numDocuments).toBe(0)
  })
})

describe('a search', () => {
  it('gives the same before, during and after compaction', async () => {
    for (let i = 0; i < 6; i++) await collection.upsert(numbered(500, 500 * i))
    await collection.delete({ filter: { n: { $gte: 400, $lt: 900 } } })
    await collection.settle()
    const options = { k: 5000, filter: { isEven: true } }
    const { hits: before } = await collection.search(query, options)
    expect(before.length).toBeGreaterThan(300)
    let numSearches = 0
    let isDone = false
    const compacting = collection.compact().finally(() => {
      isDone = true
    })
    for (; !isDone; numSearches++) {
      expect((await collection.search(query, options)).hits).toEqual(before)
      await turn()
    }
    await compacting
    expect(numSearches).toBeGreaterThan(1)
    expect((await collection.search(query, options)).hits).toEqual(before)
    expect(await collection.stats()).toMatchObject({ numSegments: 1, numDead: 0, numInMemory: 0 })
  })

  it('gives the same whatever of two compactions and flushes goes on', async () => {
    for (let i = 0; i < 10; i++) await collection.upsert(numbered(30, 20 * i))
    const { hits: before } = await collection.search(query, { k: 5000 })
    const tasks = [collection.compact(), collection.flush(), collection.compact()]
    await Promise.all([...tasks, collection.settle()])
    expect((await collection.search(query, { k: 5000 })).hits).toEqual(before)
    const { numEntries, numDocuments } = await collection.stats()
    expect(numEntries).toBe(numDocuments)
  })
})
