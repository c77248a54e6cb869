import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, sparseVectorFromEntries } from 'esplanade'
import { unzipSync } from 'fflate'
import { afterAll, expect, it } from 'vitest'
import { formatCheckedJson } from '../../src/collection/checked-json.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import { runProgram } from '../run-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'esplanade-golden-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let numCopies = 0

/** A copy of the golden collection; `golden/make.mjs` says what is in it. */
function goldenCopy(): string {
  const copy = join(folder, `copy ${++numCopies}`)
  const packed = readFileSync(new URL('./golden/collection-v1.zip', import.meta.url))
  for (const [name, bytes] of Object.entries(unzipSync(packed))) {
    const path = join(copy, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  return copy
}

const query = sparseVectorFromEntries([
  [3, 1],
  [7, 2]
])

it('a collection of version 1 is read, and finds what it found', async () => {
  const copy = goldenCopy()
  await using collection = await open(copy, { readOnly: true })
  expect(collection.settings).toEqual({ metric: 'dot', precision: 'float32' })
  expect(await collection.stats()).toMatchObject({
    numDocuments: 4,
    namespaces: { '': 3, tenant: 1 },
    numSegments: 2,
    numInMemory: 1,
    numDead: 1
  })
  const hits = async (options: object = {}) =>
    (await collection.search(query, options)).hits.map(({ key, score, passage }) => [
      key,
      score,
      passage
    ])
  expect(await hits()).toEqual([
    ['harbour', 2, undefined],
    ['late', 2, undefined],
    ['passages', 1, [14, 28]]
  ])
  expect(await hits({ filter: { year: { $gt: 2000 } } })).toEqual([
    ['late', 2, undefined],
    ['passages', 1, [14, 28]]
  ])
  expect(await hits({ filter: { when: { $lt: new Date('2027-01-01') } } })).toHaveLength(1)
  expect(await hits({ namespace: 'tenant' })).toEqual([['clé', 1, undefined]])
  expect(await collection.get('harbour', { includeVectors: true })).toEqual({
    key: 'harbour',
    namespace: '',
    text: 'The harbour at dawn.',
    metadata: { year: 1999, tags: ['sea', 'morning'], when: new Date('2026-11-21T06:00:00Z') },
    vectors: [{ terms: Uint32Array.of(3, 7, 70_000), weights: Float32Array.of(1.5, 0.25, 2) }],
    dense: Float32Array.of(0.5, -1, 0.25)
  })
  expect(await collection.get('gone')).toBeUndefined()
})

it('a collection of version 1 is whole, and can be written to', async () => {
  const copy = goldenCopy()
  expect((await checkCollection(copy)).isClean).toBe(true)
  {
    await using collection = await open(copy)
    await collection.upsert([{ key: 'new', vector: sparseVectorFromEntries([[3, 5]]) }])
    await collection.compact()
    const { hits } = await collection.search(query)
    expect(hits.map(({ key }) => key)).toEqual(['new', 'harbour', 'late', 'passages'])
  }
  expect((await checkCollection(copy)).findings).toEqual([])
})

it('this release writes the same files', () => {
  const target = join(folder, 'now.zip')
  const make = fileURLToPath(new URL('./golden/make.mjs', import.meta.url))
  expect(runProgram(process.execPath, [make, target]).status).toBe(0)
  const golden = readFileSync(new URL('./golden/collection-v1.zip', import.meta.url))
  const [now, then] = [readFileSync(target), golden].map(packed => unzipSync(packed))
  expect(Object.keys(now!)).toEqual(Object.keys(then!))
  // LMDB's file is not the same to the byte; a segment is.
  expect(now!['g1/segments/000001.esp']).toEqual(then!['g1/segments/000001.esp'])
})

it.each(['collection.json', 'g1/settings.json', 'g1/manifest.json'])(
  'of a newer version, %s is refused; damaged, too',
  async file => {
    const copy = goldenCopy()
    const path = join(copy, file)
    const { checksum: _checksum, ...fields } = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, formatCheckedJson({ ...fields, version: 2 }))
    const newer = { code: 'COLLECTION_VERSION', message: expect.stringContaining('newer release') }
    await expect(open(copy)).rejects.toMatchObject(newer)
    await expect(open(copy, { readOnly: true })).rejects.toMatchObject(newer)
    writeFileSync(path, JSON.stringify({ ...fields, checksum: 'wrong' }))
    await expect(open(copy)).rejects.toMatchObject({
      code: 'COLLECTION_CORRUPT',
      place: path
    })
  }
)
