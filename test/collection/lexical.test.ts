import { cpSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { exportLines } from '../../src/collection/export-lines.ts'
import { importLines } from '../../src/collection/import-lines.ts'
import { wordAnalyzer } from '../../src/lexical/analyzer.ts'
import { type Bm25Variant, bm25, bm25Idf, bm25Weight } from '../../src/lexical/bm25.ts'
import { LexicalEncoder } from '../../src/lexical/lexical-encoder.ts'
import { wordPlaces } from '../../src/lexical/word-places.ts'
import { WordTerms } from '../../src/lexical/word-terms.ts'
import { checkCollection } from '../../src/node/check-collection.ts'
import { reencodeCollection } from '../../src/node/reencode-collection.ts'
import { dotProduct } from '../../src/vector/similarity.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { temporaryFolder } from './harbour.ts'
import { openSmall, refusal } from './small-collection.ts'

const temporary = temporaryFolder()

const NOUNS = ['fog', 'tides', 'ropes', 'birds', 'horns', 'moon', 'salt', 'boats']
const VERBS = ['sinks', 'sinking', 'drifted', 'calls', 'calling']

/** Texts of different lengths and of words that come back. */
function textOf(n: number): string {
  const words = Array.from({ length: 2 + (n % 9) }, (_, i) => {
    const list = (n + i) % 3 === 0 ? VERBS : NOUNS
    return list[(n * 7 + i * i) % list.length]!
  })
  return `The ${words.join(' and the ')}.`
}

const TEXTS = Array.from({ length: 40 }, (_, n) => textOf(n))
const QUERY = 'Do the birds call while boats sink and sink?'

/** A collection of words only. */
const WORDS = { model: null, lexical: true } as const
const documentsOf = (texts: readonly string[], first = 0) =>
  texts.map((text, i) => ({ key: `d${first + i}`, text }))

async function scoresOf(collection: Collection, query = QUERY, options: object = {}) {
  const { hits } = await collection.search(query, { mode: 'bm25', k: 1000, ...options })
  return new Map(hits.map(({ key, score }) => [key, score]))
}

/**
 * BM25 by its formula, with the mean length of the batches up to that of each text, and the
 * frequencies of all.
 */
function oracle(batches: readonly (readonly string[])[], variant: Bm25Variant = 'lucene') {
  const analyzer = wordAnalyzer()
  const parameters = bm25({ variant })
  const all = batches.flat().map(text => analyzer(text))
  const scores = new Map<string, number>()
  let numWords = 0
  let numTexts = 0
  for (const batch of batches) {
    const words = batch.map(text => analyzer(text))
    const first = numTexts
    numTexts += batch.length
    numWords += words.flat().length
    for (const [i, own] of words.entries()) {
      let score = 0
      for (const stem of analyzer(QUERY)) {
        const count = own.filter(word => word === stem).length
        if (count === 0) continue
        const frequency = all.filter(one => one.includes(stem)).length
        const weight = bm25Weight(parameters, count, own.length, numWords / numTexts)
        score += weight * bm25Idf(parameters, all.length, frequency)
      }
      if (score > 0) scores.set(`d${first + i}`, score)
    }
  }
  return scores
}

function expectSame(actual: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>) {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [key, score] of actual) expect(score).toBeCloseTo(expected.get(key)!, 5)
}

describe('words as terms', () => {
  it('score as BM25 does, whether they are in memory or in segments', async () => {
    const collection = await openSmall(WORDS)
    await collection.upsert(documentsOf(TEXTS))
    const encoder = await LexicalEncoder.fit(TEXTS)
    const query = encoder.encodeQuery(QUERY)
    const expected = new Map(
      TEXTS.map(
        (text, i) => [`d${i}`, dotProduct(query, encoder.encodeDocument(text))] as const
      ).filter(([, score]) => score > 0)
    )
    expect(expected.size).toBeGreaterThan(10)
    expectSame(await scoresOf(collection), expected)
    await collection.flush()
    expect((await collection.stats()).numInMemory).toBe(0)
    expectSame(await scoresOf(collection), expected)
  })

  it.each(['lucene', 'robertson', 'bm25+'] as const)('may be weighted by %s', async variant => {
    const collection = await openSmall({ model: null, lexical: { variant } })
    await collection.upsert(documentsOf(TEXTS))
    expectSame(await scoresOf(collection), oracle([TEXTS], variant))
  })

  it('go by the mean length of what was written until then, over a restart', async () => {
    const batches = [TEXTS.slice(0, 7), TEXTS.slice(7, 20), TEXTS.slice(20)]
    const first = await openSmall(WORDS)
    const { directory } = first
    await first.upsert(documentsOf(batches[0]!))
    await first.flush()
    await first.upsert(documentsOf(batches[1]!, 7))
    await first.close()
    const second = await openSmall(WORDS, directory)
    await second.upsert(documentsOf(batches[2]!, 20))
    expectSame(await scoresOf(second), oracle(batches))
    const reader = await openSmall({ readOnly: true, model: null, lexical: true }, directory)
    expectSame(await scoresOf(reader), oracle(batches))
    const words = TEXTS.map(text => wordAnalyzer()(text).length)
    const mean = words.reduce((a, b) => a + b) / words.length
    expect((await reader.lexicalStats())!.averageLength).toBeCloseTo(mean, 10)
    expect((await checkCollection(directory)).findings).toEqual([])
  })

  it('go by the mean length of all, where these are an array or were read before', async () => {
    // More than one batch, and longer texts behind the shorter ones.
    const texts = Array.from({ length: 1500 }, (_, n) => textOf(n < 1000 ? 0 : n % 40))
    const once = await openSmall(WORDS)
    await once.upsert(documentsOf(texts))
    const expected = oracle([texts])
    expectSame(await scoresOf(once, QUERY, { k: 2000 }), expected)
    const stream = async function* () {
      yield* documentsOf(texts)
    }
    const unread = await openSmall(WORDS)
    await unread.upsert(stream())
    const running = oracle([texts.slice(0, 1000), texts.slice(1000)])
    expectSame(await scoresOf(unread, QUERY, { k: 2000 }), running)
    expect(running).not.toEqual(expected)
    const read = await openSmall(WORDS)
    await read.upsert(documentsOf(texts.slice(0, 500)))
    await read.upsert(stream(), { preview: stream(), onlyChanged: true })
    const other = oracle([texts.slice(0, 500), texts.slice(500)])
    expectSame(await scoresOf(read, QUERY, { k: 2000 }), other)
    expect((await read.lexicalStats())!.averageLength).toBeCloseTo(
      (await once.lexicalStats())!.averageLength,
      10
    )
  })

  it('count those of replaced documents until a merge drops them, in idf', async () => {
    const collection = await openSmall(WORDS)
    await collection.upsert([
      { key: 'a', text: 'salt' },
      { key: 'b', text: 'fog' },
      { key: 'c', text: 'rope' }
    ])
    const idf = (n: number, df: number) => Math.log(1 + (n - df + 0.5) / (df + 0.5))
    const weight = 1 / (1 + 1.2)
    expect((await scoresOf(collection, 'salt')).get('a')).toBeCloseTo(weight * idf(3, 1), 6)
    await collection.upsert([{ key: 'b', text: 'salt' }])
    expect((await scoresOf(collection, 'salt')).get('b')).toBeCloseTo(weight * idf(4, 2), 6)
    await collection.delete('b')
    await collection.compact()
    expect([...(await scoresOf(collection, 'salt'))]).toEqual([
      ['a', expect.closeTo(weight * idf(2, 1), 6)]
    ])
    expect((await collection.lexicalStats())!.numPostings).toBe(2)
  })

  it('are counted by passage, and searched by namespace and filter', async () => {
    const collection = await openSmall(WORDS)
    const text = 'Fog on the water. Salt on the rope.'
    const passages = [
      { start: 0, end: 17 },
      { start: 17, end: text.length }
    ]
    await collection.upsert([
      { key: 'long', text, passages, metadata: { n: 1 } },
      { key: 'fog', text: 'fog', namespace: 'tenant' },
      { key: 'sun', text: 'sun', metadata: { n: 2 } }
    ])
    const [hit, ...rest] = (await collection.search('salty ropes', { mode: 'bm25' })).hits
    expect(rest).toEqual([])
    expect(hit).toMatchObject({ key: 'long', passage: [17, text.length] })
    expect([...(await scoresOf(collection, 'fog')).keys()]).toEqual(['long'])
    const inTenant = await scoresOf(collection, 'fog', { namespace: 'tenant' })
    expect([...inTenant.keys()]).toEqual(['fog'])
    const filtered = await scoresOf(collection, 'fog sun', { filter: { n: 2 } })
    expect([...filtered.keys()]).toEqual(['sun'])
  })

  it('page', async () => {
    const collection = await openSmall(WORDS)
    await collection.upsert(documentsOf(TEXTS))
    const all = (await collection.search(QUERY, { k: 20 })).hits
    const first = (await collection.search(QUERY, { k: 10 })).hits
    const next = (await collection.search(QUERY, { k: 10, searchAfter: first.at(-1)! })).hits
    expect([...first, ...next]).toEqual(all)
  })

  it('have the same ids for ever, and are merged where they share one', () => {
    const settings = { analyzer: 'english', variant: 'lucene', k1: 1.2, b: 0.75, beta: 1 } as const
    const terms = new WordTerms({ ...settings, firstTermId: 30522 })
    // By another implementation of XXH32: 30522 + xxh32(word) mod (2^32 − 30522).
    const ids = ['harbour', 'vaccin', 'été', '潮汐'].map(stem => terms.termIdOf(stem))
    expect(ids).toEqual([304809811, 2514411761, 2166039409, 2540279001])
    // Of four ids, most words share one.
    const narrow = new WordTerms({ ...settings, firstTermId: 2 ** 32 - 4 })
    const { terms: shared, counts, numWords } = narrow.count(TEXTS.join(' '))
    expect(shared.length).toBeLessThanOrEqual(4)
    expect(counts.reduce((a, b) => a + b)).toBe(numWords)
  })

  it('stand where they stand, also where lower case is longer', () => {
    const text = 'İSTANBUL’s Boats, and the İzmir boats'
    const places = wordPlaces(text, wordAnalyzer())
    expect(places.map(({ start, end }) => text.slice(start, end))).toEqual([
      'STANBUL',
      'Boats',
      'zmir',
      'boats'
    ])
    expect(places.map(({ stem }) => stem)).toEqual(['stanbul', 'boat', 'zmir', 'boat'])
  })
})

describe('words beside a model', () => {
  const documents = [
    ...documentsOf([
      'The lighthouse warns the ships.',
      'Boats sink in the fog.',
      'A quiet garden.'
    ]),
    { key: 'given', text: 'Boats and boats', vector: sparseVector([2000, 4049], [1, 2]) },
    { key: 'bare', vector: sparseVector([2001], [1]) },
    { key: 'blank', text: ' ' }
  ]

  it('add up with it, and can be left out', async () => {
    const both = await openSmall({ model: 'splade-tiny', lexical: { beta: 2 } })
    const alone = await openSmall({ model: 'splade-tiny' })
    const words = await openSmall(WORDS)
    await both.upsert(documents)
    await alone.upsert(documents)
    await words.upsert(documents)
    const query = 'a boat is sinking'
    const sparse = await both.search(query, { mode: 'sparse', k: 10 })
    expect(sparse.hits).toEqual((await alone.search(query, { k: 10 })).hits)
    const bm25Scores = await scoresOf(both, query)
    expectSame(bm25Scores, await scoresOf(words, query))
    expect([...bm25Scores.keys()].sort()).toEqual(['d1', 'given'])
    const model = new Map(sparse.hits.map(({ key, score }) => [key, score]))
    const { hits } = await both.search(query)
    expect(hits).toEqual((await both.search(query, { mode: 'combined' })).hits)
    for (const { key, score } of hits) {
      expect(score).toBeCloseTo((model.get(key) ?? 0) + 2 * (bm25Scores.get(key) ?? 0), 4)
    }
    const vector = await both.queryVector(query)
    expect((await both.search(vector)).hits).toEqual(hits)
    for (const queryMode of ['no-expansion', 'inference-free'] as const) {
      const own = await both.search(query, { queryMode, mode: 'sparse' })
      expect(own.hits).toEqual((await alone.search(query, { queryMode })).hits)
    }
    expect(await both.idf()).toEqual(await alone.idf())
  })

  it('are explained apart from it, by the word of the query', async () => {
    const collection = await openSmall({ model: 'splade-tiny', lexical: true })
    await collection.upsert(documents)
    const query = 'SINKING boats'
    const explained = await collection.explain(query, 'd1')
    const { subtotals, score, terms, explanation, text } = explained
    expect(score).toBe((await collection.search(query)).hits.find(({ key }) => key === 'd1')!.score)
    expect(subtotals!.model + subtotals!.words).toBeCloseTo(score, 10)
    expect(subtotals!.words).toBeCloseTo((await scoresOf(collection, query)).get('d1')!, 6)
    expect(explanation.details.map(({ description }) => description)).toEqual([
      'terms of the model',
      'words (BM25)'
    ])
    expect(explanation.details.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(score, 10)
    const words = terms.filter(({ kind }) => kind === 'word')
    const named = words.map(({ term, stem, offsets }) => [
      term,
      stem,
      ...offsets.map(([start, end]) => text.slice(start, end))
    ])
    expect(named.sort()).toEqual([
      ['boats', 'boat', 'Boats'],
      ['sinking', 'sink', 'sink']
    ])
    expect(terms.some(({ kind, inText }) => kind === 'model' && inText === false)).toBe(true)
    const sparse = await collection.explain(query, 'd1', { mode: 'sparse' })
    expect(sparse.subtotals!.words).toBe(0)
    expect(sparse.score).toBeCloseTo(subtotals!.model, 10)
  })

  it('are given apart, pruned not at all, and compared not at all', async () => {
    const limits = { topTokens: 1, lexical: true } as const
    const collection = await openSmall({ model: 'splade-tiny', ...limits })
    await collection.upsert(documents)
    const found = (await collection.get('given', { includeVectors: true }))!
    expect(found.vectors).toEqual([sparseVector([4049], [2])])
    expect(found.lexicalVectors![0]!.terms).toHaveLength(1)
    const garden = (await collection.get('d2', { includeVectors: true }))!
    expect([garden.vectors![0]!.terms.length, garden.lexicalVectors![0]!.terms.length]).toEqual([
      1, 2
    ])
    const { numUnchanged } = await collection.upsert(documents, { onlyChanged: true })
    expect(numUnchanged).toBe(documents.length)
  })

  it('are made anew of the texts by an import, once', async () => {
    const from = await openSmall({ model: 'splade-tiny', lexical: true })
    await from.upsert(documents)
    const lines: string[] = []
    for await (const line of exportLines(from)) lines.push(line)
    const to = await openSmall({ model: 'splade-tiny', lexical: true })
    await importLines(to, lines)
    const query = 'sinking boats'
    for (const mode of ['sparse', 'bm25', 'combined'] as const) {
      const { hits } = await from.search(query, { mode, includeVectors: true })
      expect((await to.search(query, { mode, includeVectors: true })).hits).toEqual(hits)
    }
    const without = await openSmall({ model: 'splade-tiny' })
    await importLines(without, lines)
    const { hits } = await from.search(query, { mode: 'sparse' })
    expect((await without.search(query)).hits).toEqual(hits)
  })

  it('are what they would be in one batch after a re-encoding', async () => {
    const collection = await openSmall({ model: 'splade-tiny', lexical: true })
    for (const [i, text] of TEXTS.entries()) await collection.upsert(documentsOf([text], i))
    expectSame(await scoresOf(collection), oracle(TEXTS.map(text => [text])))
    await reencodeCollection(collection, { model: 'splade-tiny', load: { pooling: 'sum' } })
    expectSame(await scoresOf(collection), oracle([TEXTS]))
    const all = wordAnalyzer()(TEXTS.join(' ')).length
    expect((await collection.lexicalStats())!.averageLength).toBeCloseTo(all / TEXTS.length, 10)
    expect((await collection.search(QUERY)).hits.length).toBeGreaterThan(0)
  })

  it('are searched where the model is not there', async () => {
    const folder = temporary()
    const model = join(folder, 'model')
    cpSync(fileURLToPath(new URL('../../models/splade-tiny', import.meta.url)), model, {
      recursive: true
    })
    const collection = await openSmall({ model, lexical: true }, join(folder, 'collection'))
    await collection.upsert(documents)
    await collection.close()
    renameSync(model, join(folder, 'moved'))
    const reader = await openSmall(
      { readOnly: true, model: undefined, lexical: true } as never,
      join(folder, 'collection')
    )
    const { hits } = await reader.search('boats', { mode: 'bm25', explain: true })
    expect(hits.map(({ key }) => key)).toEqual(['given', 'd1'])
    expect(hits[0]!.explanation!.terms[0]).toMatchObject({ term: 'boats', kind: 'word' })
    await expect(reader.search('boats')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' })
  })
})

describe('the setting', () => {
  it('is on for a new collection with a model that compares by the dot product', async () => {
    const unsaid = { lexical: undefined } as unknown as { lexical: boolean }
    const made = await openSmall({ model: 'splade-tiny', ...unsaid })
    const { vocabulary } = await made.tokenizer()
    expect(made.settings.lexical).toEqual({
      analyzer: 'english',
      variant: 'lucene',
      k1: 1.2,
      b: 0.75,
      beta: 1,
      firstTermId: vocabulary.size
    })
    const cosine = await openSmall({ model: 'splade-tiny', metric: 'cosine', ...unsaid })
    expect(cosine.settings.lexical).toBeUndefined()
    const vectors = await openSmall({ ...unsaid })
    expect(vectors.settings.lexical).toBeUndefined()
    expect(await vectors.lexicalStats()).toBeUndefined()
  })

  it('is fixed', async () => {
    const { directory } = await openSmall({ model: null, lexical: { k1: 0.9 } })
    const again = (lexical: object | boolean) =>
      refusal(openSmall({ readOnly: true, model: null, lexical }, directory))
    expect(await again(true)).toBeUndefined()
    expect(await again({ k1: 0.9 })).toBeUndefined()
    for (const other of [false, { k1: 1.2 }, { variant: 'bm25+' }, { beta: 2 }]) {
      expect(await again(other)).toBe(`COLLECTION_MISMATCH at ${directory}`)
    }
    const plain = await openSmall()
    const asked = openSmall({ readOnly: true, lexical: true }, plain.directory)
    expect(await refusal(asked)).toContain('COLLECTION_MISMATCH')
  })

  it('is checked, and so is what does not go with it', async () => {
    const refused = async (lexical: unknown, options: object = {}) =>
      refusal(openSmall({ model: null, lexical: lexical as never, ...options }))
    expect(await refused(true, { metric: 'cosine' })).toBe('INVALID_ARGUMENT at lexical')
    expect(await refused('yes')).toBe('INVALID_ARGUMENT at lexical')
    expect(await refused({ k1: -1 })).toBe('INVALID_ARGUMENT at k1')
    expect(await refused({ variant: 'bm11' })).toBe('INVALID_ARGUMENT at variant')
    expect(await refused({ beta: 0 })).toBe('INVALID_ARGUMENT at lexical.beta')
    expect(await refused({ analyzer: 'latin' })).toBe('INVALID_ARGUMENT at lexical.analyzer')
    const plain = await openSmall()
    for (const mode of ['bm25', 'combined'] as const) {
      expect(await refusal(plain.search('fog', { mode }))).toBe('INVALID_ARGUMENT at mode')
    }
    const words = await openSmall(WORDS)
    const vector = sparseVector([1], [1])
    expect(await refusal(words.search(vector, { mode: 'bm25' }))).toBe('INVALID_ARGUMENT at query')
    expect(await refusal(words.search('fog', { mode: 'telepathy' as never }))).toContain('at mode')
    expect(await refusal(words.search('fog', { mode: 'combined' }))).toContain('INVALID_ARGUMENT')
    const wordTerm = sparseVector([2 ** 31], [1])
    expect(await refusal(words.upsert([{ key: 'a', vector: wordTerm }]))).toBe(
      'INVALID_VECTOR at document 1: vector'
    )
  })
})
