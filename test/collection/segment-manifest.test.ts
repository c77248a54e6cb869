import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatCheckedJson } from '../../src/collection/checked-json.ts'
import {
  emptySegmentManifest,
  formatSegmentManifest,
  parseSegmentManifest,
  type SegmentManifest,
  type SegmentRecord,
  segmentFileName,
  segmentFileNumber
} from '../../src/collection/segment-manifest.ts'
import {
  type CollectionSettings,
  formatCollectionFile,
  formatSettings,
  parseCollectionFile,
  parseSettings,
  refuseMismatch
} from '../../src/collection/settings.ts'

const record = (file: number, firstSeq: number, lastSeq: number): SegmentRecord => ({
  file: segmentFileName(file),
  firstSeq,
  lastSeq,
  numDocuments: lastSeq - firstSeq + 1,
  numEntries: lastSeq - firstSeq + 3,
  numPostings: 17,
  fileBytes: 4096,
  fileChecksum: 0xffff_fff0,
  columnsBytes: 512,
  columnsChecksum: 0
})

const MANIFEST: SegmentManifest = {
  ...emptySegmentManifest(),
  generation: 7,
  flushedSeq: 30,
  nextFile: 12,
  segments: [record(11, 1, 10), record(3, 12, 20), record(9, 21, 29)]
}

const corrupt = expect.objectContaining({ code: 'COLLECTION_CORRUPT', place: 'm.json' })
const parse = (json: string) => parseSegmentManifest(json, 'm.json')

describe('a manifest', () => {
  it('comes back as it was', () => {
    expect(parse(formatSegmentManifest(MANIFEST))).toEqual(MANIFEST)
    expect(parse(formatSegmentManifest(emptySegmentManifest()))).toEqual(emptySegmentManifest())
  })

  it('is refused where any character was changed', () => {
    const json = formatSegmentManifest(MANIFEST)
    fc.assert(
      fc.property(fc.nat(json.length - 1), fc.integer({ min: 0x20, max: 0x7e }), (at, code) => {
        const changed = json.slice(0, at) + String.fromCharCode(code) + json.slice(at + 1)
        // Space between two tokens says nothing.
        let fields: unknown
        try {
          fields = JSON.parse(changed)
        } catch {}
        if (JSON.stringify(fields) === JSON.stringify(JSON.parse(json))) return
        expect(() => parse(changed)).toThrow(corrupt)
      })
    )
  })

  it('is refused where it was cut', () => {
    const json = formatSegmentManifest(MANIFEST)
    for (let length = 0; length < json.trimEnd().length; length++) {
      expect(() => parse(json.slice(0, length))).toThrow(corrupt)
    }
    expect(() => parse('')).toThrow('m.json: it is empty')
  })

  it.each(['null', '[]', '1', '"x"', '{}', '{"format":"esplanade-index"}', '\0\0'])(
    '%j is none',
    json => expect(() => parse(json)).toThrow(corrupt)
  )

  it('of a newer version is refused as such', () => {
    const newer: SegmentManifest = { ...MANIFEST, version: 2, segments: [] }
    const json = formatCheckedJson(newer)
    expect(() => parse(json)).toThrow(
      expect.objectContaining({ code: 'COLLECTION_VERSION', place: 'm.json' })
    )
  })

  const wrong: [string, unknown][] = [
    ['version 0', { version: 0 }],
    ['version null', { version: null }],
    ['no generation', { generation: undefined }],
    ['a fraction', { flushedSeq: 30.5 }],
    ['flushed less than it has', { flushedSeq: 28 }],
    ['a next file that is there', { nextFile: 11 }],
    ['no segments', { segments: {} }],
    ['no segment', { segments: [null] }],
    [
      'documents before those of the segment before',
      { segments: [record(1, 5, 9), record(2, 9, 9)] }
    ],
    ['a range that ends before it begins', { segments: [record(1, 9, 8)] }],
    ['one file twice', { segments: [record(1, 1, 2), record(1, 3, 4)] }],
    ['too many documents', { segments: [{ ...record(1, 1, 2), numDocuments: 3 }] }],
    ['fewer entries than documents', { segments: [{ ...record(1, 1, 2), numEntries: 1 }] }],
    ...['../../etc/passwd', '../000001', '1', '00001', '000001.esp', '0000001', '', 1].map(
      file =>
        [`the file ${file}`, { segments: [{ ...record(1, 1, 2), file }] }] as [string, unknown]
    )
  ]
  it.each(wrong)('with %s is refused', (_, fields) => {
    const json = formatCheckedJson({ ...MANIFEST, ...(fields as object) })
    expect(() => parse(json)).toThrow(corrupt)
  })
})

it('files have names of six digits or more', () => {
  for (const number of [0, 1, 999_999, 1_000_000, 123_456_789]) {
    expect(segmentFileNumber(segmentFileName(number))).toBe(number)
  }
  expect(segmentFileName(12)).toBe('000012')
})

const SETTINGS: CollectionSettings = {
  model: {
    source: 'splade-tiny',
    name: 'splade-tiny',
    vocabularyFingerprint: 'v',
    weightsFingerprint: 'w',
    pooling: 'max',
    precision: 'float32',
    maxTokens: 256
  },
  metric: 'dot',
  precision: 'float16',
  passageTokens: 128,
  topTokens: 200,
  minWeight: 0.01,
  dense: { dimensions: 384, metric: 'cosine' }
}

describe('settings', () => {
  const read = (json: string) => parseSettings(json, 'm.json')

  it('come back as they were', () => {
    expect(read(formatSettings(SETTINGS))).toEqual(SETTINGS)
    const least: CollectionSettings = { metric: 'cosine', precision: 'float32' }
    expect(read(formatSettings(least))).toEqual(least)
  })

  it.each([
    { metric: 'l2' },
    { precision: 'int8' },
    { passageTokens: -1 },
    { topTokens: 0 },
    { minWeight: '1' },
    { dense: 384 },
    { dense: { dimensions: 0, metric: 'dot' } },
    { model: {} },
    { model: { ...SETTINGS.model, pooling: 'mean' } },
    { model: { ...SETTINGS.model, maxTokens: 0 } },
    { model: { ...SETTINGS.model, precision: 'float16' } }
  ])('with %j are refused', fields => {
    const json = formatSettings({ ...SETTINGS, ...(fields as object) })
    expect(() => read(json)).toThrow(corrupt)
  })

  it('that differ from what is wanted are refused with the reason', () => {
    const { model } = SETTINGS
    const check = (wanted: Parameters<typeof refuseMismatch>[1]) => () =>
      refuseMismatch(SETTINGS, wanted, 'dir')
    for (const wanted of [{}, SETTINGS, { metric: 'dot' } as const, { model: model! }]) {
      expect(check(wanted)).not.toThrow()
    }
    expect(check({ model: { ...model!, source: '/elsewhere', name: 'other' } })).not.toThrow()
    const mismatch = (message: RegExp) =>
      expect.objectContaining({
        code: 'COLLECTION_MISMATCH',
        place: 'dir',
        message: expect.stringMatching(message)
      })
    expect(check({ model: null })).toThrow(mismatch(/splade-tiny; no model was asked for/))
    expect(check({ model: { ...model!, vocabularyFingerprint: 'x' } })).toThrow(
      mismatch(/another vocabulary: x, not v/)
    )
    expect(check({ model: { ...model!, pooling: 'sum' } })).toThrow(mismatch(/another pooling/))
    expect(check({ model: { ...model!, precision: 'mixed' } })).not.toThrow()
    expect(check({ model: { ...model!, precision: 'int8' } })).toThrow(
      mismatch(/precision float32; int8 was asked for/)
    )
    expect(check({ metric: 'cosine' })).toThrow(mismatch(/metric dot; cosine was asked for/))
    expect(check({ topTokens: 100 })).toThrow(mismatch(/topTokens 200; 100/))
    expect(check({ dense: { dimensions: 768, metric: 'cosine' } })).toThrow(mismatch(/of 384/))
    const without: CollectionSettings = { metric: 'dot', precision: 'float32' }
    expect(() => refuseMismatch(without, { model: model! }, 'dir')).toThrow(mismatch(/no model;/))
    expect(() => refuseMismatch(without, { model: null }, 'dir')).not.toThrow()
  })
})

describe('collection.json', () => {
  const read = (json: string) => parseCollectionFile(json, 'm.json')

  it('names a generation', () => {
    expect(read(formatCollectionFile({ active: 'g12' }))).toEqual({ active: 'g12' })
  })

  it.each(['', 'g0', 'g01', 'g', 'h1', '../g1', 'g1/..', 'g1 '])('%j is none', active => {
    expect(() => read(formatCollectionFile({ active }))).toThrow(corrupt)
  })

  it('of a newer version is refused as such', () => {
    const json = formatCheckedJson({ format: 'esplanade-collection', version: 2 })
    expect(() => read(json)).toThrow(expect.objectContaining({ code: 'COLLECTION_VERSION' }))
  })
})
