import { afterEach, describe, expect, it } from 'vitest'
import { startSearchThreads } from '../../src/node/search-threads.ts'
import type { SearchManyOptions, SearchResult } from '../../src/search/search-options.ts'
import type { SparseIndex } from '../../src/search/sparse-index.ts'
import type { FinishOptions } from '../../src/search/sparse-index-builder.ts'
import { provideThreads } from '../../src/search/threads.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { runProgram } from '../run-program.ts'
import { buildCollection, collectionOf, Random, type Recipe } from './random-collections.ts'
import { documentSets, randomQuery } from './random-queries.ts'

/** The threads run `dist/node/search-worker.js`: the project must be built. */
provideThreads(startSearchThreads)

const recipe: Recipe = {
  seed: 11,
  numDocuments: 3000,
  weights: 'few',
  popularity: 'topics',
  windowDocuments: 512,
  numSegments: 1,
  ids: 'spread'
}
const collection = collectionOf(recipe)
const random = new Random(12)
const queries = Array.from({ length: 90 }, () => randomQuery(collection, random))

const opened: SparseIndex[] = []
afterEach(async () => {
  for (const index of opened.splice(0)) await index.close()
})

async function build(options: FinishOptions = {}, numSegments = 1): Promise<SparseIndex> {
  const index = await buildCollection(collection, { ...recipe, numSegments }, options)
  opened.push(index)
  return index
}

/** All that a result says but its functions. */
const plain = (results: readonly SearchResult[]) =>
  results.map(({ hits, min, max, rankSafe, stats }) => ({ hits, min, max, rankSafe, stats }))

/** What becomes of a promise; `pending` if nothing in five seconds. */
function outcome(promise: Promise<SearchResult[]>): Promise<string> {
  let timer: NodeJS.Timeout
  return Promise.race([
    promise.then(
      results => `${results.length} results`,
      error => String(error.code ?? error)
    ),
    new Promise<string>(resolve => {
      timer = setTimeout(() => resolve('pending'), 5000)
    })
  ]).finally(() => clearTimeout(timer))
}

const FORMS: [string, FinishOptions, number][] = [
  ['one segment', {}, 1],
  ['several segments, cosine, float16', { metric: 'cosine', precision: 'float16' }, 4],
  ['the TypeScript kernel', { kernel: 'typescript' }, 2]
]

describe('searchMany in threads', () => {
  it.each(FORMS)(
    'gives what one thread gives, and one search after the other: %s',
    async (...form) => {
      const [, options, numSegments] = form
      const index = await build(options, numSegments)
      expect(index.numSegments > 1).toBe(numSegments > 1)
      const { filters, liveDocs } = documentSets(index, random)
      const page = { key: 'd5', score: 2, rank: 3 }
      const variants: SearchManyOptions[] = [
        { k: 25 },
        { k: 5, filter: filters[7] },
        { k: 5, filter: filters[5], liveDocs: liveDocs[3] },
        // The same filter again: a thread knows it.
        { k: 3, filter: filters[5], liveDocs: liveDocs[3], strategy: 'windowed' },
        { k: 2, strategy: 'exhaustive', minScore: 1.5 },
        { k: 64, strategy: 'max-score', searchAfter: page },
        { k: 10, strategy: { name: 'approximate', alpha: 0.2, gamma: 0.5 } }
      ]
      for (const variant of variants) {
        const alone = await index.searchMany(queries, variant)
        const inThreads = await index.searchMany(queries, { ...variant, threads: 2 })
        expect(plain(inThreads)).toEqual(plain(alone))
        const single = await Promise.all(queries.map(query => index.search(query, variant)))
        expect(plain(alone)).toEqual(plain(single))
      }
    }
  )

  it('takes any number of queries, and says how many are done', async () => {
    const index = await build()
    for (const numQueries of [0, 1, 2, 3, 16, 17, 50]) {
      const some = queries.slice(0, numQueries)
      const heard: number[] = []
      const onProgress = (numDone: number) => heard.push(numDone)
      const results = await index.searchMany(some, { threads: 3, onProgress })
      expect(plain(results)).toEqual(plain(await index.searchMany(some)))
      expect(heard).toEqual([...heard].sort((a, b) => a - b))
      expect(heard.at(-1) ?? 0).toBe(numQueries)
    }
  })

  it('answers calls at once, each as if it were alone', async () => {
    const index = await build({}, 2)
    const calls: SearchManyOptions[] = [
      { threads: 2, k: 3 },
      { threads: 2, k: 7 },
      { threads: 3, k: 4 },
      { k: 5 },
      { threads: 2, k: 2 }
    ]
    const outcomes = await Promise.all(calls.map(call => outcome(index.searchMany(queries, call))))
    expect(outcomes).toEqual(calls.map(() => `${queries.length} results`))
  })

  it('searches again after it was closed, by any number of threads', async () => {
    const index = await build()
    const expected = plain(await index.searchMany(queries))
    for (const threads of [2, 3, 2, 4]) {
      expect(plain(await index.searchMany(queries, { threads }))).toEqual(expected)
      await index.close()
    }
    await index.close()
    expect(plain(await index.searchMany(queries, { threads: 2 }))).toEqual(expected)
  })

  it.each([1, 2])('stops on the way when its signal fires (threads: %i)', async threads => {
    const index = await build()
    const many = Array.from({ length: 40 }, () => queries).flat()
    const controller = new AbortController()
    const heard: number[] = []
    const search = index.searchMany(many, {
      threads,
      strategy: 'exhaustive',
      signal: controller.signal,
      onProgress: numDone => {
        heard.push(numDone)
        controller.abort('enough')
      }
    })
    await expect(search).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED', cause: 'enough' })
    )
    expect(Math.max(...heard)).toBeLessThan(many.length)
    // The threads are still good.
    const results = await index.searchMany(queries, { threads })
    expect(plain(results)).toEqual(plain(await index.searchMany(queries)))
  })

  it.each([1, 2])('does not begin when its signal has fired (threads: %i)', async threads => {
    const index = await build()
    const search = index.searchMany(queries, { threads, signal: AbortSignal.abort() })
    await expect(search).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }))
  })

  it('ends with an error, one call after the other, when the index is closed', async () => {
    const index = await build()
    const options: SearchManyOptions = { threads: 2, strategy: 'exhaustive' }
    const many = Array.from({ length: 10 }, () => queries).flat()
    const calls = [0, 1, 2].map(() => outcome(index.searchMany(many, options)))
    await new Promise(resolve => setTimeout(resolve, 20))
    await index.close()
    expect(await Promise.all(calls)).toEqual(['ABORTED', 'ABORTED', 'ABORTED'])
  })

  it.each([0, -1, 1.5, 1025, Number.NaN, Number.POSITIVE_INFINITY, null, '2'])(
    'refuses %o threads',
    async threads => {
      const index = await build()
      const search = index.searchMany(queries, { threads: threads as number })
      await expect(search).rejects.toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', place: 'threads' })
      )
    }
  )

  it('says which query is wrong, and passes on the errors of its threads', async () => {
    const index = await build()
    const bad = { terms: Uint32Array.of(2, 1), weights: Float32Array.of(1, 1) }
    for (const threads of [1, 2]) {
      await expect(index.searchMany([queries[0]!, bad], { threads })).rejects.toThrow(
        expect.objectContaining({ code: 'INVALID_VECTOR', place: 'query 2' })
      )
      const noFilter = index.searchMany(queries, { threads, strategy: 'document-at-a-time' })
      await expect(noFilter).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
  })

  it.each([
    ['a program', []],
    ['a module given as text', ['--input-type=module']]
  ])('let %s end by itself', (_, flags) => {
    const program = `import('esplanade/search').then(async ({ SparseIndexBuilder }) => {
      const builder = new SparseIndexBuilder()
      const vector = { terms: [1, 2], weights: [1, 2] }
      for (let i = 0; i < 100; i++) builder.add(String(i), vector)
      const index = await builder.finish()
      const results = await index.searchMany([vector, vector, vector], { threads: 2, k: 1 })
      console.log(results.map(({ hits }) => hits[0].key + ' ' + hits[0].score).join())
    })`
    const { status, stdout, stderr } = runProgram(process.execPath, [...flags, '-e', program], {
      cwd: new URL('../..', import.meta.url).pathname
    })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '0 5,0 5,0 5\n', stderr: '' })
  })
})

describe('searchMany in one thread', () => {
  it('lets the signal fire and the progress be heard', async () => {
    const index = await build()
    const many = Array.from({ length: 20 }, () => queries).flat()
    const heard: number[] = []
    await index.searchMany(many, {
      strategy: 'exhaustive',
      onProgress: numDone => heard.push(numDone)
    })
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.at(-1)).toBe(many.length)
  })

  it('gives no hits for no query', async () => {
    const index = await build()
    expect(await index.searchMany([])).toEqual([])
    const [empty] = await index.searchMany([sparseVector([], [])], { threads: 2 })
    expect(empty!.hits).toEqual([])
  })
})
