import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHalf } from '../../src/kernel/document-score.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { toHalf } from '../../src/segment/float16.ts'
import {
  type SparseVector,
  sparseVector,
  sparseVectorFromEntries
} from '../../src/vector/sparse-vector.ts'
import { type DecodedRecord, type DecodedSegment, decodeSegment } from './decoded-segment.ts'

type Entry = readonly [key: string, vector: SparseVector]

async function build(entries: readonly Entry[], options: FinishOptions): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (const [key, vector] of entries) builder.add(key, vector)
  return builder.finish({ windowDocuments: 512, ...options })
}

function decodeAll(file: Uint8Array): DecodedSegment[] {
  const segments: DecodedSegment[] = []
  for (let start = 0; start < file.length; start = segments.at(-1)!.end) {
    segments.push(decodeSegment(file, start))
  }
  return segments
}

/** The vectors as an index of this precision holds them. */
function stored(entries: readonly Entry[], precision: FinishOptions['precision']): Entry[] {
  if (precision !== 'float16') return [...entries]
  return entries.map(([key, { terms, weights }]) => [
    key,
    { terms, weights: weights.map(weight => fromHalf(toHalf(weight))) }
  ])
}

/** Keys and vectors by insertion, from the records that the second reader found. */
function entriesOf(segments: readonly DecodedSegment[]): Entry[] {
  return segments.flatMap(({ records, keys, lexicon }) =>
    [...records]
      .sort((a, b) => a.insertionId - b.insertionId)
      .map(
        ({ termIndexes, weights }, i): Entry => [
          keys[i]!,
          {
            terms: Uint32Array.from(termIndexes, term => lexicon[term]!),
            weights: Float32Array.from(weights)
          }
        ]
      )
  )
}

function lengthOf({ weights }: DecodedRecord): number {
  return Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0))
}

/** Every posting stands for a weight of a record, as closely as the tables say. */
function expectSoundPostings({ header, runs, records, maxWeights, maxErrors }: DecodedSegment) {
  const weights = records.map(record => {
    const divisor = header.metric === 1 ? lengthOf(record) : 1
    return new Map(record.termIndexes.map((term, i) => [term, record.weights[i]! / divisor]))
  })
  let numPostings = 0
  for (const [term, ofTerm] of runs.entries()) {
    const maxWeight = maxWeights[term]!
    let largestWeight = 0
    for (const { postings, table, largest, window } of ofTerm) {
      const docIds = postings.map(([docId]) => docId)
      expect(docIds).toEqual([...new Set(docIds)].sort((a, b) => a - b))
      const blocks = table.map(() => 0)
      for (const [docId, impact] of postings) {
        const weight = weights[docId]!.get(term)!
        expect(impact).toBeGreaterThanOrEqual(1)
        expect(Math.abs(weight - (impact / 255) * maxWeight)).toBeLessThanOrEqual(maxErrors[term]!)
        largestWeight = Math.max(largestWeight, weight)
        const block = (docId - window * header.windowDocuments) >> 6
        if (table.length > 0) blocks[block] = Math.max(blocks[block]!, impact)
      }
      expect(table).toEqual(blocks)
      expect(largest).toBe(Math.max(...postings.map(([, impact]) => impact)))
      numPostings += postings.length
    }
    expect(maxWeight).toBe(
      ofTerm.length === 0 ? 0 : Math.max(Math.fround(largestWeight), 2 ** -126)
    )
  }
  const numStored = records.reduce((sum, { termIndexes }) => sum + termIndexes.length, 0)
  expect([numPostings, header.numPostings]).toEqual([numStored, numStored])
}

async function expectRoundTrip(entries: readonly Entry[], options: FinishOptions): Promise<void> {
  const index = await build(entries, options)
  const file = index.toBytes()
  const expected = stored(entries, options.precision)
  expect([...index.entries()]).toEqual(expected)
  const again = SparseIndex.fromBytes(file, undefined, options.kernel)
  expect([...again.entries()]).toEqual(expected)
  const { metric = 'dot', precision = 'float32', metadata = {} } = options
  expect([again.metric, again.precision, again.metadata]).toEqual([metric, precision, metadata])
  expect([again.size, again.numSegments]).toEqual([entries.length, index.numSegments])
  expect(Buffer.compare(again.toBytes(), file)).toBe(0)
  expect(Buffer.compare((await build(entries, options)).toBytes(), file)).toBe(0)
  const segments = decodeAll(file)
  expect(segments).toHaveLength(index.numSegments)
  expect(entriesOf(segments)).toEqual(expected)
  for (const segment of segments) expectSoundPostings(segment)
}

describe('an index in bytes and back', () => {
  const term = fc.oneof(fc.nat(30), fc.integer({ min: 0, max: 4294967295 }))
  const weight = fc.oneof(
    fc.float({ min: Math.fround(1e-6), max: Math.fround(6e4), noNaN: true }),
    fc.constantFrom(0.5, 1, 2)
  )
  const vector = fc
    .uniqueArray(fc.tuple(term, weight), { selector: ([id]) => id, maxLength: 30 })
    .map(entries => sparseVectorFromEntries(entries))
  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 })
  const documents = fc.uniqueArray(fc.tuple(key, vector), { selector: ([name]) => name })
  const options = fc.record(
    {
      metric: fc.constantFrom('dot', 'cosine'),
      precision: fc.constantFrom('float32', 'float16'),
      kernel: fc.constantFrom('auto', 'typescript'),
      metadata: fc.dictionary(fc.string(), fc.jsonValue()).map(value => ({ ...value })),
      maxSegmentBytes: fc.integer({ min: 1, max: 3000 })
    },
    { requiredKeys: [] }
  )

  it('is the same for random documents, read by the library and by a second reader', () =>
    fc.assert(
      fc.asyncProperty(documents, options, (entries, finish) =>
        expectRoundTrip(entries, JSON.parse(JSON.stringify(finish)))
      ),
      { numRuns: 150 }
    ))

  it.each<FinishOptions>([
    { metric: 'dot' },
    { metric: 'cosine' },
    { metric: 'cosine', precision: 'float16' },
    { reorder: false, windowDocuments: 1024 }
  ])('is the same over several windows: %o', async finish => {
    // A term of all documents, some of a tenth of them, some of a few, and empty documents.
    const entries = Array.from({ length: 1300 }, (_, i): Entry => {
      if (i % 101 === 0) return [`d${i}`, sparseVector([], [])]
      const mixed = Math.imul(i, 0x9e3779b1) >>> 0
      const topic = 50 * (mixed >>> 30)
      return [
        `d${i}`,
        sparseVectorFromEntries([
          [1, 1 + (i % 90)],
          [2 + (mixed % 11), 0.01 * (1 + (i % 64))],
          [100 + topic + ((mixed >>> 5) % 50), 3 / (1 + (i % 7))],
          [400 + topic + ((mixed >>> 9) % 50), 1.5]
        ])
      ]
    })
    await expectRoundTrip(entries, finish)
    const file = (await build(entries, finish)).toBytes()
    const inTypeScript = await build(entries, { ...finish, kernel: 'typescript' })
    expect(Buffer.compare(inTypeScript.toBytes(), file)).toBe(0)
    const [segment] = decodeAll(file)
    const shapes = new Set(segment!.runs.flat().map(({ shape }) => shape))
    expect(shapes).toEqual(new Set(['dense', 'sparse', 'sparse with table']))
    expect(segment!.header.isReordered).toBe(finish.reorder === false ? 0 : 1)
  })

  it.each<FinishOptions>([{ precision: 'float32' }, { precision: 'float16' }])(
    'is the same with more terms than 16 bits number: %o',
    async finish => {
      const entries = Array.from({ length: 67 }, (_, i): Entry => {
        const n = 980 + (i % 3)
        const terms = Array.from({ length: n }, (_, at) => 11 * (at * 67 + i))
        return [
          `d${i}`,
          sparseVector(
            terms,
            terms.map(id => 1 + (id % 5) / 4)
          )
        ]
      })
      const index = await build(entries, finish)
      expect(index.numTerms).toBeGreaterThan(65_536)
      expect([...SparseIndex.fromBytes(index.toBytes()).entries()]).toEqual(entries)
      const segments = decodeAll(index.toBytes())
      expect(segments[0]!.header.termIndexBytes).toBe(4)
      expect(entriesOf(segments)).toEqual(entries)
      const { hits } = await index.search(sparseVector([11 * 66, 11 * (67 * 979 + 66)], [1, 2]))
      expect(hits.map(({ key }) => key)).toEqual(['d66'])
    }
  )

  it.each(['dot', 'cosine'] as const)(
    'is the same for the extremes of float32: %s',
    async metric => {
      const extremes = [2 ** -149, 1e-40, 2 ** -126, 1, 3.4028234663852886e38]
      const entries = extremes.flatMap((low, i) =>
        extremes.map((high, j): Entry => [`${i} ${j}`, sparseVector([1, 2], [low, high])])
      )
      await expectRoundTrip(entries, { metric })
    }
  )

  it('is the same for an empty index, and for one of empty vectors', async () => {
    await expectRoundTrip([], { metric: 'cosine' })
    await expectRoundTrip([], { precision: 'float16', metadata: { model: 'm' } })
    await expectRoundTrip([['a', sparseVector([], [])]], {})
  })
})
