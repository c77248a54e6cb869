import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { EsplanadeError } from '../../src/errors.ts'
import type { KernelChoice } from '../../src/kernel/kernel-memory.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import type { Strategy } from '../../src/search/strategy.ts'
import { HEADER, type SectionName } from '../../src/segment/segment-format.ts'
import { sparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'
import { sectionOf, withHeader, withSection } from './forged-bytes.ts'

/**
 * A reader takes postings, records and weights as they are. Where somebody made them wrong, and the
 * checksums right, scores may be anything; but every search ends, and nothing is read or written
 * outside the scratch.
 */

const STRATEGIES: readonly Strategy[] = [
  'auto',
  'exhaustive',
  'windowed',
  'max-score',
  'block-max',
  { name: 'approximate' },
  { name: 'approximate', alpha: 0.2, gamma: 0.5, queryTerms: 2 }
]

const QUERIES = [
  sparseVector([0], [1]),
  sparseVector([0, 1, 2, 5, 40, 41, 42, 300, 301], [0.01, 2, 1, 3, 1, 1, 1, 5, 0.5]),
  sparseVector(
    Array.from({ length: 400 }, (_, i) => i),
    Array.from({ length: 400 }, (_, i) => 1 + (i % 7))
  )
]

/** 700 documents in two windows; runs of every shape; numbers of terms odd and even. */
async function soundFile(options: FinishOptions): Promise<Uint8Array> {
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < 700; i++) {
    const mixed = Math.imul(i, 0x9e3779b1) >>> 0
    const entries: [number, number][] = [
      [0, 1 + (i % 64)],
      [1 + (mixed % 4), 0.5 + (i % 9)],
      [5 + ((mixed >>> 4) % 15), 2],
      [40 + ((mixed >>> 8) % 80), 1 + (i % 3)],
      [300 + ((mixed >>> 15) % 90), 1]
    ]
    builder.add(`d${i}`, sparseVectorFromEntries(entries.slice(0, 5 - (i % 2))))
  }
  return (await builder.finish({ windowDocuments: 512, ...options })).toBytes()
}

/** Searches in every way, and asks all else that reads a document. */
async function useAll(file: Uint8Array, kernel: KernelChoice): Promise<void> {
  const index = SparseIndex.fromBytes(file, 'a.esp', kernel)
  const filter = index.documentSet(key => key.endsWith('7'))
  const searchAfter = { key: 'd77', score: 3, rank: 1 }
  for (const query of QUERIES) {
    for (const strategy of STRATEGIES) {
      const { hits } = await index.search(query, { k: 3, strategy })
      expect(hits.length).toBeLessThanOrEqual(3)
    }
    await index.search(query, { k: 5000, strategy: 'max-score' })
    await index.search(query, { k: 5, filter, strategy: 'document-at-a-time' })
    await index.search(query, { k: 5, filter, strategy: 'windowed', minScore: 1, searchAfter })
  }
  const result = await index.search(QUERIES[1]!)
  expect([typeof result.min, typeof result.max]).toEqual(['number', 'number'])
  index.explain(QUERIES[1]!, 'd5')
  expect([...index.entries()]).toHaveLength(700)
  // Nothing wrote where it should not.
  expect(Buffer.compare(index.segmentBytes()[0]!, file)).toBe(0)
}

/** Overwrites bytes from a place on, given as a share of the section; records keep their ids. */
interface Overwriting {
  readonly section: SectionName
  readonly place: number
  readonly bytes: Uint8Array
}

function overwritten(file: Uint8Array, { section, place, bytes }: Overwriting): Uint8Array {
  const offsets = sectionOf(file, 'documentOffsets')
  return withSection(file, section, view => {
    const before = new DataView(
      view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
    )
    // At a multiple of 4, where whole numbers and weights stand.
    const start = Math.floor((place * view.byteLength) / 4) * 4
    for (let i = 0; i < bytes.length && start + i < view.byteLength; i++) {
      view.setUint8(start + i, bytes[i]!)
    }
    if (section !== 'documents') return
    for (let at = 0; at < offsets.byteLength - 4; at += 4) {
      const record = 4 * offsets.getUint32(at, true)
      view.setUint32(record, before.getUint32(record, true), true)
    }
  })
}

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** NaN, infinities, the largest and the smallest numbers, and what no table has a place for. */
const anyWord = fc
  .constantFrom(0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff, 0xff7fffff, 1, 0x80000001, 0)
  .map(word => new Uint8Array(Uint32Array.of(word).buffer))
const anyStretch = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }),
  fc
    .tuple(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 1, max: 50_000 }))
    .map(([byte, length]) => new Uint8Array(length).fill(byte))
)

const anyOverwriting: fc.Arbitrary<Overwriting> = fc.oneof(
  fc.record({
    section: fc.constantFrom<SectionName>('postings', 'documents', 'runMaxima'),
    place: share,
    bytes: fc.oneof(anyWord, anyStretch)
  }),
  fc.record({
    // Floats that the reader lets pass: finite and not below zero.
    section: fc.constantFrom<SectionName>('maxWeights', 'maxErrors'),
    place: share,
    bytes: fc
      .array(fc.constantFrom(0, 2 ** -149, 1e-30, 1, 1e30, 3.4028234663852886e38), {
        minLength: 1,
        maxLength: 200
      })
      .map(values => new Uint8Array(Float32Array.from(values).buffer))
  })
)

describe.each<FinishOptions>([
  { metric: 'dot' },
  { metric: 'cosine', reorder: false },
  { metric: 'cosine', precision: 'float16' }
])('a file with sound tables and unsound contents: %o', options => {
  let sound: Uint8Array
  beforeAll(async () => {
    sound = await soundFile(options)
  })

  it.each(['auto', 'typescript'] as const)(
    'when it is sound, finds what it should: %s',
    async kernel => {
      await useAll(sound, kernel)
      const index = SparseIndex.fromBytes(sound, 'a.esp', kernel)
      for (const query of QUERIES) {
        const { hits } = await index.search(query, { strategy: 'exhaustive' })
        for (const strategy of ['auto', 'windowed', 'max-score', 'block-max'] as const) {
          expect((await index.search(query, { strategy })).hits).toEqual(hits)
        }
      }
    }
  )

  it.each(['auto', 'typescript'] as const)('harms nothing: %s', kernel =>
    fc.assert(
      fc.asyncProperty(fc.array(anyOverwriting, { minLength: 1, maxLength: 3 }), async given => {
        await useAll(given.reduce(overwritten, sound), kernel)
      }),
      { numRuns: 70 }
    )
  )

  it.each<[string, Overwriting]>(
    (['postings', 'documents', 'runMaxima'] as const).flatMap(section =>
      [0, 1, 0x80, 0xff].map((byte): [string, Overwriting] => [
        `${section} of bytes ${byte}`,
        { section, place: 0, bytes: new Uint8Array(100_000).fill(byte) }
      ])
    )
  )('harms nothing with all its %s', async (_, overwriting) => {
    for (const kernel of ['auto', 'typescript'] as const) {
      const file = overwritten(sound, overwriting)
      // It is opened and searched: nothing but the scores tells.
      await useAll(file, kernel)
    }
  })

  it.each<[field: 'termIndexBytes' | 'precision' | 'metric', values: number[]]>([
    ['termIndexBytes', [2, 4]],
    ['precision', [0, 1]],
    ['metric', [0, 1]]
  ])('harms nothing with another %s', async (field, values) => {
    for (const value of values) {
      const file = withHeader(sound, header => header.setUint32(HEADER[field], value, true))
      for (const kernel of ['auto', 'typescript'] as const) await useAll(file, kernel)
    }
  })

  it('harms nothing with the same key twice', async () => {
    const file = withSection(sound, 'keys', keys => {
      for (let at = 0; at < keys.byteLength; at++) keys.setUint8(at, 0x61)
    })
    // "d77" is no key any more, which is an error of ours.
    await expect(useAll(file, 'auto')).rejects.toBeInstanceOf(EsplanadeError)
    const index = SparseIndex.fromBytes(file)
    for (const strategy of STRATEGIES) await index.search(QUERIES[1]!, { strategy })
    expect(index.has('aa')).toBe(true)
    expect(index.vectorOf('aa').terms.length).toBeGreaterThan(0)
  })
})

describe('a file of several segments with other terms in each', () => {
  it('harms nothing', async () => {
    const builder = new SparseIndexBuilder()
    for (let i = 0; i < 50; i++) builder.add(`d${i}`, sparseVector([1, 2 + i], [1, 2]))
    const index = await builder.finish({ maxSegmentBytes: 500 })
    const [first, ...others] = index.segmentBytes()
    const changed = withSection(first!.slice(), 'lexicon', lexicon => {
      for (let at = 0; at < lexicon.byteLength; at += 4) lexicon.setUint32(at, 7 * at, true)
    })
    const file = new Uint8Array(Buffer.concat([changed, ...others]))
    const forged = SparseIndex.fromBytes(file)
    for (const strategy of STRATEGIES)
      await forged.search(sparseVector([28, 56], [1, 1]), { strategy })
    expect([...forged.entries()]).toHaveLength(50)
  })
})
