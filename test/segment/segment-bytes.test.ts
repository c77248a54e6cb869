import { readFileSync } from 'node:fs'
import crc32 from 'crc-32'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Segment } from '../../src/segment/segment.ts'
import { SegmentBuilder } from '../../src/segment/segment-builder.ts'
import { ENTRY, HEADER, HEADER_CHECKSUM, SECTIONS } from '../../src/segment/segment-format.ts'
import { readSegment } from '../../src/segment/segment-reader.ts'
import { writeSegment } from '../../src/segment/segment-writer.ts'
import { sparseVector } from '../../src/vector/sparse-vector.ts'

const corrupt = (problem = '') =>
  expect.objectContaining({
    code: 'INDEX_CORRUPT',
    place: 'a.idx',
    problem: expect.stringContaining(problem),
    remedy: expect.stringContaining('index again')
  })
const read = (bytes: Uint8Array) => readSegment(bytes, 'a.idx')

function smallSegment(): Segment {
  const builder = new SegmentBuilder()
  builder.add('first', sparseVector([3, 8, 4294967295], [1, 0.5, 2]))
  builder.add('zweitê', sparseVector([8], [4]))
  builder.add('empty', sparseVector([], []))
  return builder.finish('cosine', { model: 'none' })
}

/** A file of the segment with some of its parts replaced, all checksums right. */
const fileOf = (parts: Partial<Segment>) => writeSegment({ ...smallSegment(), ...parts })

/** The small file with header fields changed and the header's checksum made right again. */
function withHeader(change: (header: DataView) => void): Uint8Array {
  const bytes = fileOf({})
  const header = new DataView(bytes.buffer)
  change(header)
  header.setInt32(HEADER_CHECKSUM, crc32.buf(bytes.subarray(0, HEADER_CHECKSUM)), true)
  return bytes
}

function outcome(bytes: Uint8Array): string {
  try {
    read(bytes)
    return 'accepted'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

describe('a segment in bytes', () => {
  // Written by the first release of the format. It must stay readable as long as version 0 is.
  it('is the same file as ever', () => {
    const golden = readFileSync(new URL('index-v0.esp', import.meta.url))
    expect(read(golden)).toEqual(smallSegment())
    expect(Buffer.compare(golden, fileOf({}))).toBe(0)
  })

  it('comes back as it was', () => {
    expect(read(writeSegment(smallSegment()))).toEqual(smallSegment())
    const empty = new SegmentBuilder().finish('dot', {})
    expect(read(writeSegment(empty))).toEqual(empty)
  })

  it('notices every flipped bit of a small file', () => {
    const bytes = fileOf({})
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[i]! ^= 1 << bit
        const isVersion = i >= HEADER.version && i < HEADER.version + 4
        expect(outcome(bytes), `bit ${bit} of byte ${i}`).toBe(
          isVersion ? 'INDEX_VERSION' : 'INDEX_CORRUPT'
        )
        bytes[i]! ^= 1 << bit
      }
    }
    expect(outcome(bytes)).toBe('accepted')
  })

  it('notices any changed byte of a larger file', () => {
    const builder = new SegmentBuilder()
    for (let i = 0; i < 2000; i++) {
      builder.add(`document ${i}`, sparseVector([i % 13, 20 + i, 1e6 + i], [1, 2 + i, 0.25]))
    }
    const bytes = writeSegment(builder.finish('dot', {}))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (i, change) => {
        bytes[i]! ^= change
        const result = outcome(bytes)
        bytes[i]! ^= change
        expect(result).toMatch(/^INDEX_(CORRUPT|VERSION)$/)
      }),
      { numRuns: 400 }
    )
    expect(outcome(bytes)).toBe('accepted')
  })

  it('notices a file cut short at any length, and one with more behind it', () => {
    const bytes = fileOf({})
    for (let length = 0; length < bytes.length; length++) {
      expect(outcome(bytes.slice(0, length)), `${length} bytes`).toBe('INDEX_CORRUPT')
    }
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    expect(() => read(longer)).toThrow(corrupt('fileBytes'))
  })

  it('refuses what is not an index', () => {
    expect(() => read(new Uint8Array())).toThrow(corrupt('magic: these 0 bytes'))
    expect(() => read(new TextEncoder().encode('{"_id":"a"}\n'.repeat(50)))).toThrow(
      corrupt('magic')
    )
    expect(() => read(new Uint8Array(1000))).toThrow(corrupt('magic'))
  })

  it('refuses another format version and says what to do, whatever follows', () => {
    const bytes = fileOf({}).slice(0, 40)
    new DataView(bytes.buffer).setUint32(HEADER.version, 1, true)
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({
        code: 'INDEX_VERSION',
        problem: 'format version 1',
        remedy: expect.stringContaining('index again')
      })
    )
  })
})

describe('a header that lies, with a right checksum', () => {
  const entry = (section: (typeof SECTIONS)[number]['name'], field: keyof typeof ENTRY) =>
    HEADER.table + SECTIONS.findIndex(({ name }) => name === section) * ENTRY.bytes + ENTRY[field]
  const huge = 0xffff_ffff

  it.each<[string, (header: DataView) => void, string]>([
    ['sections', h => h.setUint32(HEADER.numSections, huge, true), 'numSections'],
    ['metric', h => h.setUint32(HEADER.metric, 2, true), 'metric: code 2'],
    ['documents', h => h.setUint32(HEADER.numDocuments, huge, true), 'numDocuments'],
    ['more documents', h => h.setUint32(HEADER.numDocuments, 2 ** 24, true), 'keyOffsets length'],
    ['terms', h => h.setUint32(HEADER.numTerms, huge, true), 'lexicon length'],
    ['postings', h => h.setUint32(HEADER.numPostings, huge, true), 'docIds length'],
    ['file size', h => h.setBigUint64(HEADER.fileBytes, 2n ** 64n - 1n, true), 'fileBytes'],
    ['section id', h => h.setUint32(entry('docIds', 'id'), 9, true), 'docIds section id'],
    ['type', h => h.setUint32(entry('weights', 'elementType'), 1, true), 'weights element type'],
    ['offset', h => h.setBigUint64(entry('keys', 'offset'), 2n ** 53n, true), 'keys offset'],
    ['length', h => h.setBigUint64(entry('keys', 'length'), 2n ** 63n, true), 'keys length'],
    ['less', h => h.setBigUint64(entry('keys', 'length'), 1n, true), 'keys checksum'],
    ['reserved', h => h.setUint32(entry('lexicon', 'reserved'), 1, true), 'lexicon reserved'],
    [
      'postings that agree with the table but not with the file',
      h => {
        h.setUint32(HEADER.numPostings, huge, true)
        h.setBigUint64(entry('docIds', 'length'), 4n * BigInt(huge), true)
      },
      'docIds length'
    ]
  ])('about its %s is refused by that name', (_, change, problem) => {
    expect(() => read(withHeader(change))).toThrow(corrupt(problem))
  })
})

describe('contents that break the contract, with right checksums', () => {
  const u32 = (...values: number[]) => Uint32Array.from(values)
  const f32 = (...values: number[]) => Float32Array.from(values)

  it.each<[string, Partial<Segment>, string]>([
    ['unsorted lexicon', { lexicon: u32(8, 3, 9) }, 'lexicon: term 3 after 8'],
    ['duplicate term', { lexicon: u32(3, 3, 9) }, 'lexicon: term 3 after 3'],
    ['offsets that do not begin at 0', { offsets: u32(1, 2, 3, 4) }, 'offsets: from 1 to 4'],
    ['offsets that end early', { offsets: u32(0, 1, 2, 3) }, 'offsets: from 0 to 3'],
    ['an empty posting list', { offsets: u32(0, 1, 1, 4) }, 'offsets: 1 after 1'],
    ['offsets that go back', { offsets: u32(0, 5, 3, 4) }, 'offsets: 3 after 5'],
    ['a document that is not there', { docIds: u32(0, 0, 3, 0) }, 'docIds: 3 at posting 2'],
    ['unsorted documents', { docIds: u32(0, 1, 0, 0) }, 'docIds: 0 at posting 2 of term 8'],
    ['a weight of 0', { weights: f32(1, 0, 1, 1) }, 'weights: 0 at posting 1'],
    ['a negative weight', { weights: f32(1, 1, -1, 1) }, 'weights: -1 at posting 2'],
    ['NaN', { weights: f32(Number.NaN, 1, 1, 1) }, 'weights: NaN at posting 0'],
    ['infinity', { weights: f32(1, 1, 1, 1e39) }, 'weights: Infinity at posting 3'],
    ['an empty key', { keys: ['a', '', 'c'] }, 'keyOffsets: 1 after 1 at document 1'],
    ['a duplicate key', { keys: ['a', 'b', 'a'] }, 'keys: duplicate "a"'],
    ['metadata that is no object', { metadata: [] as never }, 'metadata: not a JSON object']
  ])('are refused: %s', (_, parts, problem) => {
    expect(() => read(fileOf(parts))).toThrow(corrupt(problem))
  })

  it('are refused: keys cut inside a character, keys and metadata that are not UTF-8', () => {
    const patched = (section: 'keys' | 'keyOffsets' | 'metadata', at: number, value: number) =>
      withHeader(header => {
        const i = SECTIONS.findIndex(({ name }) => name === section)
        const entry = HEADER.table + i * ENTRY.bytes
        const offset = Number(header.getBigUint64(entry + ENTRY.offset, true))
        const length = Number(header.getBigUint64(entry + ENTRY.length, true))
        const bytes = new Uint8Array(header.buffer, offset, length)
        bytes[at] = value
        header.setInt32(entry + ENTRY.checksum, crc32.buf(bytes), true)
      })
    // The second key takes bytes 5 to 11; its last character is two of them.
    expect(() => read(patched('keyOffsets', 8, 11))).toThrow(corrupt('keys: document 1: not UTF-8'))
    expect(() => read(patched('keys', 0, 0xff))).toThrow(corrupt('keys: not UTF-8'))
    expect(() => read(patched('metadata', 0, 0xff))).toThrow(corrupt('metadata: not UTF-8'))
    expect(() => read(patched('metadata', 0, 0x20))).toThrow(corrupt('metadata: not JSON'))
  })
})
