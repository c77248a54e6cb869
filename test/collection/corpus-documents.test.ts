import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Document } from '../../src/entry/corpus.ts'
import {
  type Collection,
  type CorpusDocumentsOptions,
  type CorpusRecord,
  corpusDocuments,
  EsplanadeError,
  type OpenOptions,
  open,
  sparseVector,
  type UpsertResult
} from '../../src/entry/index.ts'
import { packageRoot } from '../../src/node/package-root.ts'
import { harbour, records, temporaryFolder } from './harbour.ts'

const place = temporaryFolder()
const shippedModel = join(packageRoot(), 'models/splade-tiny')

/** Puts records into a new collection of this name, which is then open. */
async function collected(
  name: string,
  given: AsyncIterable<CorpusRecord>,
  options: CorpusDocumentsOptions & OpenOptions = {}
): Promise<{ collection: Collection; written: UpsertResult; problems: EsplanadeError[] }> {
  const problems: EsplanadeError[] = []
  const collection = await open(place(name), options)
  const documents = corpusDocuments(given, collection, {
    onProblem: error => problems.push(error),
    ...options
  })
  return { collection, written: await collection.upsert(documents), problems }
}

describe('documents of a corpus', () => {
  it('are found by meaning, given back, and explained', async () => {
    const { collection, written } = await collected('texts', records(harbour))
    await using _open = collection
    expect(written).toEqual({ numWritten: 5, numUnchanged: 0, numTruncated: 0 })
    const query = 'What does the moon do to the sea?'
    const { hits } = await collection.search(query, { k: 3, explain: true })
    expect(hits[0]).toMatchObject({ key: 'tide', rank: 1, text: harbour[1]!.text })
    for (const { score, explanation } of hits) {
      const { details } = explanation!.explanation
      const sum = details!.reduce((total, leaf) => total + leaf.value, 0)
      expect(Math.abs(sum - score) / score).toBeLessThan(1e-6)
    }
    const again = await collection.upsert(corpusDocuments(records(harbour), collection), {
      onlyChanged: true
    })
    expect(again).toEqual({ numWritten: 0, numUnchanged: 5, numTruncated: 0 })
  })

  it('may carry vectors, by term id or by token, among texts', async () => {
    const vector = sparseVector([2000, 3000], [1, 2])
    const mixed: Partial<Document>[] = [
      { key: 'a', text: 'fog' },
      { key: 'b', text: '', vector: { kind: 'terms', vector } },
      { key: 'c', text: 'rope' },
      { key: 'd', text: 'shown', vector: { kind: 'tokens', entries: [['fog', 2.5]] } }
    ]
    const { collection } = await collected('mixed', records(mixed))
    await using _open = collection
    expect((await collection.get('b', { includeVectors: true }))!.vectors).toEqual([vector])
    const found = (await collection.search('fog')).hits.map(({ key }) => key)
    expect(found).toContain('a')
    expect(found).toContain('d')
  })

  it('need no model where all have vectors, and then no text is taken', async () => {
    const vector = sparseVector([7, 2 ** 32 - 1], [1, 0.5])
    const documents: Partial<Document>[] = [
      { key: 'x', vector: { kind: 'terms', vector } },
      { key: 'text', text: 'fog' },
      { key: 'tokens', vector: { kind: 'tokens', entries: [['fog', 1]] } },
      { key: 'blank', text: ' ' }
    ]
    const made = await collected('vectors', records(documents), { model: null })
    await using collection = made.collection
    expect(made.problems.map(({ code, place }) => [code, place])).toEqual([
      ['CORPUS_INVALID', 't:2'],
      ['INVALID_VECTOR', 't:3']
    ])
    expect((await collection.list()).keys).toEqual(['blank', 'x'])
    const { hits } = await collection.search(sparseVector([2 ** 32 - 1], [4]))
    expect(hits[0]).toMatchObject({ key: 'x', score: 2 })
    await expect(collection.search('text')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('of dates keep them, and go where they are told', async () => {
    const metadata = { seen: { $date: '2026-11-21T00:00:00.000Z' } }
    const { collection } = await collected(
      'dates',
      records([{ key: 'a', text: 'fog', metadata }]),
      {
        namespace: 'log'
      }
    )
    await using _open = collection
    const document = await collection.get('a', { namespace: 'log' })
    expect(document!.metadata).toEqual({ seen: new Date('2026-11-21') })
    const filter = { seen: { $gt: new Date('2026-01-01') } }
    const { hits } = await collection.search('fog', { namespace: 'log', filter })
    expect(hits).toHaveLength(1)
  })
})

describe('records that are no documents', () => {
  const bad: Partial<Document>[] = [
    { key: 'a', vector: { kind: 'terms', vector: sparseVector([40_000], [1]) } },
    { key: 'b', vector: { kind: 'tokens', entries: [['no-such-token', 1]] } },
    { key: 'c', text: 'fog' },
    { key: 'c', text: 'fog again' },
    { key: 'k'.repeat(1025), text: 'fog' },
    { key: 'm', text: 'fog', metadata: { notes: 'n'.repeat(2 ** 20) } }
  ]

  it('are skipped and told', async () => {
    const { collection, written, problems } = await collected('bad', records(bad))
    await using _open = collection
    expect(written.numWritten).toBe(1)
    expect(problems.map(({ code, place }) => [code, place])).toEqual([
      ['INVALID_VECTOR', 't:1'],
      ['INVALID_VECTOR', 't:2'],
      ['DUPLICATE_KEY', 't:4'],
      ['INVALID_KEY', 't:5'],
      ['INVALID_ARGUMENT', 't:6: metadata']
    ])
    expect((await collection.get('c'))!.text).toBe('fog')
  })

  it('end a strict reading', async () => {
    const strict = collected('strict', records(bad), { strict: true })
    await expect(strict).rejects.toMatchObject({ code: 'INVALID_VECTOR', place: 't:1' })
    async function* problem(): AsyncGenerator<CorpusRecord> {
      yield { kind: 'problem', error: new EsplanadeError('CORPUS_INVALID', { problem: 'no key' }) }
    }
    const { collection, problems } = await collected('problem', problem())
    await collection.close()
    expect(problems.map(({ problem }) => problem)).toEqual(['no key'])
  })
})

describe('passages', () => {
  const text = `${'The keeper writes the weather into the book. '.repeat(60)}A whale was seen near the rocks at dawn. ${'Nothing else happened on the island that week. '.repeat(60)}`
  const long = { key: 'long', text }

  it('a hit is a document, once, with its best passage', async () => {
    const { collection, written } = await collected('passages', records([long, ...harbour]), {
      passageTokens: 64
    })
    await using _open = collection
    expect(written.numTruncated).toBe(0)
    expect((await collection.stats()).numEntries).toBeGreaterThan(harbour.length + 10)
    const { hits } = await collection.search('a whale at sunrise', { k: 4 })
    expect(new Set(hits.map(({ key }) => key)).size).toBe(hits.length)
    expect(hits[0]!.key).toBe('long')
    expect(text.slice(...hits[0]!.passage!)).toContain('A whale was seen')
  })

  it('are on for files, off for lines, where the cut is counted instead', async () => {
    const files = await collected('files', records([long], 'text'))
    expect((await files.collection.stats()).numEntries).toBeGreaterThan(1)
    await files.collection.close()
    const lines = await collected('lines', records([long]))
    expect((await lines.collection.stats()).numEntries).toBe(1)
    expect(lines.written.numTruncated).toBe(1)
    await lines.collection.close()
  })

  it('are off for files, too, in a collection that was made so', async () => {
    const { collection } = await collected('never', records([long], 'text'), { passageTokens: 0 })
    expect((await collection.stats()).numEntries).toBe(1)
    await collection.close()
    // That nothing is said agrees with 0.
    await (await open(place('never'))).close()
    await (await open(place('lines'), { passageTokens: 0 })).close()
  })

  it('of a size without meaning are one mistake, not one of every record', async () => {
    await using collection = await open(place('sizes'), { model: null })
    for (const passageTokens of [1, 2, -1, 2.5, Number.NaN]) {
      const documents = corpusDocuments(records(harbour), collection, { passageTokens })
      await expect(documents.next()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        place: 'passageTokens'
      })
    }
  })
})

describe('the model of a collection', () => {
  it('is recorded, and another is refused', async () => {
    await using collection = await open(place('texts'), { readOnly: true })
    expect(collection.settings.model).toMatchObject({
      source: 'splade-tiny',
      pooling: 'max',
      precision: 'mixed',
      maxTokens: 256
    })
    // A model of the same name, config and vocabulary, with one bit of one weight changed.
    const changed = place('changed-model')
    cpSync(shippedModel, changed, { recursive: true })
    const weights = readFileSync(join(changed, 'model.safetensors'))
    weights[weights.length - 2]! ^= 1
    writeFileSync(join(changed, 'model.safetensors'), weights)
    const other = open(place('texts'), { model: changed })
    await expect(other).rejects.toMatchObject({ code: 'COLLECTION_MISMATCH' })
    await expect(open(place('texts'), { model: changed })).rejects.toThrow('other weights')
    const same = await open(place('texts'), { load: { precision: 'float32' }, readOnly: true })
    expect((await same.search('boats')).hits.length).toBeGreaterThan(0)
    await same.close()
    const others = [{ maxTokens: 128 }, { pooling: 'sum' }, { precision: 'int8' }] as const
    for (const load of others) {
      await expect(open(place('texts'), { load })).rejects.toMatchObject({
        code: 'COLLECTION_MISMATCH'
      })
    }
  })

  it('is followed when it has moved, when told where it is', async () => {
    const model = place('my-model')
    cpSync(shippedModel, model, { recursive: true })
    const { collection } = await collected('moved', records(harbour), { model })
    await collection.close()
    renameSync(model, place('my-model-2'))
    const lost = await open(place('moved'), { readOnly: true })
    await expect(lost.search('boats')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(lost.search('boats')).rejects.toThrow('open(directory, { model })')
    await lost.close()
    await using found = await open(place('moved'), { model: place('my-model-2') })
    expect((await found.search('boats')).hits[0]!.key).toBe('gull')
  })

  it('that is not there leaves nothing behind', async () => {
    const none = open(place('no-model'), { model: place('no-such-model') })
    await expect(none).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
    await expect(open(place('no-model'), { create: false })).rejects.toMatchObject({
      code: 'COLLECTION_NOT_FOUND'
    })
  })

  it('is at hand for queries', async () => {
    await using collection = await open(place('texts'), { readOnly: true })
    const encoder = await collection.encoder()
    const vector = await encoder.encodeQuery('fog')
    const byText = await collection.search('fog', { mode: 'sparse' })
    const byVector = await collection.search(vector)
    expect(byText.hits).toEqual(byVector.hits)
  })
})
