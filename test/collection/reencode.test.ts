import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { reencodeCollection } from '../../src/node/reencode-collection.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { temporaryFolder } from './checked-collection.ts'

/** Another model, as far as a collection can tell. */
const OTHER = { model: 'splade-tiny', load: { pooling: 'sum' } } as const

const THINGS = ['boat', 'pier', 'gull', 'lighthouse', 'rope', 'ticket', 'ice cream', 'sand']
const DOINGS = ['sinks', 'shines', 'sings', 'is sold', 'is lost', 'burns']

/** Document n; every ninth is blank, every seventh has two passages. */
function textDocument(n: number): UpsertDocument {
  const key = `k${n}`
  if (n % 9 === 8) return { key, text: ' ', metadata: { n } }
  const text = `the ${THINGS[n % 8]} ${DOINGS[n % 6]}`
  if (n % 7 !== 6) return { key, text, metadata: { n }, namespace: n % 5 === 0 ? 't' : '' }
  const passages = [
    { start: 0, end: 6 },
    { start: 6, end: text.length }
  ]
  return { key, text, passages, metadata: { n }, dense: [n, 1] }
}

function textDocuments(first: number, end: number): UpsertDocument[] {
  return Array.from({ length: end - first }, (_, i) => textDocument(first + i))
}

async function hitsOf(collection: Collection): Promise<unknown> {
  const found = []
  for (const query of ['lighthouse', 'a boat that sinks', 'ice']) {
    for (const namespace of ['', 't']) {
      const { hits } = await collection.search(query, { k: 100, namespace, includeVectors: true })
      found.push(hits)
    }
  }
  return found
}

/** What a collection gives that was made with the other model from the start. */
async function expectedHits(write: (collection: Collection) => Promise<void>): Promise<unknown> {
  await using collection = await openCollection(join(temporaryFolder(), 'expected'), {
    ...OTHER,
    lexical: false
  })
  await write(collection)
  return await hitsOf(collection)
}

test('A re-encoded collection is as if it had been made with the other model.', async () => {
  const directory = join(temporaryFolder(), 'collection')
  const write = async (collection: Collection): Promise<void> => {
    await collection.upsert(textDocuments(0, 60))
    await collection.flush()
    await collection.upsert(textDocuments(20, 90))
    await collection.delete(['k30', 'k31', 'k88'])
  }
  {
    await using collection = await openCollection(directory, { passageTokens: 12, lexical: false })
    await write(collection)
  }
  const seen: number[] = []
  const onProgress = ({ done }: { readonly done: number }) => seen.push(done)
  const result = await reencodeCollection(directory, { ...OTHER, onProgress })
  expect(result).toMatchObject({ generation: 'g2', numDocuments: 88, numTruncated: 0 })
  expect(seen.at(-1)).toBe(88)
  expect(readdirSync(directory).sort()).toEqual(['collection.json', 'g2'])
  expect((await checkCollection(directory)).isClean).toBe(true)
  {
    await using collection = await openCollection(directory)
    expect(collection.settings).toMatchObject({ passageTokens: 12, model: { pooling: 'sum' } })
    expect(await hitsOf(collection)).toEqual(await expectedHits(write))
    const { dense } = (await collection.get('k6', { includeVectors: true }))!
    expect(dense).toEqual(Float32Array.of(6, 1))
  }
  expect((await checkCollection(directory)).findings).toEqual([])
  expect(await reencodeCollection(directory, OTHER)).toMatchObject({
    generation: 'g2',
    numEncoded: 0
  })
})

test('Searches and writes go on meanwhile, in this process and for readers.', async () => {
  const directory = join(temporaryFolder(), 'live')
  await using collection = await openCollection(directory, { lexical: false })
  await collection.upsert(textDocuments(0, 120))
  await using reader = await openCollection(directory, { readOnly: true })
  await reader.search('boat')
  await using snapshot = await collection.snapshot()
  const before = await snapshot.search('a boat that sinks', { k: 50, includeVectors: true })
  let isEncoding = true
  let numWrites = 0
  const writing = (async () => {
    for (let n = 200; isEncoding; n++) {
      await collection.upsert([textDocument(n), textDocument(n - 150)])
      await collection.delete(`k${n - 170}`)
      expect((await collection.search('lighthouse')).hits.length).toBeGreaterThan(0)
      expect((await reader.search('lighthouse')).hits.length).toBeGreaterThan(0)
      numWrites++
    }
  })()
  await reencodeCollection(collection, OTHER)
  isEncoding = false
  await writing
  expect(numWrites).toBeGreaterThan(1)
  expect(collection.settings.model?.pooling).toBe('sum')
  const after = await snapshot.search('a boat that sinks', { k: 50, includeVectors: true })
  expect(after.hits, 'the snapshot stays what it was').toEqual(before.hits)
  // The order in which the documents were written is that of their export.
  const documents: UpsertDocument[] = []
  await using now = await collection.snapshot()
  for await (const { key, namespace, text, metadata, passages, dense } of now.documents({
    allNamespaces: true,
    includeVectors: true
  })) {
    const spans = passages?.map(([start, end]) => ({ start, end }))
    const given = { ...(spans && { passages: spans }), ...(dense && { dense }) }
    documents.push({ key, namespace, text, metadata, ...given })
  }
  const expected = await expectedHits(async made => {
    await made.upsert(documents)
  })
  expect(await hitsOf(collection)).toEqual(expected)
  expect(await hitsOf(reader)).toEqual(expected)
  expect(reader.settings.model?.pooling).toBe('sum')
  await collection.flush()
  await collection.backup(join(temporaryFolder(), 'backup'))
  expect((await checkCollection(directory)).isClean).toBe(true)
})

test('What was stopped is gone on with, also after it was complete but not yet active.', async () => {
  const directory = join(temporaryFolder(), 'stopped')
  {
    await using collection = await openCollection(directory)
    await collection.upsert(textDocuments(0, 520))
  }
  const abort = new AbortController()
  const onProgress = ({ done }: { readonly done: number }) => done > 0 && abort.abort()
  const stop = { signal: abort.signal, onProgress }
  await expect(reencodeCollection(directory, { ...OTHER, ...stop })).rejects.toMatchObject({
    code: 'ABORTED'
  })
  expect(existsSync(join(directory, 'g2.partial'))).toBe(true)
  // A document that was encoded goes, and its key is taken anew.
  {
    await using collection = await openCollection(directory)
    expect(collection.settings.model?.pooling).toBe('max')
    await collection.upsert([textDocument(3)])
    await collection.delete('k4')
  }
  expect((await checkCollection(directory)).isClean).toBe(true)
  // As a kill leaves it between the two renames.
  renameSync(join(directory, 'g2.partial'), join(directory, 'g2'))
  const { numEncoded, numDocuments } = await reencodeCollection(directory, OTHER)
  expect(numDocuments).toBe(519)
  expect(numEncoded).toBeLessThan(30)
  await using collection = await openCollection(directory)
  expect(await collection.get('k4')).toBeUndefined()
  expect((await checkCollection(directory)).findings).toEqual([])
})

test('Documents of which only vectors are there are refused before anything is encoded.', async () => {
  const directory = join(temporaryFolder(), 'vectors')
  await using collection = await openCollection(directory)
  await collection.upsert([
    textDocument(1),
    { key: 'bare', vector: sparseVector([1], [1]) },
    { key: 'text too', text: 'a boat', vector: sparseVector([1], [1]) }
  ])
  await expect(reencodeCollection(collection, OTHER)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    problem: '1 documents have vectors and no text: "bare"'
  })
  expect(readdirSync(directory).sort()).toEqual(['collection.json', 'g1', 'writer.lock'])
  await collection.delete('bare')
  expect(await reencodeCollection(collection, OTHER)).toMatchObject({ numEncoded: 2 })
  const reader = await openCollection(directory, { readOnly: true })
  await expect(reencodeCollection(reader, OTHER)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT'
  })
  await reader.close()
})
