import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { corpusDocuments } from '../../src/collection/corpus-documents.ts'
import { exportLines } from '../../src/collection/export-lines.ts'
import { importLines } from '../../src/collection/import-lines.ts'
import { formatSegmentManifest } from '../../src/collection/segment-manifest.ts'
import type { UpsertDocument } from '../../src/collection/upsert-documents.ts'
import { DenseEncoder } from '../../src/entry/encoder.ts'
import { EsplanadeError } from '../../src/errors.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import {
  generationPaths,
  readManifest,
  segmentPaths,
  writeManifest
} from '../../src/node/collection-files.ts'
import { openCollection } from '../../src/node/open-collection.ts'
import { reencodeCollection } from '../../src/node/reencode-collection.ts'
import { repairCollection } from '../../src/node/repair-collection.ts'
import { restoreCollection } from '../../src/node/restore-collection.ts'
import { denseScore } from '../../src/vector/dense-vector.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { temporaryFolder } from './checked-collection.ts'
import { records } from './harbour.ts'
import { randomNumbers } from './kill/random.mjs'
import { openSmall, refusal } from './small-collection.ts'

/** `DENSE_DAMAGES=1000` tries more places; a failure names its seed. */
const NUM_DAMAGES = Number(process.env.DENSE_DAMAGES ?? 25)
const SEED = Number(process.env.DENSE_SEED ?? Math.floor(Math.random() * 2 ** 24))

/** Random ones: what they find means nothing, and is the same every time. */
const modelOf = (name: string): string =>
  fileURLToPath(new URL(`../golden/dense/${name}`, import.meta.url))
const BERT = modelOf('bert-mean')
const DISTILBERT = modelOf('distilbert-cls')

const vector = sparseVector([1], [1])
const three = { dense: { dimensions: 3 } } as const

/** Documents 0 to 29: with a vector, with one for two of three passages, and without in turn. */
function documentsOf(shift = 0): UpsertDocument[] {
  return Array.from({ length: 30 }, (_, n) => {
    const own = [Math.sin(n + shift), Math.cos(n), 0.5]
    if (n % 3 === 0) return { key: `k${n}`, vector, dense: own }
    if (n % 3 === 1) return { key: `k${n}`, vector }
    const passages = [own, undefined, [n, 1, -1]].map((dense, i) => ({
      start: i,
      end: i + 1,
      vector,
      ...(dense && { dense })
    }))
    return { key: `k${n}`, text: 'abc', passages }
  })
}

const QUERIES = [
  [1, 0, 0],
  [0, 1, 1],
  [-1, 0.5, 0.25]
]

/** All that a collection finds by dense vectors. */
async function answersOf(collection: Collection): Promise<unknown> {
  const found = []
  for (const dense of QUERIES) {
    const { hits } = await collection.search({ dense }, { mode: 'dense', k: 100 })
    found.push(hits.map(({ key, score, passage }) => ({ key, score, passage })))
  }
  return found
}

/** A closed collection of two segments and a document in memory, and what it answers. */
async function madeCollection(shift = 0): Promise<{ directory: string; answers: unknown }> {
  const directory = join(temporaryFolder(), 'collection')
  await using collection = await openCollection(directory, { model: null, ...three })
  const documents = documentsOf(shift)
  await collection.upsert(documents.slice(0, 15))
  await collection.flush()
  await collection.upsert(documents.slice(15))
  await collection.flush()
  await collection.delete(['k3', 'k18'])
  await collection.upsert([{ key: 'last', vector, dense: [0, 0, 1] }])
  return { directory, answers: await answersOf(collection) }
}

const denseFiles = (directory: string): string[] =>
  readdirSync(join(directory, 'g1/segments')).filter(name => name.endsWith('.dense'))

async function errorOf(promise: Promise<unknown>): Promise<EsplanadeError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof EsplanadeError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('what is asked for when a collection is opened', () => {
  it('is recorded, and refused where it was made otherwise', async () => {
    const { directory, settings } = await openSmall({ dense: { dimensions: 3, metric: 'dot' } })
    expect(settings.dense).toEqual({ dimensions: 3, metric: 'dot' })
    const asked = async (options: object) =>
      (await errorOf(openCollection(directory, { readOnly: true, ...options }))).message
    expect(await asked({ dense: { dimensions: 4 } })).toMatch(/3 dimensions.*4 dimensions/)
    expect(await asked({ dense: { metric: 'euclidean' } })).toMatch(/by dot; euclidean was asked/)
    expect(await asked({ denseModel: BERT })).toMatch(/the dense model bert-mean was asked for/)
    const same = { readOnly: true, dense: { dimensions: 3 }, denseModel: null } as const
    await (await openCollection(directory, same)).close()
  })

  it('is refused of a collection that was made for none', async () => {
    const { directory } = await openSmall()
    const opened = errorOf(openCollection(directory, { readOnly: true, dense: { dimensions: 3 } }))
    expect((await opened).message).toMatch(/no dense vectors; dense vectors were asked for/)
  })

  it.each([
    [{ dense: {} }, 'dense.dimensions'],
    [{ dense: { dimensions: 0 } }, 'dense.dimensions'],
    [{ dense: { dimensions: 65_537 } }, 'dense.dimensions'],
    [{ dense: { dimensions: 1.5 } }, 'dense.dimensions'],
    [{ dense: { dimensions: 3, metric: 'manhattan' } }, 'dense.metric'],
    [{ dense: null }, 'dense'],
    [{ denseModel: BERT, dense: { dimensions: 3 } }, 'dense.dimensions']
  ])('%j is refused', async (options, place) => {
    const opened = openSmall(options as object, join(temporaryFolder(), 'new'))
    expect(await refusal(opened)).toBe(`INVALID_ARGUMENT at ${place}`)
  })
})

describe('ready dense vectors', () => {
  it.each([
    [{ dense: [1, 2] }, 'INVALID_VECTOR at document 1: dense'],
    [{ dense: [1, 2, Number.NaN] }, 'INVALID_VECTOR at document 1: dense'],
    [{ dense: [1e300, 0, 0] }, 'INVALID_VECTOR at document 1: dense'],
    [{ dense: [0, 0, -0] }, 'INVALID_VECTOR at document 1: dense'],
    [{ dense: [1e-300, 0, 0] }, 'INVALID_VECTOR at document 1: dense'],
    [{ dense: 'abc' }, 'INVALID_VECTOR at document 1: dense'],
    [
      { text: 'ab', passages: [{ start: 0, end: 2, vector, dense: [1] }] },
      'INVALID_VECTOR at document 1: passages[0].dense'
    ],
    [
      { dense: [1, 2, 3], passages: [{ start: 0, end: 0, vector, dense: [1, 2, 3] }] },
      'INVALID_ARGUMENT at document 1'
    ]
  ])('%j is refused, and nothing is written', async (fields, expected) => {
    const collection = await openSmall(three)
    const write = collection.upsert([{ key: 'a', ...fields } as never, { key: 'b', vector }])
    expect(await refusal(write)).toBe(expected)
    expect((await collection.stats()).numDocuments).toBe(0)
  })

  it('of zeros have a dot product and a distance', async () => {
    for (const metric of ['dot', 'euclidean'] as const) {
      const collection = await openSmall({ dense: { dimensions: 3, metric } })
      await collection.upsert([{ key: 'zero', dense: [0, 0, 0] }])
      const { hits } = await collection.search({ dense: [3, 0, 4] }, { mode: 'dense' })
      expect(hits.map(({ score }) => score)).toEqual([metric === 'dot' ? 0 : -5])
    }
  })

  it('may stand beside a text that no model encodes', async () => {
    const collection = await openSmall(three)
    await collection.upsert([{ key: 'a', text: 'a text', dense: [1, 2, 2] }])
    expect(await collection.get('a', { includeVectors: true })).toMatchObject({
      text: 'a text',
      dense: Float32Array.of(1, 2, 2)
    })
  })

  it('of passages need a collection that searches them', async () => {
    const collection = await openSmall()
    const passages = [{ start: 0, end: 0, vector, dense: [1] }]
    const written = collection.upsert([{ key: 'a', passages }])
    expect(await refusal(written)).toBe('INVALID_ARGUMENT at document 1: passages[0].dense')
  })

  it('are kept and not searched by a collection that was made for none', async () => {
    const collection = await openSmall()
    await collection.upsert([{ key: 'a', vector, dense: [1, 2] }])
    await collection.flush()
    expect((await collection.get('a', { includeVectors: true }))!.dense).toEqual(
      Float32Array.of(1, 2)
    )
    expect(denseFiles(collection.directory)).toEqual([])
    expect(await collection.denseStats()).toBeUndefined()
  })

  it('that did not change are passed over with onlyChanged, one that did is written', async () => {
    const collection = await openSmall(three)
    const documents = documentsOf()
    await collection.upsert(documents)
    const again = await collection.upsert(documents, { onlyChanged: true })
    expect(again).toMatchObject({ numWritten: 0, numUnchanged: 30 })
    const changed = await collection.upsert(documentsOf(1e-3), { onlyChanged: true })
    expect(changed).toMatchObject({ numWritten: 20, numUnchanged: 10 })
  })

  it('are given back, exported and imported as they are', async () => {
    const collection = await openSmall(three)
    await collection.upsert(documentsOf())
    const { dense, denseVectors } = (await collection.get('k2', { includeVectors: true }))!
    expect(dense).toBeUndefined()
    const own = Float32Array.of(Math.sin(2), Math.cos(2), 0.5)
    expect(denseVectors).toEqual([own, undefined, Float32Array.of(2, 1, -1)])
    const lines: string[] = []
    for await (const line of exportLines(collection)) lines.push(line)
    expect(lines[2]).toContain('null,[2,1,-1]]')
    const copy = await openSmall(three, join(temporaryFolder(), 'copy'))
    await importLines(copy, lines)
    expect(await answersOf(copy)).toEqual(await answersOf(collection))
    const again: string[] = []
    for await (const line of exportLines(copy)) again.push(line)
    expect(again).toEqual(lines)
  })

  it.each([
    ['[[1,2,3]]', 'without passages', ''],
    ['[[1,2,3]]', 'one for two', ',"passages":[[0,1],[1,2]]'],
    ['[[1,2,3],"x"]', 'a string', ',"passages":[[0,1],[1,2]]'],
    ['[[1,2,3],[1,"2",3]]', 'a string in one', ',"passages":[[0,1],[1,2]]']
  ])('a line of %s is refused: %s', async (dense, _, more) => {
    const collection = await openSmall(three)
    const line = `{"_id":"a","text":"ab"${more},"dense":${dense}}`
    expect(await refusal(importLines(collection, [line]))).toBe('CORPUS_INVALID at line 1')
  })
})

describe('the files of dense vectors', () => {
  it('are there for segments that have any, and go with them', async () => {
    const collection = await openSmall(three)
    await collection.upsert(documentsOf().filter((_, n) => n % 3 === 1))
    await collection.flush()
    expect(denseFiles(collection.directory)).toEqual([])
    await collection.upsert(documentsOf())
    await collection.flush()
    expect(denseFiles(collection.directory).length).toBe(1)
    const before = await answersOf(collection)
    await collection.compact()
    expect(denseFiles(collection.directory).length).toBe(1)
    expect(await answersOf(collection)).toEqual(before)
    expect(await collection.denseStats()).toMatchObject({ numVectors: 30 })
    await collection.delete({ filter: {} })
    await collection.compact()
    await collection.close()
    const again = await openSmall({}, collection.directory)
    expect(denseFiles(again.directory)).toEqual([])
    expect((await checkCollection(again.directory)).findings).toEqual([])
  })

  it('are refused wherever a bit of them is changed, with the remedy, and repaired', {
    timeout: 120_000
  }, async () => {
    const { directory, answers } = await madeCollection()
    const random = randomNumbers(SEED)
    const upTo = (count: number): number => Math.floor(random() * count)
    expect(denseFiles(directory).length).toBe(2)
    for (let i = 0; i < NUM_DAMAGES; i++) {
      const copy = join(temporaryFolder(), 'copy')
      cpSync(directory, copy, { recursive: true })
      const path = join(copy, 'g1/segments', denseFiles(copy)[upTo(2)]!)
      const bytes = readFileSync(path)
      const context = `DENSE_SEED=${SEED}, damage ${i}`
      if (i === 0) rmSync(path)
      else if (i === 1) writeFileSync(path, bytes.subarray(0, upTo(bytes.length)))
      else if (i === 2) writeFileSync(path, Buffer.concat([bytes, Buffer.of(0)]))
      else {
        bytes[upTo(bytes.length)]! ^= 1 << upTo(8)
        writeFileSync(path, bytes)
      }
      const error = await errorOf(openCollection(copy, { readOnly: true }))
      expect(error.code, context).toBe('COLLECTION_CORRUPT')
      expect(error.message, context).toContain(path)
      expect(error.message, context).toContain(`esplanade repair ${copy}`)
      expect((await checkCollection(copy)).isRepairable, context).toBe(true)
      if (i > 5) continue
      expect((await repairCollection(copy)).report.isClean, context).toBe(true)
      await using repaired = await openCollection(copy, { readOnly: true })
      expect(await answersOf(repaired), context).toEqual(answers)
    }
  })

  it('that hold other vectors than the documents are found by a check', async () => {
    const { directory, answers } = await madeCollection()
    const other = await madeCollection(1e-3)
    const [paths, otherPaths] = [directory, other.directory].map(one => generationPaths(one, 'g1'))
    const [manifest, otherManifest] = [await readManifest(paths!), await readManifest(otherPaths!)]
    const { file } = manifest.segments[0]!
    const { dense } = otherManifest.segments[0]!
    cpSync(segmentPaths(otherPaths!, file).dense, segmentPaths(paths!, file).dense)
    const [first, ...rest] = manifest.segments
    await writeManifest(paths!, { ...manifest, segments: [{ ...first!, dense: dense! }, ...rest] })
    const report = await checkCollection(directory)
    expect(new Set(report.findings.map(({ code }) => code))).toEqual(new Set(['segment-vector']))
    expect(report.findings[0]).toMatchObject({
      key: 'k0',
      file: segmentPaths(paths!, file).dense,
      problem: 'document 1 has another dense vector in it'
    })
    expect((await repairCollection(directory)).report.isClean).toBe(true)
    await using repaired = await openCollection(directory, { readOnly: true })
    expect(await answersOf(repaired)).toEqual(answers)
  })

  it('must be in a manifest of a collection that searches dense vectors', async () => {
    const { directory, answers } = await madeCollection()
    const paths = generationPaths(directory, 'g1')
    const manifest = await readManifest(paths)
    const segments = manifest.segments.map(({ dense: _, ...record }) => record)
    writeFileSync(paths.manifest, formatSegmentManifest({ ...manifest, segments }))
    const error = await errorOf(openCollection(directory, { readOnly: true }))
    expect(error.message).toMatch(/does not say which dense vectors.*esplanade repair/)
    expect((await repairCollection(directory)).report.isClean).toBe(true)
    await using repaired = await openCollection(directory, { readOnly: true })
    expect(await answersOf(repaired)).toEqual(answers)
  })

  it('are in a backup, and come back from it', async () => {
    const { directory, answers } = await madeCollection()
    const backup = join(temporaryFolder(), 'backup')
    {
      await using collection = await openCollection(directory)
      await collection.backup(backup)
    }
    expect(denseFiles(backup)).toEqual(denseFiles(directory))
    const restored = join(temporaryFolder(), 'restored')
    await restoreCollection(backup, restored)
    expect((await checkCollection(restored)).isClean).toBe(true)
    await using collection = await openCollection(restored, { readOnly: true })
    expect(await answersOf(collection)).toEqual(answers)
  })
})

describe('a dense model', () => {
  const texts = ['boats in the harbour', 'fog', 'the gull sings', ' ', 'rope and sand']
  const documents = texts.map((text, i) => ({ key: `d${i}`, text }))

  it('encodes texts as the encoder does, one vector a passage, none for a blank one', async () => {
    const collection = await openSmall({ denseModel: BERT })
    const passages = [
      { start: 0, end: 4 },
      { start: 4, end: 5 },
      { start: 5, end: 9 }
    ]
    const many = { key: 'many', text: 'fog\n  rope', passages }
    const result = await collection.upsert([...documents, many])
    expect(result).toEqual({
      numWritten: 6,
      numUnchanged: 0,
      numTruncated: 0,
      numDenseTruncated: 0
    })
    await using encoder = await DenseEncoder.load(BERT)
    const vectorOf = async (key: string) => collection.get(key, { includeVectors: true })
    for (const { key, text } of documents) {
      const { dense } = (await vectorOf(key))!
      if (text.trim() === '') expect(dense).toBeUndefined()
      else expectNear(dense!, await encoder.encodeDocument(text))
    }
    const { denseVectors } = (await vectorOf('many'))!
    expectNear(denseVectors![0]!, await encoder.encodeDocument('fog\n'))
    expect(denseVectors![1]).toBeUndefined()
    expectNear(denseVectors![2]!, await encoder.encodeDocument(' rop'))
    const { hits } = await collection.search('fog', { mode: 'dense' })
    expect(hits.map(({ key }) => key).sort()).toEqual(['d0', 'd1', 'd2', 'd4', 'many'])
    const query = await encoder.encodeQuery('fog')
    const { dense } = (await vectorOf('d1'))!
    const score = denseScore(query, dense!, 'cosine')
    expect(hits.find(({ key }) => key === 'd1')!.score).toBeCloseTo(score, 5)
  })

  it('does not encode what has a ready vector, nor what did not change', async () => {
    const collection = await openSmall({ denseModel: BERT })
    const { dimensions } = collection.settings.dense!
    const ready = Float32Array.from({ length: dimensions }, (_, i) => i)
    const written = [{ ...documents[0]!, dense: ready }, ...documents.slice(1)]
    const encoded: number[] = []
    const onProgress = ({ numEncoded }: { numEncoded: number }) => encoded.push(numEncoded)
    await collection.upsert(written, { onProgress })
    expect(encoded.at(-1)).toBe(3)
    const { dense } = (await collection.get('d0', { includeVectors: true }))!
    expect(dense).toEqual(ready)
    encoded.length = 0
    const result = await collection.upsert(written, { onlyChanged: true, onProgress })
    expect(result).toMatchObject({ numWritten: 0, numUnchanged: 5 })
    expect(encoded.at(-1)).toBe(0)
  })

  it('is recorded, loaded from there, and refused where it is another one by now', async () => {
    const folder = join(temporaryFolder(), 'bert-mean')
    cpSync(BERT, folder, { recursive: true })
    const collection = await openSmall({
      denseModel: folder,
      denseLoad: { prompts: { document: 'about: ' } },
      dense: { metric: 'dot' }
    })
    const { dense } = collection.settings
    expect(dense).toMatchObject({ metric: 'dot', model: { source: folder, name: 'bert-mean' } })
    await collection.upsert(documents)
    await using prompted = await DenseEncoder.load(BERT, { prompts: { document: 'about: ' } })
    const fog = (await collection.get('d1', { includeVectors: true }))!
    expectNear(fog.dense!, await prompted.encodeDocument('fog'))
    await collection.close()
    const again = await openSmall({}, collection.directory)
    await again.upsert([{ key: 'new', text: 'fog' }])
    expect((await again.get('new', { includeVectors: true }))!.dense).toEqual(fog.dense)
    await again.close()
    // Where it lies does not matter, what it is does.
    const moved = { denseModel: BERT, readOnly: true }
    await (await openCollection(collection.directory, moved)).close()
    const another = await errorOf(openCollection(collection.directory, { denseModel: DISTILBERT }))
    expect(another.code).toBe('COLLECTION_MISMATCH')
    expect(another.message).toMatch(/bert-mean.*distilbert-cls has/)
    const none = await errorOf(openCollection(collection.directory, { denseModel: null }))
    expect(none.message).toMatch(/no dense model was asked for/)
    rmSync(folder, { recursive: true })
    const without = await openSmall({}, collection.directory)
    const lost = await errorOf(without.upsert([{ key: 'x', text: 'fog' }]))
    expect(lost.code).toBe('MODEL_NOT_FOUND')
    expect(lost.message).toContain('--dense-model')
    cpSync(DISTILBERT, folder, { recursive: true })
    const replaced = await errorOf(without.upsert([{ key: 'x', text: 'fog' }]))
    expect(replaced.code).toBe('COLLECTION_MISMATCH')
  })

  it('reads texts of a corpus where there is no other model, and splits long ones', async () => {
    const collection = await openSmall({ denseModel: BERT, passageTokens: 8 })
    const text = 'the boat sinks and the gull sings while the rope burns in the fog'
    const made = corpusDocuments(records([{ key: 'long', text }]), collection)
    await collection.upsert(made)
    const { passages, denseVectors } = (await collection.get('long', { includeVectors: true }))!
    expect(passages!.length).toBeGreaterThan(1)
    expect(denseVectors!.length).toBe(passages!.length)
    expect(denseVectors!.every(one => one instanceof Float32Array)).toBe(true)
  })

  it('stops at the signal', async () => {
    const collection = await openSmall({ denseModel: BERT })
    const signal = AbortSignal.abort()
    expect(await refusal(collection.upsert(documents, { signal }))).toBe('ABORTED')
  })

  it('is replaced by another one, and put beside what there is, by a re-encoding', {
    timeout: 60_000
  }, async () => {
    const collection = await openSmall({ lexical: true })
    await collection.upsert(documents)
    const words = await collection.search('fog', { mode: 'bm25' })
    for (const denseModel of [DISTILBERT, BERT]) {
      const result = await reencodeCollection(collection, { denseModel })
      expect(result).toMatchObject({ numDocuments: 5, numEncoded: 4 })
      expect(collection.settings.dense!.model!.source).toBe(denseModel)
      const made = await openSmall({ lexical: true, denseModel }, join(temporaryFolder(), 'made'))
      await made.upsert(documents)
      const ask = (one: Collection) => one.search('gull', { mode: 'dense' })
      expect((await ask(collection)).hits).toEqual((await ask(made)).hits)
      expect((await collection.search('fog', { mode: 'bm25' })).hits).toEqual(words.hits)
    }
    const again = await reencodeCollection(collection, { denseModel: BERT })
    expect(again.numEncoded).toBe(0)
    expect((await checkCollection(collection.directory)).isClean).toBe(true)
    expect(await refusal(reencodeCollection(collection, {}))).toBe('INVALID_ARGUMENT at model')
  })

  it('makes no vector of a document that has one and no text', async () => {
    const collection = await openSmall(three)
    await collection.upsert([{ key: 'bare', dense: [1, 2, 3] }])
    const error = await errorOf(reencodeCollection(collection, { denseModel: BERT }))
    expect(error.message).toMatch(/1 documents have vectors and no text: "bare"/)
    expect(existsSync(join(collection.directory, 'g2'))).toBe(false)
  })
})

function expectNear(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length)
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5)
}
