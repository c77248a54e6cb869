import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { KernelMemory } from '../../src/kernel/kernel-memory.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { HEADER, type SectionName } from '../../src/segment/segment-format.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'
import { entryField, sectionOf, withHeader, withSection } from './forged-bytes.ts'

const corrupt = (problem: string) =>
  expect.objectContaining({
    code: 'INDEX_CORRUPT',
    place: 'a.esp',
    problem: expect.stringContaining(problem),
    remedy: expect.stringContaining('index again')
  })
const read = (bytes: Uint8Array) => SparseIndex.fromBytes(bytes, 'a.esp', 'typescript')

async function fileOf(
  documents: readonly (readonly [key: string, vector: SparseVector])[],
  options: FinishOptions = {}
): Promise<Uint8Array> {
  const builder = new SparseIndexBuilder()
  for (const [key, vector] of documents) builder.add(key, vector)
  return (await builder.finish({ windowDocuments: 512, ...options })).toBytes()
}

/**
 * Three documents of one window. The postings: 3 bytes and one of padding for term 3, 6 for term 8, 4
 * for the last. The records: 22 bytes and two of padding, 10 and two, 4.
 */
let small: Uint8Array
/** Two windows: term 1 is in all 600 documents, term 2 in one of each window. */
let windows: Uint8Array
beforeAll(async () => {
  small = await fileOf([
    ['first', sparseVector([3, 8, 4294967295], [1, 0.5, 2])],
    ['zweitê', sparseVector([8], [4])],
    ['empty', sparseVector([], [])]
  ])
  const inBoth = sparseVector([1, 2], [1, 1])
  windows = await fileOf(
    Array.from({ length: 600 }, (_, i) => [
      `d${i}`,
      i === 7 || i === 555 ? inBoth : sparseVector([1], [1])
    ]),
    { reorder: false }
  )
})

const HUGE = 0xffff_ffff

describe('a header that lies, with a right checksum', () => {
  afterEach(() => vi.restoreAllMocks())
  const u32 = (field: keyof typeof HEADER, value: number) => (header: DataView) =>
    header.setUint32(HEADER[field], value, true)
  const entry =
    (section: SectionName, field: 'offset' | 'length', value: bigint) => (header: DataView) =>
      header.setBigUint64(entryField(section, field), value, true)
  const entry32 =
    (section: SectionName, field: 'id' | 'elementType' | 'reserved', value: number) =>
    (header: DataView) =>
      header.setUint32(entryField(section, field), value, true)

  it.each<[problem: string, change: (header: DataView) => void]>([
    ['numSections: 13', u32('numSections', 13)],
    ['numSections: 4294967295', u32('numSections', HUGE)],
    ['fileBytes: 1280 bytes are there', h => h.setBigUint64(HEADER.fileBytes, 2n ** 53n, true)],
    [
      'fileBytes: 1280 bytes are there',
      h => h.setBigUint64(HEADER.fileBytes, 2n ** 64n - 1n, true)
    ],
    ['fileBytes: 1279', h => h.setBigUint64(HEADER.fileBytes, 1279n, true)],
    ['metadata length', h => h.setBigUint64(HEADER.fileBytes, 0n, true)],
    ['metric: 2', u32('metric', 2)],
    ['precision: 2', u32('precision', 2)],
    ['termIndexBytes: 5', u32('termIndexBytes', 5)],
    ['termIndexBytes: 0', u32('termIndexBytes', 0)],
    ['windowDocuments: 3', u32('windowDocuments', 3)],
    ['windowDocuments: 0', u32('windowDocuments', 0)],
    ['windowDocuments: 256', u32('windowDocuments', 256)],
    ['windowDocuments: 768', u32('windowDocuments', 768)],
    ['windowDocuments: 131072', u32('windowDocuments', 131_072)],
    ['windowDocuments: 2147483648', u32('windowDocuments', 2 ** 31)],
    ['numDocuments: 4294967295', u32('numDocuments', HUGE)],
    ['documentOffsets length', u32('numDocuments', 2 ** 24)],
    ['documentOffsets length', u32('numDocuments', 0)],
    ['lexicon length', u32('numTerms', HUGE)],
    ['lexicon length', u32('numTerms', 0)],
    ['runs length', u32('numRuns', HUGE)],
    ['numSegments: 0', u32('numSegments', 0)],
    ['segmentIndex: 1', u32('segmentIndex', 1)],
    ['isReordered: 2', u32('isReordered', 2)],
    ['lexicon section id: 9', entry32('lexicon', 'id', 9)],
    ['maxErrors element type: 2', entry32('maxErrors', 'elementType', 2)],
    ['keys reserved field: 1', entry32('keys', 'reserved', 1)],
    ['metadata offset: 0', entry('metadata', 'offset', 0n)],
    ['lexicon offset: 512', entry('lexicon', 'offset', 512n)],
    ['runs offset: 1', entry('runs', 'offset', 1n)],
    ['keys offset', entry('keys', 'offset', 2n ** 53n)],
    ['keys offset', entry('keys', 'offset', 2n ** 64n - 64n)],
    ['metadata length', entry('metadata', 'length', 2n ** 53n)],
    ['maxWeights length', entry('maxWeights', 'length', 8n)],
    ['postings length', entry('postings', 'length', 2n ** 63n)],
    ['documents length', entry('documents', 'length', 2n ** 32n)],
    ['documents length: 3 bytes', entry('documents', 'length', 3n)],
    ['keys length', entry('keys', 'length', 2n ** 64n - 1n)],
    [
      'documentOffsets length',
      header => {
        // Documents that agree with the table, but not with the file.
        u32('numDocuments', 2 ** 24)(header)
        entry('documentOffsets', 'length', 4n * (2n ** 24n + 1n))(header)
        entry('keyOffsets', 'length', 4n * (2n ** 24n + 1n))(header)
      }
    ]
  ])('is refused before anything is allocated: %s', (problem, change) => {
    expect(small).toHaveLength(1280)
    const allocate = vi.spyOn(KernelMemory, 'allocate')
    expect(() => read(withHeader(small, change))).toThrow(corrupt(problem))
    expect(allocate).not.toHaveBeenCalled()
  })

  it.each<[problem: string, change: (header: DataView) => void]>([
    // The keys end inside the last 64 bytes, so this fits the file.
    ['keys checksum', entry('keys', 'length', 1n)],
    ['numPostings: 5', u32('numPostings', 5)],
    ['numPostings: 4294967295', u32('numPostings', HUGE)],
    ['these 0 bytes', u32('numSegments', 2)],
    ['these 0 bytes', u32('numSegments', HUGE)]
  ])('is refused when the rest is looked at: %s', (problem, change) => {
    expect(() => read(withHeader(small, change))).toThrow(corrupt(problem))
  })
})

describe('tables that lie, with right checksums', () => {
  type Change = (section: DataView) => void
  const u32s =
    (...values: number[]): Change =>
    section =>
      values.forEach((value, i) => {
        section.setUint32(4 * i, value, true)
      })
  const f32 =
    (value: number): Change =>
    section =>
      section.setFloat32(4, value, true)
  const bytes =
    (at: number, ...values: number[]): Change =>
    section =>
      values.forEach((value, i) => {
        section.setUint8(at + i, value)
      })
  /** A field of a run's entry: 0 is its window, 2 its number of postings − 1. */
  const run16 =
    (run: number, field: 0 | 2, value: number): Change =>
    section =>
      section.setUint16(8 * run + field, value, true)
  const runPlace =
    (run: number, value: number): Change =>
    section =>
      section.setUint32(8 * run + 4, value, true)

  it('are as the cases below take them to be', () => {
    const numbers = (section: SectionName) => {
      const view = sectionOf(small, section)
      return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true))
    }
    expect(numbers('lexicon')).toEqual([3, 8, HUGE])
    expect(numbers('runOffsets')).toEqual([0, 1, 2, 3])
    expect(numbers('runs')).toEqual([0, 0, 1 << 16, 4, 0, 10])
    expect(numbers('documentOffsets')).toEqual([0, 6, 9, 10])
    expect(numbers('keyOffsets')).toEqual([0, 5, 12, 17])
    const runs = sectionOf(windows, 'runs')
    const postingsOf = [0, 1, 2, 3].map(run => runs.getUint16(8 * run + 2, true) + 1)
    expect(postingsOf).toEqual([512, 88, 1, 1])
  })

  it.each<[SectionName, problem: string, Change]>([
    ['metadata', 'metadata: not JSON', bytes(0, 0x20)],
    ['metadata', 'metadata: not a JSON object', bytes(0, 0x5b, 0x5d)],
    ['metadata', 'metadata: not a JSON object', bytes(0, 0x31, 0x31)],
    ['metadata', 'metadata: not UTF-8', bytes(0, 0xff)],
    ['lexicon', 'lexicon: 3 after 8', u32s(8, 3)],
    ['lexicon', 'lexicon: 3 after 3', u32s(3, 3)],
    ['lexicon', 'lexicon: 4294967295 after 4294967295', u32s(3, HUGE)],
    ['maxWeights', 'maxWeights: NaN of term 8', f32(Number.NaN)],
    ['maxWeights', 'maxWeights: -1 of term 8', f32(-1)],
    ['maxWeights', 'maxWeights: Infinity of term 8', f32(Number.POSITIVE_INFINITY)],
    ['maxErrors', 'maxErrors: NaN of term 8', f32(Number.NaN)],
    ['maxErrors', 'maxErrors: -1 of term 8', f32(-1)],
    ['maxErrors', 'maxErrors: Infinity of term 8', f32(Number.POSITIVE_INFINITY)],
    ['runOffsets', 'runOffsets: from 1 to 3', u32s(1)],
    ['runOffsets', 'runOffsets: from 0 to 2', u32s(0, 1, 2, 2)],
    ['runOffsets', 'runOffsets: from 0 to 4294967295', u32s(0, 1, 2, HUGE)],
    ['runOffsets', 'runOffsets: 2 after 4294967295', u32s(0, HUGE, 2, 3)],
    ['runOffsets', 'runOffsets: 1 after 3', u32s(0, 3, 1, 3)],
    // Two runs of one window in one term.
    ['runOffsets', 'runs: window 0 in run 1', u32s(0, 2, 2, 3)],
    ['runs', 'runs: window 1 in run 0', run16(0, 0, 1)],
    ['runs', 'runs: window 65535 in run 2', run16(2, 0, 0xffff)],
    ['runs', 'runs: 4 postings in run 0', run16(0, 2, 3)],
    ['runs', 'runs: 65536 postings in run 2', run16(2, 2, 0xffff)],
    ['runs', 'runs: run 1 begins at 4', run16(0, 2, 1)],
    ['runs', 'runs: run 0 begins at 2', runPlace(0, 2)],
    ['runs', 'runs: run 1 begins at 4294967295', runPlace(1, HUGE)],
    ['runs', 'runs: run 2 begins at 4', runPlace(2, 4)],
    ['runs', 'postings: 14 bytes', run16(2, 2, 2)],
    ['documentOffsets', 'documentOffsets: from 1 to 10', u32s(1)],
    ['documentOffsets', 'documentOffsets: from 0 to 9', u32s(0, 6, 9, 9)],
    ['documentOffsets', 'documentOffsets: from 0 to 4294967295', u32s(0, 6, 9, HUGE)],
    ['documentOffsets', 'documentOffsets: 6 after 6', u32s(0, 6, 6)],
    ['documentOffsets', 'documentOffsets: 3 after 6', u32s(0, 6, 3)],
    ['documentOffsets', 'documentOffsets: 10 after 4294967295', u32s(0, 6, HUGE)],
    ['documentOffsets', 'documents: insertion id 65536 of document 1', u32s(0, 1, 9)],
    ['documents', 'documents: insertion id 2 of document 0', u32s(2)],
    ['documents', 'documents: insertion id 3 of document 0', u32s(3)],
    ['documents', 'documents: insertion id 4294967295 of document 0', u32s(HUGE)],
    ['keyOffsets', 'keyOffsets: from 1 to 17', u32s(1)],
    ['keyOffsets', 'keyOffsets: from 0 to 16', u32s(0, 5, 12, 16)],
    ['keyOffsets', 'keyOffsets: from 0 to 4294967295', u32s(0, 5, 12, HUGE)],
    ['keyOffsets', 'keyOffsets: 5 after 5', u32s(0, 5, 5)],
    ['keyOffsets', 'keyOffsets: 3 after 5', u32s(0, 5, 3)],
    // The last character of "zweitê" is bytes 10 and 11 of the keys.
    ['keyOffsets', 'key', u32s(0, 5, 11)],
    ['keys', 'keys: not UTF-8', bytes(0, 0xff)],
    ['keys', 'keys: not UTF-8', bytes(10, 0x61)],
    ['keys', 'keys: not UTF-8', bytes(16, 0xc3)]
  ])('are refused: %s, %s', (section, problem, change) => {
    expect(() => read(withSection(small, section, change))).toThrow(corrupt(problem))
  })

  it.each<[problem: string, Change]>([
    ['runs: window 0 in run 1', run16(1, 0, 0)],
    ['runs: window 2 in run 1', run16(1, 0, 2)],
    ['runs: window 1 in run 3', run16(2, 0, 1)],
    // The second window has 88 documents.
    ['runs: 89 postings in run 1', run16(1, 2, 88)],
    // Without a table the second run would lie elsewhere.
    ['runs: run 1 begins at 528', run16(0, 2, 14)],
    ['runs: run 3 begins at 8', runPlace(3, 8)]
  ])('are refused where there are several windows: %s', (problem, change) => {
    expect(() => read(withSection(windows, 'runs', change))).toThrow(corrupt(problem))
  })

  it('are refused: insertion ids that come twice, or are beyond the last, among reordered ones', async () => {
    const vectors = Array.from({ length: 600 }, (_, i) => sparseVector([1 + (i % 2)], [1]))
    const file = await fileOf(vectors.map((vector, i) => [`d${i}`, vector]))
    expect(() => read(file)).not.toThrow()
    const second = 4 * sectionOf(file, 'documentOffsets').getUint32(4, true)
    const at = (section: DataView, value: number) => section.setUint32(second, value, true)
    const first = sectionOf(file, 'documents').getUint32(0, true)
    const twice = withSection(file, 'documents', section => at(section, first))
    expect(() => read(twice)).toThrow(corrupt(`documents: insertion id ${first} of document 1`))
    const beyond = withSection(file, 'documents', section => at(section, 600))
    expect(() => read(beyond)).toThrow(corrupt('documents: insertion id 600 of document 1'))
  })

  it('are refused: what stands in the gaps between sections', () => {
    const gaps = [460, 511, small.length - 1]
    for (const gap of gaps) {
      const file = small.slice()
      expect(file[gap]).toBe(0)
      file[gap] = 1
      expect(() => read(file)).toThrow(corrupt(`gap at byte ${gap}: 1`))
    }
  })
})
