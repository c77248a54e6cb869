import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from 'esplanade'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import type { CollectionResult } from '../../src/collection/search-request.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import { type SparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { goldenOf, layoutPath } from '../encoder/layout-folders.ts'
import { temporaryFolder } from './harbour.ts'
import { openSmall } from './small-collection.ts'

const shipped = fileURLToPath(new URL('../../models/splade-tiny', import.meta.url))
const temporary = temporaryFolder()

const WORDS = ['fog', 'tide', 'rope', 'bird', 'horn', 'moon', 'salt', 'boat']
const queryText = 'fog, tide and the rope: fog!'

let encoder: SparseEncoder
beforeAll(async () => {
  encoder = await SparseEncoder.load('splade-tiny')
})
afterAll(() => encoder.close())

const idOf = (term: string): number => encoder.vocabulary.idOf(term)!
const vectorOf = (weights: Record<string, number>): SparseVector =>
  sparseVectorFromEntries(Object.entries(weights).map(([word, weight]) => [idOf(word), weight]))

/** The formula, over vectors that were written. */
function idfOf(vectors: readonly SparseVector[]): (term: string) => number {
  return term => {
    const df = vectors.filter(({ terms }) => terms.includes(idOf(term))).length
    return Math.log(1 + (vectors.length - df + 0.5) / (df + 0.5))
  }
}

/** `fog tide and the rope : !` with the idf of each. */
function handMade(vectors: readonly SparseVector[]): SparseVector {
  const idf = idfOf(vectors)
  const terms = ['fog', ',', 'tide', 'and', 'the', 'rope', ':', '!']
  return vectorOf(Object.fromEntries(terms.map(term => [term, idf(term)])))
}

async function vectorsIn(collection: Collection): Promise<SparseVector[]> {
  const vectors: SparseVector[] = []
  await using snapshot = await collection.snapshot()
  const all = { includeVectors: true, allNamespaces: true }
  for await (const document of snapshot.documents(all)) vectors.push(...document.vectors!)
  return vectors
}

const weights = fc.dictionary(fc.constantFrom(...WORDS), fc.integer({ min: 1, max: 9 }))

/** What a search found, without how long it took. */
async function timeless(
  search: Promise<CollectionResult>
): Promise<Omit<CollectionResult, 'stages'>> {
  const { stages: _, ...found } = await search
  return found
}

describe('an inference-free search', () => {
  it('is the search with the idf of the vectors, in segments and in memory', async () => {
    const collection = await openSmall({ model: 'splade-tiny' })
    const cosine = await openSmall({ model: 'splade-tiny', metric: 'cosine' })
    let numWritten = 0
    const batch = fc.array(weights, { minLength: 1, maxLength: 12 })
    const step = fc.record({ batch, isFlushed: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(step, async ({ batch, isFlushed }) => {
        const documents = batch.map(one => ({ key: `d${numWritten++}`, vector: vectorOf(one) }))
        for (const one of [collection, cosine]) {
          await one.upsert(documents)
          if (isFlushed) await one.flush()
          const query = handMade(await vectorsIn(one))
          const found = await timeless(
            one.search(queryText, { queryMode: 'inference-free', k: 1000 })
          )
          const expected = await timeless(one.search(query, { k: 1000 }))
          expect(found).toEqual(expected)
        }
      }),
      { numRuns: 20 }
    )
    expect((await collection.stats()).numSegments).toBeGreaterThan(0)
    const idf = await collection.idf()
    const vector = await encoder.encodeQuery(queryText, { queryMode: 'inference-free', idf })
    expect(vector).toEqual(handMade(await vectorsIn(collection)))
  })

  it('counts blocks of postings in memory, passages, and all namespaces', async () => {
    const collection = await openSmall({ model: 'splade-tiny' })
    // More than one block of 512 entries, and some behind it.
    const documents = Array.from({ length: 1300 }, (_, i) => ({
      key: `d${i}`,
      namespace: i % 3 === 0 ? 'other' : '',
      vector: vectorOf({ fog: 1, ...(i % 7 === 0 && { tide: 2 }), ...(i > 1290 && { rope: 1 }) })
    }))
    await collection.upsert(documents)
    const passages = [
      { start: 0, end: 3, vector: vectorOf({ bird: 1 }) },
      { start: 4, end: 8, vector: vectorOf({ rope: 3 }) }
    ]
    await collection.upsert([{ key: 'parts', text: 'bird rope', passages }])
    expect((await collection.stats()).numInMemory).toBe(1302)
    const vectors = await vectorsIn(collection)
    expect(vectors).toHaveLength(1302)
    const expected = await timeless(collection.search(handMade(vectors), { k: 50 }))
    const found = await timeless(
      collection.search(queryText, { queryMode: 'inference-free', k: 50 })
    )
    expect(found).toEqual(expected)
    expect(found.hits[0]!.key).toBe('parts')
  })

  it('counts what was deleted until it is merged away', async () => {
    const collection = await openSmall({ model: 'splade-tiny' })
    const documents = WORDS.map(word => ({ key: word, vector: vectorOf({ [word]: 1, moon: 1 }) }))
    await collection.upsert(documents)
    await collection.flush()
    const before = await vectorsIn(collection)
    await collection.delete(['bird', 'horn', 'salt'])
    const idf = async (): Promise<number> => (await collection.idf())[idOf('tide')]!
    expect(await idf()).toBeCloseTo(idfOf(before)('tide'), 6)
    await collection.compact()
    const after = await vectorsIn(collection)
    expect(after).toHaveLength(WORDS.length - 3)
    expect(await idf()).toBeCloseTo(idfOf(after)('tide'), 6)
    expect(idfOf(after)('tide')).not.toBeCloseTo(idfOf(before)('tide'), 2)
  })

  it('stays what it was in a snapshot, and follows the writer in a reader', async () => {
    const collection = await openSmall({ model: 'splade-tiny' })
    const reader = await openSmall(
      {
        model: 'splade-tiny',
        readOnly: true,
        queryMode: 'inference-free'
      },
      collection.directory
    )
    await collection.upsert([{ key: 'a', vector: vectorOf({ fog: 1 }) }])
    await using snapshot = await collection.snapshot()
    const early = await timeless(snapshot.search(queryText, { queryMode: 'inference-free' }))
    await collection.upsert([{ key: 'b', vector: vectorOf({ rope: 1 }) }])
    expect(await timeless(snapshot.search(queryText, { queryMode: 'inference-free' }))).toEqual(
      early
    )
    const late = await timeless(collection.search(queryText, { queryMode: 'inference-free' }))
    expect(late.hits[0]!.score).not.toBe(early.hits[0]!.score)
    expect(await timeless(reader.search(queryText))).toEqual(late)
    const byModel = await timeless(collection.search(await encoder.encodeQuery(queryText)))
    expect(await timeless(reader.search(queryText, { queryMode: 'full' }))).toEqual(byModel)
  })

  it('is explained by the idf', async () => {
    const collection = await openSmall({ model: 'splade-tiny', queryMode: 'inference-free' })
    const text = 'The fog is thick; a rope holds the boat.'
    await collection.upsert([
      { key: 'a', text },
      { key: 'b', text: 'The tide rises.' }
    ])
    const idf = await collection.idf()
    const explained = await collection.explain(queryText, 'a')
    const { hits } = await timeless(collection.search(queryText, { explain: true }))
    const hit = hits.find(({ key }) => key === 'a')!
    expect(hit.explanation).toEqual(explained)
    expect(hit.score).toBeCloseTo(explained.score, 6)
    const fog = explained.terms.find(({ term }) => term === 'fog')!
    expect(fog.queryWeight).toBe(idf[idOf('fog')])
    expect(explained.terms.every(({ inQuery }) => inQuery)).toBe(true)
    const sum = explained.terms.reduce((total, { value }) => total + value, 0)
    expect(sum).toBeCloseTo(explained.score, 6)
    const full = await collection.explain(queryText, 'a', { queryMode: 'full' })
    expect(full.score).not.toBeCloseTo(explained.score, 3)
  })

  it('needs neither the weights of the model nor a runtime', async () => {
    const model = temporary('model')
    mkdirSync(model)
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
      copyFileSync(join(shipped, file), join(model, file))
    }
    copyFileSync(join(shipped, 'model.safetensors'), join(model, 'model.safetensors'))
    const directory = temporary('collection')
    await using made = await open(directory, { model })
    await made.upsert([{ key: 'a', text: 'A rope in the fog' }])
    const expected = await timeless(
      made.search(queryText, { queryMode: 'inference-free', explain: true })
    )
    rmSync(join(model, 'model.safetensors'))
    rmSync(join(model, 'config.json'))
    vi.resetModules()
    vi.doMock('onnxruntime-node', () => {
      throw new Error("Cannot find package 'onnxruntime-node'")
    })
    const { open: openWithout } = await import('esplanade')
    for (const moved of [undefined, model]) {
      await using reader = await openWithout(directory, {
        readOnly: true,
        queryMode: 'inference-free',
        ...(moved && { model: moved })
      })
      expect(await timeless(reader.search(queryText, { explain: true }))).toEqual(expected)
      await expect(reader.search(queryText, { queryMode: 'full' })).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND'
      })
    }
  })
  afterEach(() => {
    vi.doUnmock('onnxruntime-node')
    vi.resetModules()
  })

  it.each([
    ['router-table', undefined],
    ['opensearch-plain', undefined],
    ['plain', 'router-table']
  ])('has the weights of a table that is the model’s own: %s %s', async (model, queryModel) => {
    const load = { numThreads: 1, ...(queryModel && { queryModel: layoutPath(queryModel) }) }
    const collection = await openSmall({ model: layoutPath(model), load })
    const { texts } = goldenOf(model)
    await collection.upsert(texts.flatMap((text, i) => (text ? [{ key: `${i}`, text }] : [])))
    const own = await collection.encoder()
    for (const text of texts) {
      const found = await timeless(
        collection.search(text, { queryMode: 'inference-free', k: 1000 })
      )
      expect(found).toEqual(await timeless(collection.search(text, { queryMode: 'full', k: 1000 })))
      const vector = await own.encodeQuery(text, { queryMode: 'inference-free' })
      expect(found).toEqual(await timeless(collection.search(vector, { k: 1000 })))
    }
    // A table that is given comes before the model's own.
    const idf = await collection.idf()
    const given = await own.encodeQuery(texts[1]!, { queryMode: 'inference-free', idf })
    expect(Array.from(given.weights)).toEqual(Array.from(given.terms, term => idf[term]))
  })

  it('is refused where there is no model, and a mode where there is none such', async () => {
    const collection = await openSmall()
    const invalid = { code: 'INVALID_ARGUMENT' }
    const search = collection.search('fog', { queryMode: 'inference-free' })
    await expect(search).rejects.toMatchObject(invalid)
    await expect(collection.idf()).rejects.toMatchObject(invalid)
    const unknown = { queryMode: 'fast' as 'full' }
    const wrong = { ...invalid, place: 'queryMode' }
    await expect(collection.search('fog', unknown)).rejects.toMatchObject(wrong)
    await expect(collection.explain('fog', 'a', unknown)).rejects.toMatchObject(wrong)
    await expect(openSmall(unknown)).rejects.toMatchObject(wrong)
  })
})

describe('pruneMass', () => {
  it('is kept to by vectors of the model and of the caller, and recorded', async () => {
    const collection = await openSmall({ model: 'splade-tiny', pruneMass: 0.5 })
    const text = 'A rope in the fog'
    await collection.upsert([
      { key: 'own', text },
      { key: 'given', vector: vectorOf({ fog: 5, tide: 4, rope: 1 }) }
    ])
    const vectors = await vectorsIn(collection)
    expect(vectors[0]).toEqual(await encoder.encodeDocument(text, { pruneMass: 0.5 }))
    expect(vectors[1]).toEqual(vectorOf({ fog: 5 }))
    expect(collection.settings.pruneMass).toBe(0.5)
    await expect(
      open(collection.directory, { readOnly: true, pruneMass: 0.6 })
    ).rejects.toMatchObject({ code: 'COLLECTION_MISMATCH' })
    await expect(openSmall({ pruneMass: 1.5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})
