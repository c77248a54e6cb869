import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { CollectionSearchOptions } from '../../src/collection/search-request.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import { type OpenOptions, openCollection } from '../../src/node/open-collection.ts'
import { repairCollection } from '../../src/node/repair-collection.ts'
import { loadUsearch } from '../../src/node/usearch-graph.ts'
import { provideHnsw } from '../../src/search/hnsw-graph.ts'
import { NO_TERMS } from '../../src/vector/sparse-vector.ts'
import { flipBit } from './checked-collection.ts'
import { randomNumbers } from './kill/random.mjs'

provideHnsw(loadUsearch)

const DIMENSIONS = 12
const NUM_DOCUMENTS = 5000
const NUM_QUERIES = 30
const random = randomNumbers(11)
const centres = Array.from({ length: 25 }, () => randomVector())

function randomVector(): number[] {
  return Array.from({ length: DIMENSIONS }, () => random() + random() - 1)
}

/** Points around centres. */
function nextVector(): Float32Array {
  const centre = centres[Math.floor(random() * centres.length)]!
  return Float32Array.from(randomVector(), (value, i) => 0.6 * value + centre[i]!)
}

const documents = Array.from({ length: NUM_DOCUMENTS }, (_, n) => ({
  key: `k${n}`,
  text: `pier ${n % 50}`,
  metadata: { n },
  dense: nextVector()
}))
const queries = Array.from({ length: NUM_QUERIES }, nextVector)

const folder = mkdtempSync(join(tmpdir(), 'esplanade-hnsw-'))
const whole = join(folder, 'whole')
const OPTIONS: OpenOptions = {
  model: null,
  lexical: true,
  dense: { dimensions: DIMENSIONS, index: 'hnsw' }
}
const segments = (directory: string) => join(directory, 'g1/segments')
const graphsIn = (directory: string) =>
  readdirSync(segments(directory)).filter(name => name.endsWith('.hnsw'))

beforeAll(async () => {
  await using collection = await openCollection(whole, OPTIONS)
  await collection.upsert(documents)
  await collection.flush()
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function opened(directory = whole, options: OpenOptions = {}): Promise<Collection> {
  const collection = await openCollection(directory, { ...options })
  onTestFinished(() => collection.close())
  return collection
}

function copyOfWhole(): string {
  const copy = mkdtempSync(join(folder, 'copy-'))
  cpSync(whole, copy, { recursive: true })
  return copy
}

/** The share of the exact hits that another search finds; scores of both are the same. */
async function overlap(
  collection: Collection,
  { denseStrategy, ...options }: CollectionSearchOptions
): Promise<number> {
  let found = 0
  for (const dense of queries) {
    const exact = await collection.search({ dense }, { ...options, denseStrategy: 'exact' })
    expect([exact.rankSafe, exact.stats.strategy]).toEqual([true, 'flat'])
    expect(exact.hits).toHaveLength(10)
    const scores = new Map(exact.hits.map(({ key, score }) => [key, score]))
    const walked = await collection.search(
      { dense },
      { ...options, ...(denseStrategy && { denseStrategy }) }
    )
    expect([walked.rankSafe, walked.stats.strategy]).toEqual([false, 'hnsw'])
    expect(walked.hits).toHaveLength(10)
    for (const { key, score } of walked.hits) {
      if (!scores.has(key)) continue
      expect(score).toBe(scores.get(key))
      found++
    }
  }
  return found / (10 * queries.length)
}

describe('a collection with graphs', () => {
  it('keeps one beside its dense vectors, named in the manifest', async () => {
    expect(readdirSync(segments(whole)).sort()).toEqual([
      '000001.columns',
      '000001.dense',
      '000001.esp',
      '000001.hnsw'
    ])
    const manifest = JSON.parse(readFileSync(join(whole, 'g1/manifest.json'), 'utf8'))
    const bytes = readFileSync(join(segments(whole), '000001.hnsw'))
    expect(manifest.segments[0].dense).toMatchObject({
      numVectors: NUM_DOCUMENTS,
      graph: { bytes: bytes.length }
    })
    // What it was measured to find: overlap@10 of 100 of its vectors.
    expect(bytes.readDoubleLE(48)).toBeGreaterThan(0.9)
    expect([bytes.readUInt32LE(56), bytes.readUInt32LE(60)]).toEqual([100, 10])
    const collection = await opened(whole, { readOnly: true })
    expect((await collection.denseStats())!.graphs).toEqual({
      numVectors: NUM_DOCUMENTS,
      bytes: bytes.length,
      overlap: expect.closeTo(bytes.readDoubleLE(48), 12)
    })
  })

  it('walks it unless told otherwise, and finds most of the exact hits', async () => {
    const collection = await opened(whole, { readOnly: true })
    expect(await overlap(collection, {})).toBeGreaterThan(0.9)
    expect(await overlap(collection, { denseStrategy: 'hnsw' })).toBeGreaterThan(0.9)
    const [few, many] = [10, 150].map(expansion => ({ name: 'hnsw', expansion }) as const)
    const less = await overlap(collection, { denseStrategy: few! })
    expect(less).toBeLessThan(await overlap(collection, { denseStrategy: many! }))
  })

  it('walks it for the dense list of a hybrid search', async () => {
    const collection = await opened(whole, { readOnly: true })
    const query = { text: 'pier 7', dense: queries[0]! }
    const options = { mode: 'hybrid', fusion: { method: 'convex', depth: 30 } } as const
    const walked = await collection.search(query, { ...options, explain: true })
    expect(walked.rankSafe).toBe(false)
    expect(walked.stats.lists!.map(({ list, strategy }) => [list, strategy])).toContainEqual([
      'dense',
      'hnsw'
    ])
    expect(walked.hits[0]!.explanation!.score).toBe(walked.hits[0]!.score)
    const exact = await collection.search(query, { ...options, denseStrategy: 'exact' })
    expect(exact.rankSafe).toBe(true)
    const keys = new Set(exact.hits.map(({ key }) => key))
    expect(walked.hits.filter(({ key }) => keys.has(key)).length).toBeGreaterThan(6)
    const { key } = walked.hits[0]!
    const own = await collection.explain(query, key, options)
    expect(own).toEqual(walked.hits[0]!.explanation)
    // Terms alone need no graph.
    const words = await collection.search(query, { mode: 'bm25' })
    expect(words.rankSafe).toBe(true)
  })

  it('goes on after a page, and is exact for few documents', async () => {
    const collection = await opened(whole, { readOnly: true })
    const query = { dense: queries[1]! }
    const exact = await collection.search(query, { k: 20, denseStrategy: 'exact' })
    const first = await collection.search(query, {
      denseStrategy: { name: 'hnsw', expansion: 150 }
    })
    expect(first.hits).toEqual(exact.hits.slice(0, 10))
    const searchAfter = first.hits.at(-1)!
    const second = await collection.search(query, { searchAfter })
    expect(second.hits).toEqual(exact.hits.slice(10))
    expect(second.rankSafe).toBe(true)
    const filter = { n: { $lt: 300 } }
    const few = await collection.search(query, { filter })
    expect(few.rankSafe).toBe(true)
    expect(few.hits).toEqual(
      (await collection.search(query, { filter, denseStrategy: 'exact' })).hits
    )
    const all = await collection.search(query, { k: NUM_DOCUMENTS + 1 })
    expect([all.hits.length, all.rankSafe]).toEqual([NUM_DOCUMENTS, true])
  })

  it('finds what was written since, and not what was deleted', async () => {
    const directory = copyOfWhole()
    const collection = await opened(directory)
    const query = { dense: queries[2]! }
    const before = await collection.search(query)
    const removed = before.hits.slice(0, 3).map(({ key }) => key)
    await collection.delete(removed)
    await collection.upsert([{ key: 'new', text: 'new', dense: queries[2]! }])
    const after = await collection.search(query)
    expect(after.rankSafe).toBe(false)
    expect(after.hits[0]).toMatchObject({ key: 'new' })
    expect(after.hits[0]!.score).toBeCloseTo(1, 12)
    expect(after.hits.filter(({ key }) => removed.includes(key))).toEqual([])
    expect(after.hits).toHaveLength(10)

    await collection.compact()
    expect(graphsIn(directory)).toHaveLength(1)
    expect(graphsIn(directory)).not.toEqual(graphsIn(whole))
    const compacted = await collection.search(query)
    expect(compacted.stats.strategy).toBe('hnsw')
    expect(compacted.hits[0]).toMatchObject({ key: 'new' })
    expect((await checkCollection(directory)).isClean).toBe(true)
  }, 60_000)

  it('has a graph in its backup', async () => {
    const collection = await opened(whole)
    const copy = join(folder, 'backup')
    await collection.backup(copy)
    expect(graphsIn(copy)).toEqual(['000001.hnsw'])
    const again = await opened(copy)
    expect(await again.search({ dense: queries[0]! })).toMatchObject({
      hits: (await collection.search({ dense: queries[0]! })).hits,
      rankSafe: false
    })
  })
})

describe('the file of a graph', () => {
  const damages: Record<string, (path: string) => void> = {
    missing: path => rmSync(path),
    'cut short': path => truncateSync(path, 5000),
    empty: path => truncateSync(path, 0),
    'changed in its header': path => flipBit(path, 30),
    'changed in its links': path => flipBit(path, -1000)
  }

  it.each(Object.keys(damages))('that is %s is found, and built anew', async damage => {
    const directory = copyOfWhole()
    const path = join(segments(directory), '000001.hnsw')
    damages[damage]!(path)
    await expect(openCollection(directory)).rejects.toMatchObject({
      code: 'COLLECTION_CORRUPT',
      place: path
    })
    const report = await checkCollection(directory)
    expect(report.isRepairable).toBe(true)
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'segment-file', file: path })
    )
    await repairCollection(directory)
    expect((await checkCollection(directory)).isClean).toBe(true)
    expect(graphsIn(directory)).toEqual(['000002.hnsw'])
    const collection = await opened(directory)
    expect((await collection.search({ dense: queries[0]! })).stats.strategy).toBe('hnsw')
  })
})

describe('graphs', () => {
  it('are refused where they mean nothing', async () => {
    const at = (name: string) => join(folder, name)
    const dense = { dimensions: 2, index: 'tree' as 'hnsw' }
    await expect(openCollection(at('a'), { model: null, dense })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      place: 'dense.index'
    })
    await expect(
      openCollection(whole, { dense: { dimensions: DIMENSIONS, index: 'flat' } })
    ).rejects.toThrow('flat was asked for')
    const collection = await opened(at('b'), { model: null, dense: { dimensions: 2 } })
    await expect(
      openCollection(at('b'), { readOnly: true, dense: { index: 'hnsw' } })
    ).rejects.toMatchObject({ code: 'COLLECTION_MISMATCH' })
    await collection.upsert([{ key: 'a', vector: NO_TERMS, dense: [1, 2] }])
    const wrong = ['hnsw', 'tree', null, { name: 'hnsw', expansion: 0 }, { name: 'flat' }] as const
    for (const denseStrategy of wrong) {
      const searching = collection.search(
        { dense: [1, 2] },
        { denseStrategy: denseStrategy as 'hnsw' }
      )
      await expect(searching).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        place: 'denseStrategy'
      })
    }
    const withGraphs = await opened(whole, { readOnly: true })
    const denseStrategy = { name: 'hnsw', expansion: 4097 } as const
    await expect(
      withGraphs.search({ dense: queries[0]! }, { denseStrategy })
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(existsSync(at('a'))).toBe(false)
  })

  it('are not needed for an exact search, and asked for again after they were missing', async () => {
    const collection = await opened(whole, { readOnly: true })
    provideHnsw(async () => {
      throw new EsplanadeError('RUNTIME_MISSING', { problem: 'not installed' })
    })
    const query = { dense: queries[0]! }
    try {
      const missing = collection.search(query)
      await expect(missing).rejects.toMatchObject({ code: 'RUNTIME_MISSING' })
      const exact = await collection.search(query, { denseStrategy: 'exact' })
      expect(exact.hits).toHaveLength(10)
    } finally {
      provideHnsw(loadUsearch)
    }
    expect((await collection.search(query)).stats.strategy).toBe('hnsw')
  })
})
