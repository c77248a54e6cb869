import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readFusionTuning, readTuning, saveFusionTuning, saveTuning } from 'esplanade'
import { describe, expect, it } from 'vitest'
import type { Collection } from '../../src/collection/collection.ts'
import { tunedFor } from '../../src/collection/tuned-fusion.ts'
import { fuse } from '../../src/fusion/fuse.ts'
import type { FusionTuning, WeightedFusion } from '../../src/fusion/fusion-tuning.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'
import { openSmall, refusal } from './small-collection.ts'

const DENSE = { dense: { dimensions: 2, metric: 'dot' } } as const

/** The sparse list has `fog` first, the dense one `tide`. */
async function openBoth(): Promise<Collection> {
  const collection = await openSmall(DENSE)
  await collection.upsert([
    { key: 'fog', text: '', vector: sparseVector([1], [4]), dense: [1, 0] },
    { key: 'tide', text: '', vector: sparseVector([1, 2], [2, 1]), dense: [0, 1] },
    { key: 'rope', text: '', vector: sparseVector([2], [1]) }
  ])
  return collection
}

const query = { sparse: sparseVector([1], [1]), dense: [0.1, 1] }
const fusion = (sparse: number, dense: number): WeightedFusion => ({
  method: 'convex',
  normalization: 'min-max',
  weights: { sparse, dense },
  depth: 1000
})
const learned: FusionTuning = {
  fusion: fusion(0.9, 0.1),
  metric: 'nDCG@10',
  heldOutMean: 0.61,
  defaultMean: 0.55,
  pValue: 0.01,
  numQueries: 50,
  numFolds: 5,
  seed: 1,
  numDocuments: 3
}
const approximate = {
  overlap: 0.9,
  k: 10,
  strategy: { name: 'approximate', alpha: 0.6, gamma: 0.8, queryTerms: 12 },
  numDocuments: 3,
  numPostings: 4,
  measuredOverlap: 0.95,
  sampleSize: 20
} as const

describe('a learned fusion', () => {
  it('is what hybrid searches use from the next opening on, unless one is named', async () => {
    const { directory } = await openBoth()
    const best = async (options = {}) => {
      const reader = await openSmall({ readOnly: true }, directory)
      const { hits, stats } = await reader.search(query, { mode: 'hybrid', ...options })
      return [hits[0]!.key, ...stats.lists!.map(({ weight }) => weight)]
    }
    expect(await best()).toEqual(['tide', 1, 1])
    await saveFusionTuning(directory, learned)
    expect(await best()).toEqual(['fog', 0.9, 0.1])
    expect(await best({ fusion: { method: 'convex' } })).toEqual(['tide', 1, 1])
    const reader = await openSmall({ readOnly: true }, directory)
    const { value } = (await reader.explain(query, 'fog', { mode: 'hybrid' })).explanation
    // First of the sparse list, and the farthest of those with a dense vector.
    expect(value).toBeCloseTo(0.9 * 1 + 0.1 * 0, 6)
    await saveFusionTuning(directory, undefined)
    expect(await best()).toEqual(['tide', 1, 1])
  })

  it('is kept beside the approximate setting, and each goes alone', async () => {
    const { directory } = await openBoth()
    expect([await readTuning(directory), await readFusionTuning(directory)]).toEqual([
      undefined,
      undefined
    ])
    await saveTuning(directory, approximate)
    await saveFusionTuning(directory, learned)
    expect(await readTuning(directory)).toEqual(approximate)
    expect(await readFusionTuning(directory)).toEqual(learned)
    await saveTuning(directory, undefined)
    expect(await readTuning(directory)).toBeUndefined()
    expect(await readFusionTuning(directory)).toEqual(learned)
    await saveTuning(directory, approximate)
    await saveFusionTuning(directory, undefined)
    expect(await readTuning(directory)).toEqual(approximate)
    // As files were before there were weights to learn.
    const file = JSON.parse(readFileSync(join(directory, 'g1', 'tuning.json'), 'utf8'))
    expect(file).toEqual({ format: 'esplanade-tuning', version: 1, ...approximate })
  })

  it.each([
    ['without weights', { ...learned, fusion: { method: 'rrf', depth: 10 } }],
    ['with weights of 0', { ...learned, fusion: fusion(0, 0) }],
    ['with a weight below 0', { ...learned, fusion: fusion(1, -1) }],
    ['without depth', { ...learned, fusion: { ...fusion(1, 1), depth: undefined } }],
    ['of an unknown method', { ...learned, fusion: { ...fusion(1, 1), method: 'borda' } }],
    [
      'of an unknown normalisation',
      { ...learned, fusion: { ...fusion(1, 1), normalization: 'l2' } }
    ],
    ['without metric', { ...learned, metric: undefined }],
    ['with a p of 2', { ...learned, pValue: 2 }],
    ['that is null', null]
  ])('is refused where the file is damaged: %s', async (_, damaged) => {
    const { directory } = await openBoth()
    const path = join(directory, 'g1', 'tuning.json')
    const file = { format: 'esplanade-tuning', version: 1, fusion: damaged }
    writeFileSync(path, JSON.stringify(file))
    const corrupt = `COLLECTION_CORRUPT at ${path}`
    expect(await refusal(readFusionTuning(directory))).toBe(corrupt)
    const reader = await openSmall({ readOnly: true }, directory)
    expect(await refusal(reader.search(query, { mode: 'hybrid' }))).toBe(corrupt)
    // Nobody else needs it, and tuning again repairs it.
    expect(await refusal(reader.search(query, { mode: 'dense' }))).toBeUndefined()
    expect(
      await refusal(reader.search(query, { mode: 'hybrid', fusion: { method: 'rrf' } }))
    ).toBeUndefined()
    await saveFusionTuning(directory, learned)
    expect(await readFusionTuning(directory)).toEqual(learned)
  })

  it('says nothing of lists that it was not learned for', () => {
    const three: WeightedFusion = {
      method: 'convex',
      weights: { sparse: 0.2, dense: 0.5, bm25: 0.3 },
      depth: 500
    }
    expect(tunedFor(undefined, ['sparse', 'dense'])).toBeUndefined()
    expect(tunedFor(three, ['sparse', 'dense', 'bm25'])).toEqual(three)
    expect(tunedFor(three, ['sparse', 'dense'])).toEqual({
      method: 'convex',
      weights: { sparse: 0.2, dense: 0.5 },
      depth: 500
    })
    expect(tunedFor(fusion(0.4, 0.6), ['dense', 'bm25'])).toBeUndefined()
    // One list that is left is no fusion; one that was learned to be the best is.
    const noWords = { ...three, weights: { sparse: 0, dense: 0.5, bm25: 0.5 } }
    expect(tunedFor(noWords, ['sparse', 'dense'])).toBeUndefined()
    const { depth, ...ofAll } = fusion(0, 1)
    expect(depth).toBe(1000)
    expect(tunedFor({ ...ofAll, depth }, ['sparse', 'dense'])).toEqual(ofAll)
  })
})

describe('rankedLists', () => {
  it('gives the lists that hybrid searches fuse', async () => {
    const collection = await openBoth()
    await using snapshot = await collection.snapshot()
    const lists = await snapshot.rankedLists(query)
    expect(lists.map(({ name, weight, missing }) => [name, weight, missing])).toEqual([
      ['sparse', 1, 'zero'],
      ['dense', 1, 'score']
    ])
    for (const [at, mode] of (['sparse', 'dense'] as const).entries()) {
      const { hits } = await snapshot.search(query, { mode })
      const expected = hits.map(({ key, score, rank }) => ({ key, score, rank }))
      expect(lists[at]!.list.hits).toEqual(expected)
      expect(lists[at]!.list.max).toBe(hits[0]!.score)
    }
    const fused = fuse(lists, { method: 'convex' })
    const { hits } = await snapshot.search(query, { mode: 'hybrid' })
    expect(fused.map(({ key, score }) => [key, score])).toEqual(
      hits.map(({ key, score }) => [key, score])
    )
    const [sparse, dense] = lists
    expect(Array.from(sparse!.list.scoresOf(['rope', 'tide', 'nobody']))).toEqual([0, 2, 0])
    // `rope` has no dense vector, and counts as the farthest.
    const [tide, rope] = dense!.list.scoresOf(['tide', 'rope'])
    expect(tide).toBeCloseTo(1, 6)
    expect(rope).toBe(dense!.list.min)
  })

  it('takes the depth, the namespace and the filter of a search, and says what is wrong', async () => {
    const collection = await openBoth()
    await collection.upsert([
      { key: 'fog', text: '', namespace: 'far', vector: sparseVector([1], [1]), dense: [2, 2] }
    ])
    await using snapshot = await collection.snapshot()
    const short = await snapshot.rankedLists(query, { depth: 1 })
    expect(short.map(({ list }) => list.hits.length)).toEqual([1, 1])
    const far = await snapshot.rankedLists(query, { namespace: 'far' })
    expect(far.map(({ list }) => list.hits.map(({ key }) => key))).toEqual([['fog'], ['fog']])
    expect(far[0]!.list.scoresOf(['fog'])[0]).toBe(1)
    expect(await refusal(snapshot.rankedLists(query, { depth: 0 }))).toBe(
      'INVALID_ARGUMENT at fusion.depth'
    )
    expect(await refusal(snapshot.rankedLists(query.sparse))).toBe('INVALID_ARGUMENT at query')
    expect(await refusal(snapshot.rankedLists(query, { signal: AbortSignal.abort() }))).toBe(
      'ABORTED'
    )
  })
})
