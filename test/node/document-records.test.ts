import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_DENSE_DIMENSIONS,
  MAX_KEY_BYTES,
  MAX_NAMESPACE_BYTES,
  MAX_TEXT_BYTES
} from '../../src/collection/document-limits.ts'
import type { StoredDocument, StoredVectors } from '../../src/collection/store.ts'
import { EsplanadeError } from '../../src/errors.ts'
import {
  decodeDocument,
  decodeVectors,
  encodeRecords,
  readUint64,
  writeUint64
} from '../../src/node/document-records.ts'

const document: StoredDocument = {
  seq: 7,
  namespace: 'städte',
  key: 'Zürich/1',
  text: 'Grüezi mitenand 🙂',
  metadata: { year: 1291, since: new Date('2026-11-21T00:00:00.000Z'), tags: ['a', 'b'] },
  passages: [
    [0, 6],
    [6, 17]
  ]
}
const vectors: StoredVectors = {
  passages: [
    { terms: Uint32Array.of(3, 70_000), weights: Float32Array.of(0.5, 2) },
    { terms: Uint32Array.of(1, 2, 65_535), weights: Float32Array.of(1, 0.25, 3) },
    { terms: new Uint32Array(0), weights: new Float32Array(0) }
  ],
  dense: Float32Array.of(-1, 0, 1)
}

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act()
  } catch (error) {
    if (error instanceof EsplanadeError) return error.code
    throw error
  }
  return undefined
}

const encode = (change: Partial<StoredDocument>, others: StoredVectors = { passages: [] }) =>
  encodeRecords({ ...document, ...change }, others)

describe('records', () => {
  it('give back what they were made of', () => {
    const records = encodeRecords(document, vectors)
    expect(decodeDocument(records.document, 7, 'store')).toEqual(document)
    expect(decodeVectors(records.vectors, 7, 'store', () => undefined)).toEqual(vectors)
    expect(records.numBytes).toBe(records.document.length + records.vectors.length)
  })

  it('give back anything, at any place in memory', () => {
    const passage = fc
      .uniqueArray(fc.nat(100_000), { maxLength: 40 })
      .map(terms => Uint32Array.from(terms).sort())
      .map(terms => ({ terms, weights: Float32Array.from(terms, term => 1 + term / 3) }))
    const any = fc.record({
      seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      key: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      text: fc.string({ unit: 'grapheme' }),
      passages: fc.array(passage, { maxLength: 4 }),
      dense: fc.option(fc.float32Array({ noNaN: true }), { nil: undefined }),
      shift: fc.nat(7)
    })
    fc.assert(
      fc.property(any, ({ seq, key, text, passages, dense, shift }) => {
        const name = key.replaceAll('\0', '0')
        const stored = { seq, namespace: '', key: name, text, metadata: {} }
        const records = encodeRecords(stored, { passages, ...(dense && { dense }) })
        const moved = (record: Buffer) => {
          const copy = Buffer.alloc(record.length + shift)
          record.copy(copy, shift)
          return copy.subarray(shift)
        }
        expect(decodeDocument(moved(records.document), seq, '')).toEqual(stored)
        const back = decodeVectors(moved(records.vectors), seq, '', () => undefined)
        expect(back).toEqual({ passages, ...(dense && { dense }) })
      })
    )
  })

  it('stand as docs/formats/store-v1.md draws them', () => {
    const { document: record } = encodeRecords(
      {
        seq: 2 ** 40 + 5,
        namespace: 'n',
        key: 'kk',
        text: 'ttt',
        metadata: {},
        passages: [[0, 3]]
      },
      { passages: [] }
    )
    expect(record.subarray(4).toString('hex')).toBe(
      ['01010100', '0500000000010000', '02000000', '02000000', '03000000', '01000000'].join('') +
        Buffer.from('nkk{}ttt').toString('hex') +
        ['00000000', '03000000'].join('')
    )
    const { vectors: narrow } = encodeRecords(document, {
      passages: [{ terms: Uint32Array.of(258), weights: Float32Array.of(1) }],
      dense: Float32Array.of(2)
    })
    expect(narrow.subarray(4).toString('hex')).toBe(
      ['01010000', '0700000000000000', '01000000', '01000000', '01000000'].join('') +
        ['0000803f', '02010000', '00000040'].join('')
    )
    expect(narrow.readUInt32LE(0)).toBe(crc32(narrow.subarray(4)))
  })

  it('show every changed bit and every missing byte', () => {
    const records = encodeRecords(document, vectors)
    const read = [
      (bytes: Buffer) => decodeDocument(bytes, 7, 'store'),
      (bytes: Buffer) => decodeVectors(bytes, 7, 'store', () => document.key)
    ]
    for (const [i, record] of [records.document, records.vectors].entries()) {
      for (let bit = 0; bit < record.length * 8; bit++) {
        const changed = Buffer.from(record)
        changed[bit >> 3]! ^= 1 << (bit & 7)
        expect(codeOf(() => read[i]!(changed))).toBe('COLLECTION_CORRUPT')
      }
      for (let length = 0; length < record.length; length++) {
        expect(codeOf(() => read[i]!(record.subarray(0, length)))).toBe('COLLECTION_CORRUPT')
      }
    }
  })

  it('with a right checksum and wrong lengths are damaged all the same', () => {
    const { document: record, vectors: others } = encodeRecords(document, vectors)
    const forge = (bytes: Buffer, at: number, value: number) => {
      const forged = Buffer.from(bytes)
      forged.writeUInt32LE(value, at)
      forged.writeUInt32LE(crc32(forged.subarray(4)), 0)
      return forged
    }
    for (const value of [0x7fff_ffff, 0xffff_ffff, 0]) {
      for (const at of [20, 24, 28]) {
        const forged = forge(record, at, value)
        expect(codeOf(() => decodeDocument(forged, 7, ''))).toBe('COLLECTION_CORRUPT')
      }
      for (const at of [16, 20, 24, 28]) {
        const forged = forge(others, at, value)
        expect(codeOf(() => decodeVectors(forged, 7, '', () => ''))).toBe('COLLECTION_CORRUPT')
      }
    }
  })

  it('of another document are not taken for it', () => {
    const records = encodeRecords(document, vectors)
    expect(() => decodeDocument(records.document, 8, 'store')).toThrow('the record of document 7')
    expect(codeOf(() => decodeVectors(records.vectors, 8, '', () => ''))).toBe('COLLECTION_CORRUPT')
  })

  it('name the key of a damaged document where it can be read', () => {
    const { document: record } = encodeRecords(document, vectors)
    record[record.length - 1]! ^= 1
    expect(() => decodeDocument(record, 7, 'DIR')).toThrow(
      'DIR: the record of document 7, with the key "Zürich/1", is damaged: its checksum is wrong'
    )
    record.fill(0xff)
    expect(() => decodeDocument(record, 7, 'DIR')).toThrow('whose key cannot be read')
  })
})

describe('limits', () => {
  it('of keys and namespaces', () => {
    expect(codeOf(() => encode({ key: 'k'.repeat(MAX_KEY_BYTES) }))).toBeUndefined()
    expect(codeOf(() => encode({ namespace: 'n'.repeat(MAX_NAMESPACE_BYTES) }))).toBeUndefined()
    expect(codeOf(() => encode({ key: '../../etc' }))).toBeUndefined()
    for (const key of ['', 'ü'.repeat(513), 'a\0b', '\ud800', 'x\udc00']) {
      expect(codeOf(() => encode({ key }))).toBe('INVALID_KEY')
    }
    for (const namespace of ['n'.repeat(257), '\0', '\udfff']) {
      expect(codeOf(() => encode({ namespace }))).toBe('INVALID_KEY')
    }
  })

  it('of metadata and dense vectors', () => {
    const overhead = '{"a":""}'.length
    expect(
      codeOf(() => encode({ metadata: { a: 'x'.repeat(2 ** 20 - overhead) } }))
    ).toBeUndefined()
    const tooLong = { a: 'x'.repeat(2 ** 20 - overhead + 1) }
    expect(codeOf(() => encode({ metadata: tooLong }))).toBe('INVALID_ARGUMENT')
    const dense = (length: number) => ({ passages: [], dense: new Float32Array(length) })
    expect(codeOf(() => encode({}, dense(MAX_DENSE_DIMENSIONS)))).toBeUndefined()
    expect(codeOf(() => encode({}, dense(MAX_DENSE_DIMENSIONS + 1)))).toBe('INVALID_ARGUMENT')
  })

  it('of texts', () => {
    const text = 'x'.repeat(MAX_TEXT_BYTES)
    expect(encode({ text }).document.length).toBeGreaterThan(MAX_TEXT_BYTES)
    expect(codeOf(() => encode({ text: `${text}x` }))).toBe('INVALID_ARGUMENT')
  })
})

it('numbers of 64 bits keep all safe integers', () => {
  const bytes = Buffer.alloc(8)
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER]) {
    writeUint64(bytes, value, 0)
    expect([readUint64(bytes, 0), bytes.readBigUInt64LE()]).toEqual([value, BigInt(value)])
  }
})
