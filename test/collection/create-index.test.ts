import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Document } from '../../src/entry/corpus.ts'
import { SparseEncoder } from '../../src/entry/encoder.ts'
import {
  createIndex,
  type EsplanadeError,
  type IndexProgress,
  openIndex,
  sparseVector
} from '../../src/entry/index.ts'
import { packageRoot } from '../../src/node/package-root.ts'
import { harbour, records, temporaryFolder } from './harbour.ts'

const place = temporaryFolder()
const shippedModel = join(packageRoot(), 'models/splade-tiny')

/** A model of the same name, config and vocabulary, with one bit of one weight changed. */
function modelWithOtherWeights(): string {
  const copy = place('changed-model')
  cpSync(shippedModel, copy, { recursive: true })
  const weights = readFileSync(join(copy, 'model.safetensors'))
  weights[weights.length - 2]! ^= 1
  writeFileSync(join(copy, 'model.safetensors'), weights)
  return copy
}

describe('an index of texts', () => {
  it('finds documents by meaning, gives them back and explains each score', async () => {
    const directory = place('texts')
    const made = await createIndex(directory, records(harbour))
    expect(made).toMatchObject({ numDocuments: 5, numPassages: 5, numTruncated: 0, numProblems: 0 })
    await using index = await openIndex(directory)
    const hits = await index.search('What does the moon do to the sea?', { k: 3 })
    expect(hits[0]).toMatchObject({ key: 'tide', rank: 1 })
    expect(hits[0]!.document.text).toBe(harbour[1]!.text)
    for (const { key, score } of hits) {
      const explained = await index.explain('What does the moon do to the sea?', key)
      expect(explained.score).toBeCloseTo(score, 9)
      const sum = explained.explanation.details.reduce((total, leaf) => total + leaf.value, 0)
      expect(Math.abs(sum - score) / score).toBeLessThan(1e-6)
    }
  })

  it('k beyond the documents that match returns those', async () => {
    await using index = await openIndex(place('texts'))
    const hits = await index.search('boats', { k: 1000 })
    expect(hits.length).toBeGreaterThan(0)
    expect(hits.length).toBeLessThan(harbour.length)
    await expect(index.search('boats', { k: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
    await expect(index.search('boats', { k: 1.5 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT'
    })
    await expect(index.get('boat')).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
  })

  it('records the model, and refuses another', async () => {
    await using index = await openIndex(place('texts'))
    expect(index.manifest.model).toMatchObject({
      source: 'splade-tiny',
      pooling: 'max',
      maxTokens: 256
    })
    await using other = await openIndex(place('texts'), { model: modelWithOtherWeights() })
    await expect(other.search('boats')).rejects.toMatchObject({ code: 'INDEX_MISMATCH' })
    await expect(other.search('boats')).rejects.toThrow('other weights')
  })

  it('follows a model that has moved, when told where it is', async () => {
    const model = place('my-model')
    cpSync(shippedModel, model, { recursive: true })
    await createIndex(place('moved'), records(harbour), { model })
    renameSync(model, place('my-model-2'))
    await using lost = await openIndex(place('moved'))
    await expect(lost.search('boats')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(lost.search('boats')).rejects.toThrow('openIndex(directory, { model })')
    await using found = await openIndex(place('moved'), { model: place('my-model-2') })
    expect((await found.search('boats'))[0]!.key).toBe('gull')
  })
})

describe('passages', () => {
  const long = {
    key: 'long',
    text: `${'The keeper writes the weather into the book. '.repeat(60)}A whale was seen near the rocks at dawn. ${'Nothing else happened on the island that week. '.repeat(60)}`
  }

  it('a hit is a document, once, with its best passage', async () => {
    const directory = place('passages')
    const made = await createIndex(directory, records([long, ...harbour], 'text'), {
      passageTokens: 64
    })
    expect(made.numPassages).toBeGreaterThan(made.numDocuments + 10)
    expect(made.numTruncated).toBe(0)
    await using index = await openIndex(directory)
    const hits = await index.search('a whale at sunrise', { k: 4 })
    expect(new Set(hits.map(({ key }) => key)).size).toBe(hits.length)
    const [best] = hits
    expect(best!.key).toBe('long')
    const [start, end] = best!.passage
    expect(best!.document.text.slice(start, end)).toContain('A whale was seen')
    const explained = await index.explain('a whale at sunrise', 'long')
    expect(explained.text).toBe(long.text.slice(start, end))
    expect(explained.score).toBeCloseTo(best!.score, 9)
  })

  it('are on for files, off for lines, where the cut is counted instead', async () => {
    const files = await createIndex(place('files'), records([long], 'text'))
    expect(files.numPassages).toBeGreaterThan(1)
    const lines = await createIndex(place('lines'), records([long], 'jsonl'))
    expect(lines).toMatchObject({ numPassages: 1, numTruncated: 1 })
  })
})

describe('documents of a program', () => {
  beforeAll(() => createIndex(place('texts-2'), records(harbour)))

  it('are plain objects, with or without a vector', async () => {
    const rows = [
      { key: 'gull', text: 'Gulls follow the boats.', metadata: { year: 1999 } },
      { key: 'v', vector: sparseVector([7, 9], [1, 2]) }
    ]
    await createIndex(place('rows'), rows)
    await using index = await openIndex(place('rows'))
    expect((await index.search('seagulls and ships'))[0]!.document.metadata).toEqual({ year: 1999 })
    expect(index.index.vectorOf('v')).toEqual(rows[1]!.vector)
  })

  it('that are none are problems by their position', async () => {
    const problems: string[] = []
    const bad = [
      { key: 'ok', text: 'rope' },
      { key: '', text: 'no key' },
      { key: 7 as unknown as string, text: 'number' },
      { key: 'nan', vector: { terms: Uint32Array.of(1), weights: Float32Array.of(Number.NaN) } }
    ]
    const made = await createIndex(place('bad-rows'), bad, {
      onProblem: ({ code, place }) => problems.push(`${code} ${place}`)
    })
    expect(made.numDocuments).toBe(1)
    expect(problems).toEqual([
      'CORPUS_INVALID document 2',
      'CORPUS_INVALID document 3',
      'INVALID_VECTOR document 4'
    ])
  })

  it('of nothing are kept and never found', async () => {
    const blank = [{ key: 'a' }, { key: 'b', text: ' \n' }, { key: 'c', text: 'parts and means' }]
    await createIndex(place('blank'), blank)
    await using index = await openIndex(place('blank'))
    const found = await index.search('parts means movement')
    expect(found.map(({ key }) => key)).toEqual(['c'])
    expect((await index.get('b')).text).toBe(' \n')
  })

  it('minScore leaves out what scores below it; a signal stops', async () => {
    await using index = await openIndex(place('texts-2'))
    const all = await index.search('boats in the fog')
    const some = await index.search('boats in the fog', { minScore: all[1]!.score })
    expect(some.map(({ key }) => key)).toEqual(all.slice(0, 2).map(({ key }) => key))
    const stopped = index.search('fog', { signal: AbortSignal.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a text of one megabyte', () => {
  it('in a line is cut, and counted; a single word of that size is read as unknown', async () => {
    const text = 'the lamp turns all night and the sea answers '.repeat(23_000)
    expect(text.length).toBeGreaterThan(1_000_000)
    const huge = [
      { key: 'text', text },
      { key: 'word', text: 'w'.repeat(1_000_000) }
    ]
    const made = await createIndex(place('huge'), records(huge))
    expect(made).toMatchObject({ numDocuments: 2, numPassages: 2, numTruncated: 1 })
    await using index = await openIndex(place('huge'))
    expect((await index.get('text')).text).toBe(text)
  })
})

describe('records with vectors', () => {
  it('stand among texts in their order, and need no encoder', async () => {
    const vector = sparseVector([2000, 3000], [1, 2])
    const mixed: Partial<Document>[] = [
      { key: 'a', text: 'fog' },
      { key: 'b', text: '', vector: { kind: 'terms', vector } },
      { key: 'c', text: 'rope' },
      { key: 'd', text: 'shown', vector: { kind: 'tokens', entries: [['fog', 2.5]] } }
    ]
    await createIndex(place('mixed'), records(mixed))
    await using index = await openIndex(place('mixed'))
    expect([...index.index.keys()]).toEqual(['a', 'b', 'c', 'd'])
    expect(index.index.vectorOf('b')).toEqual(vector)
    const found = (await index.search('fog')).map(({ key }) => key)
    expect(found).toContain('a')
    expect(found).toContain('d')
  })

  it('progress counts documents, and passages that the model has read', async () => {
    const reports: IndexProgress[] = []
    const vector = { kind: 'terms' as const, vector: sparseVector([1], [1]) }
    const documents = [...harbour, { key: 'v', vector }]
    await createIndex(place('progress'), records(documents), {
      onProgress: progress => reports.push(progress)
    })
    const encoded = harbour.length - 1 // one is empty, so there is nothing to read
    expect(reports.at(-1)).toEqual({
      done: documents.length,
      numQueued: encoded,
      numEncoded: encoded,
      numTruncated: 0
    })
    for (let i = 1; i < reports.length; i++) {
      expect(reports[i]!.done).toBeGreaterThanOrEqual(reports[i - 1]!.done)
    }
  })

  it('without a model: any term id, and queries are vectors', async () => {
    const vector = sparseVector([7, 2 ** 32 - 1], [1, 0.5])
    const documents = [{ key: 'x', vector: { kind: 'terms' as const, vector } }]
    await createIndex(place('vectors'), records(documents), { model: null })
    await using index = await openIndex(place('vectors'))
    const [hit] = await index.search(sparseVector([2 ** 32 - 1], [4]))
    expect(hit).toMatchObject({ key: 'x', score: 2 })
    await expect(index.search('text')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect((await index.explain(sparseVector([7], [1]), 'x')).terms[0]).toMatchObject({ term: '7' })
  })

  it('a term that the model lacks is a problem of that record', async () => {
    const problems: EsplanadeError[] = []
    const documents: Partial<Document>[] = [
      { key: 'a', vector: { kind: 'terms', vector: sparseVector([40_000], [1]) } },
      { key: 'b', vector: { kind: 'tokens', entries: [['no-such-token', 1]] } },
      { key: 'c', text: 'fog' }
    ]
    const made = await createIndex(place('unknown-terms'), records(documents), {
      onProblem: error => problems.push(error)
    })
    expect(made).toMatchObject({ numDocuments: 1, numProblems: 2 })
    expect(problems.map(({ code, place }) => [code, place])).toEqual([
      ['INVALID_VECTOR', 't:1'],
      ['INVALID_VECTOR', 't:2']
    ])
  })
})

describe("an encoder of one's own", () => {
  it('gives the query vectors that the index was made with', async () => {
    await using encoder = await SparseEncoder.load('splade-tiny')
    await using index = await openIndex(place('mixed'))
    const vector = await encoder.encodeQuery('fog')
    expect(await index.queryVector('fog')).toEqual(vector)
    expect(await index.queryVector(vector)).toBe(vector)
  })
})
