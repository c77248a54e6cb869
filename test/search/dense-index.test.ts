import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { DenseIndex, DenseIndexBuilder } from '../../src/entry/search.ts'
import { xxh32 } from '../../src/kernel/xxh32.ts'
import { HEADER, HEADER_BYTES, HEADER_CHECKSUM } from '../../src/search/dense-format.ts'
import { Random } from './random-collections.ts'

/** Written by version 1 of the format; it is never made anew. `GOLDEN=1` makes it where it is missing. */
const goldenFile = fileURLToPath(new URL('../golden/dense-v1.esp', import.meta.url))

/** A small index whose every number is one of eighths, so that it is the same on any machine. */
function goldenIndex(precision: 'int8' | 'float32' = 'int8'): DenseIndex {
  const random = new Random(41)
  const builder = new DenseIndexBuilder(19)
  for (let i = 0; i < 12; i++) {
    const vector = Array.from({ length: 19 }, () => (random.below(33) - 16) / 8)
    builder.add(i === 3 ? 'schlüssel 🗝' : `note-${i}`, vector)
  }
  return builder.finish({ metric: 'cosine', precision, metadata: { model: 'none' } })
}

const code = (value: string) => expect.objectContaining({ code: value })

describe('a builder', () => {
  it.each([0, -1, 1.5, 65_537, '3'])('of %s dimensions is refused', dimensions => {
    expect(() => new DenseIndexBuilder(dimensions as number)).toThrow(code('INVALID_ARGUMENT'))
  })

  it.each<[string, unknown, string]>([
    ['shorter', [1, 2], 'it has 2 dimensions'],
    ['longer', [1, 2, 3, 4], 'it has 4 dimensions'],
    ['NaN', [1, Number.NaN, 3], 'dimension 1 is NaN'],
    ['infinite', [1, 2, Number.POSITIVE_INFINITY], 'dimension 2 is Infinity'],
    ['beyond float32', [1e39, 2, 3], 'dimension 0 is 1e+39'],
    ['texts', ['a', 2, 3], 'dimension 0 is string'],
    ['no vector', null, 'not a dense vector'],
    ['a sparse one', { terms: [], weights: [] }, 'not a dense vector']
  ])('refuses a vector that is %s, and stays as it was', async (_, vector, message) => {
    const builder = new DenseIndexBuilder(3)
    const add = () => builder.add('a', vector as number[])
    expect(add).toThrow(code('INVALID_VECTOR'))
    expect(add).toThrow(message)
    expect(add).toThrow('document "a"')
    builder.add('a', [1, 2, 3])
    expect(() => builder.add('a', [1, 2, 3])).toThrow(code('DUPLICATE_KEY'))
    expect(() => builder.add('', [1, 2, 3])).toThrow(code('INVALID_KEY'))
    expect(builder.size).toBe(1)
    const index = builder.finish()
    expect([index.size, index.dimensions, index.metric, index.precision]).toEqual([
      1,
      3,
      'cosine',
      'int8'
    ])
    expect(() => builder.add('b', [1, 2, 3])).toThrow('has finished')
    const searching = index.search(vector as number[])
    await expect(searching).rejects.toMatchObject({ code: 'INVALID_VECTOR', place: 'query' })
  })

  it('refuses zeros under cosine, in documents and queries', async () => {
    const builder = new DenseIndexBuilder(2)
    builder.add('a', [1, 0])
    builder.add('nothing', [0, -0])
    expect(() => builder.finish()).toThrow('document "nothing"')
    expect(() => builder.finish({ metric: 'cosine' })).toThrow(code('INVALID_VECTOR'))
    const index = builder.finish({ metric: 'dot' })
    const { hits } = await index.search([0, 0])
    expect(hits.map(({ key, score }) => [key, score])).toEqual([
      ['a', 0],
      ['nothing', 0]
    ])
    await expect(goldenIndex().search(new Float32Array(19))).rejects.toThrow('no direction')
  })

  it('refuses options without meaning', () => {
    const finish = (options: object) => () => new DenseIndexBuilder(2).finish(options)
    expect(finish({ metric: 'manhattan' })).toThrow(code('INVALID_ARGUMENT'))
    expect(finish({ precision: 'float16' })).toThrow(code('INVALID_ARGUMENT'))
    expect(finish({ metadata: { a: 1n } })).toThrow(code('INVALID_ARGUMENT'))
  })

  it('copies vectors, also over several chunks', async () => {
    const builder = new DenseIndexBuilder(60_000)
    const vector = new Float32Array(60_000)
    for (let i = 0; i < 40; i++) {
      vector.fill(0)
      vector[i] = i + 1
      builder.add(`d${i}`, vector)
    }
    const index = builder.finish({ metric: 'dot' })
    expect(index.vectorOf('d39').indexOf(40)).toBe(39)
    vector.fill(1)
    const { hits, max, min } = await index.search(vector, { k: 2 })
    expect(hits.map(({ key }) => key)).toEqual(['d39', 'd38'])
    expect([min, max]).toEqual([1, 40])
  })
})

describe('an index', () => {
  it('without documents finds nothing', async () => {
    const index = new DenseIndexBuilder(4).finish()
    const again = DenseIndex.fromBytes(index.toBytes())
    const { hits, min, max } = await again.search([1, 2, 3, 4])
    expect([hits, min, max, again.dimensions]).toEqual([[], 0, 0, 4])
  })

  it('gives keys, vectors, sets and scores', async () => {
    const index = goldenIndex()
    expect([...index.keys()]).toHaveLength(12)
    expect(index.has('schlüssel 🗝')).toBe(true)
    expect(index.vectorOf('note-0')).toHaveLength(19)
    expect(() => index.vectorOf('none')).toThrow(code('KEY_NOT_FOUND'))
    expect(() => index.documentSet(['none'])).toThrow(code('KEY_NOT_FOUND'))
    const query = index.vectorOf('note-5')
    const result = await index.search(query, { filter: index.documentSet(['note-1']) })
    expect(result.hits.map(({ key }) => key)).toEqual(['note-1'])
    expect(result.scoresOf(['note-5', 'note-1', 'note-5'])[0]).toBeCloseTo(1, 12)
    expect(() => result.scoresOf(['none'])).toThrow(code('KEY_NOT_FOUND'))
    expect(index.scoresOf(query, ['note-1'])[0]).toBe(result.hits[0]!.score)
    const twice = Array.from({ length: 50 }, () => 'note-1')
    expect(new Set(index.scoresOf(query, twice)).size).toBe(1)
    query.fill(0)
    expect(result.scoresOf(['note-1'])[0]).toBe(result.hits[0]!.score)
  })

  it('checks the options of a search', async () => {
    const index = goldenIndex()
    const query = index.vectorOf('note-5')
    for (const options of [{ k: 0 }, { minScore: Number.NaN }, { filter: {} }]) {
      await expect(index.search(query, options as object)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT'
      })
    }
    const signal = AbortSignal.abort()
    await expect(index.search(query, { signal })).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('bytes', () => {
  it('are those of the golden file of version 1, which is read', async () => {
    if (process.env.GOLDEN === '1')
      writeFileSync(goldenFile, goldenIndex().toBytes(), { flag: 'wx' })
    const golden = new Uint8Array(readFileSync(goldenFile))
    expect(Buffer.compare(goldenIndex().toBytes(), golden)).toBe(0)
    const index = DenseIndex.fromBytes(golden)
    expect(index.metadata).toEqual({ model: 'none' })
    expect([...index.keys()]).toEqual([...goldenIndex().keys()])
    const query = index.vectorOf('note-7')
    const expected = await goldenIndex('float32').search(query)
    expect((await index.search(query)).hits).toEqual(expected.hits)
  })

  it('without codes come back as they were', () => {
    const bytes = goldenIndex('float32').toBytes()
    const again = DenseIndex.fromBytes(bytes)
    expect(again.precision).toBe('float32')
    expect(Buffer.compare(again.toBytes(), bytes)).toBe(0)
    expect(bytes.length).toBeLessThan(goldenIndex().toBytes().length)
  })

  it('that were cut or changed anywhere are refused', () => {
    const bytes = goldenIndex().toBytes()
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1 << (at % 8)
      const expected = at >= 8 && at < 12 ? 'INDEX_VERSION' : 'INDEX_CORRUPT'
      expect(() => DenseIndex.fromBytes(changed), `byte ${at}`).toThrow(code(expected))
      if (at % 16 === 0) {
        expect(() => DenseIndex.fromBytes(bytes.slice(0, at))).toThrow(code('INDEX_CORRUPT'))
      }
    }
    const longer = new Uint8Array(bytes.length + 64)
    longer.set(bytes)
    expect(() => DenseIndex.fromBytes(longer, 'a.esp')).toThrow('a.esp: fileBytes')
  })

  /** The golden index with other content, and checksums that hold. */
  function forged(change: (view: DataView, sectionAt: (id: number) => number) => void): Uint8Array {
    const bytes = goldenIndex().toBytes()
    const view = new DataView(bytes.buffer)
    const entryOf = (id: number) => HEADER.table + (id - 1) * 32
    const offsetOf = (id: number) => Number(view.getBigUint64(entryOf(id) + 8, true))
    change(view, offsetOf)
    for (let id = 1; id <= 8; id++) {
      const length = Number(view.getBigUint64(entryOf(id) + 16, true))
      const section = bytes.subarray(offsetOf(id), offsetOf(id) + length)
      view.setUint32(entryOf(id) + 24, xxh32(section), true)
    }
    view.setUint32(HEADER_CHECKSUM, xxh32(bytes.subarray(0, HEADER_CHECKSUM)), true)
    return bytes
  }

  it.each<[string, (view: DataView, at: (id: number) => number) => void, string]>([
    ['nothing', () => {}, ''],
    ['many vectors', view => view.setUint32(HEADER.numVectors, 2 ** 24, true), 'keyOffsets length'],
    ['too many', view => view.setUint32(HEADER.numVectors, 2 ** 32 - 1, true), 'numVectors'],
    ['no dimensions', view => view.setUint32(HEADER.dimensions, 0, true), 'dimensions: 0'],
    ['more dimensions', view => view.setUint32(HEADER.dimensions, 21, true), 'rows length'],
    ['another metric', view => view.setUint32(HEADER.metric, 3, true), 'metric: 3'],
    ['another precision', view => view.setUint32(HEADER.precision, 0, true), 'scales length'],
    ['NaN in a row', (view, at) => view.setFloat32(at(5), Number.NaN, true), 'rows: vector 0'],
    ['padding', (view, at) => view.setFloat32(at(5) + 76, 1, true), 'padding of vector 0'],
    ['a norm of 0', (view, at) => view.setFloat64(at(4), 0, true), 'norms: 0 of vector 0'],
    ['a negative error', (view, at) => view.setFloat64(at(7) + 8, -1, true), 'errors: -1'],
    ['a scale of NaN', (view, at) => view.setFloat64(at(6), Number.NaN, true), 'scales: NaN'],
    ['keys that overlap', (view, at) => view.setUint32(at(2) + 4, 0, true), 'keyOffsets'],
    ['keys of no text', (view, at) => view.setUint8(at(3), 0xff), 'keys: not UTF-8'],
    ['metadata', (view, at) => view.setUint8(at(1), 0x5b), 'metadata'],
    ['a gap', view => view.setUint8(HEADER_BYTES, 1), 'gap at byte']
  ])('forged: %s', (_, change, message) => {
    const open = () => DenseIndex.fromBytes(forged(change))
    if (message === '') expect(open().size).toBe(12)
    else {
      expect(open).toThrow(code('INDEX_CORRUPT'))
      expect(open).toThrow(message)
    }
  })
})
