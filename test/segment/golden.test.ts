import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { HEADER } from '../../src/segment/segment-format.ts'
import {
  type SparseVector,
  sparseVector,
  sparseVectorFromEntries
} from '../../src/vector/sparse-vector.ts'
import { decodeSegment } from './decoded-segment.ts'

/**
 * Files of every format version. Those of version 1 must be read for as long as there is a version 1;
 * they are never made anew.
 *
 * `segment-v1.esp` and `segment-v1-float16.esp` are `toBytes()` of the indexes that `wholeIndex` and
 * `partedIndex` below build, written when the format was. The expected keys, vectors and hits were
 * worked out from these files by a program in another language that was written from
 * `docs/formats/segment-v1.md` alone and checked every checksum, gap, place and impact on its way.
 *
 * The order of the documents of `segment-v1.esp` is the work of `graph-bisection.ts`. Should that one
 * day find a better order, only the comparison of its bytes with a fresh build goes.
 */
function readGolden(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, import.meta.url)))
}

/** Vectors of whole numbers and halves of halves, which are the same on every machine. */
function wholeVector(i: number): SparseVector {
  if (i % 100 === 17) return sparseVector([], [])
  const mixed = Math.imul(i, 0x9e3779b1) >>> 0
  const topic = 1000 + 64 * (mixed >>> 30)
  const entries: [number, number][] = [
    [7, (1 + ((37 * i) % 64)) / 32],
    [100 + (i % 5), (1 + ((11 * i) % 16)) / 8],
    [topic + ((mixed >>> 10) & 15), 3],
    [topic + 16 + ((mixed >>> 15) & 15), 0.5 + (i % 3)],
    [topic + 32 + ((mixed >>> 20) & 31), 1.25]
  ]
  if (i % 10 === 0) entries.push([4_294_967_295 - (i % 7), 0.25])
  return sparseVectorFromEntries(entries)
}

/** Two windows of reordered documents; runs of all three shapes. */
async function wholeIndex(): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < 560; i++) builder.add(i === 3 ? 'zweitê' : `d${i}`, wholeVector(i))
  const metadata = { made: 'for tests' }
  return builder.finish({ metric: 'cosine', windowDocuments: 512, metadata })
}

function partedVector(i: number): SparseVector {
  if (i === 11) return sparseVector([], [])
  const entries: [number, number][] = [
    [3 + (i % 4), (1 + i) / 7],
    [20 + (i % 9), 1 / (1 + i)]
  ]
  if (i % 2 === 0) entries.push([70_000, 0.1 * (1 + (i % 5))])
  return sparseVectorFromEntries(entries)
}

/** Two segments; weights that half precision rounds; odd and even numbers of terms. */
async function partedIndex(): Promise<SparseIndex> {
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < 40; i++) builder.add(`k${i}`, partedVector(i))
  const metadata = { parts: 2 }
  const sizes = { windowDocuments: 1024, maxSegmentBytes: 600 }
  return builder.finish({ precision: 'float16', metadata, ...sizes })
}

/** Keys and scores of the best four documents, by every exact strategy. */
async function bestFour(
  index: SparseIndex,
  terms: number[],
  weights: number[]
): Promise<[string, number][]> {
  const query = sparseVector(terms, weights)
  const { hits } = await index.search(query, { k: 4, strategy: 'exhaustive' })
  for (const strategy of ['auto', 'windowed', 'max-score', 'block-max'] as const) {
    expect((await index.search(query, { k: 4, strategy })).hits, strategy).toEqual(hits)
  }
  return hits.map(({ key, score }) => [key, score])
}

const entriesOf = ({ terms, weights }: SparseVector) =>
  Array.from(terms, (term, i) => [term, weights[i]!])

describe.each(['auto', 'typescript'] as const)('segment-v1.esp, with kernel %s', kernel => {
  const golden = readGolden('segment-v1.esp')
  const open = () => SparseIndex.fromBytes(golden, 'segment-v1.esp', kernel)

  it('holds its documents', () => {
    const index = open()
    expect([index.size, index.numPostings, index.numTerms]).toEqual([560, 2826, 269])
    expect([index.metric, index.precision, index.numSegments]).toEqual(['cosine', 'float32', 1])
    expect(index.metadata).toEqual({ made: 'for tests' })
    expect(index.isWasm).toBe(kernel === 'auto')
    expect([...index.keys()].slice(0, 5)).toEqual(['d0', 'd1', 'd2', 'zweitê', 'd4'])
    expect(entriesOf(index.vectorOf('d0'))).toEqual([
      [7, 0.03125],
      [100, 0.125],
      [1000, 3],
      [1016, 0.5],
      [1032, 1.25],
      [4_294_967_295, 0.25]
    ])
    expect(entriesOf(index.vectorOf('zweitê'))).toEqual([
      [7, 1.5],
      [103, 0.25],
      [1203, 3],
      [1220, 0.5],
      [1234, 1.25]
    ])
    expect(entriesOf(index.vectorOf('d17'))).toEqual([])
    for (const [i, [, vector]] of [...index.entries()].entries()) {
      expect(vector).toEqual(wholeVector(i))
    }
  })

  it('finds the same documents as ever', async () => {
    const index = open()
    expect(await bestFour(index, [7], [1])).toEqual([
      ['d147', 0.5185629788417315],
      ['d339', 0.5185629788417315],
      ['d531', 0.5185629788417315],
      ['d102', 0.5112498002427691]
    ])
    expect(await bestFour(index, [7, 102, 1003], [0.5, 2, 1])).toEqual([
      ['d477', 0.5023635072710716],
      ['d522', 0.48316943703229337],
      ['d157', 0.47555677627045007],
      ['d397', 0.4668852267712514]
    ])
    expect(await bestFour(index, [55, 1020, 4_294_967_295], [1, 3, 1])).toEqual([
      ['d26', 0.5014439479728895],
      ['d209', 0.483105724310195],
      ['d301', 0.3308640457772497],
      ['d133', 0.3281314672951572]
    ])
  })

  it('is what the same documents are written as', async () => {
    expect(Buffer.compare((await wholeIndex()).toBytes(), golden)).toBe(0)
    expect(Buffer.compare(open().toBytes(), golden)).toBe(0)
  })

  it('shows every part of the format that a single segment has', () => {
    const { header, runs, records } = decodeSegment(golden)
    const shapes = runs.flat().map(({ window, shape }) => `${window} ${shape}`)
    expect([...new Set(shapes)].sort()).toEqual([
      '0 dense',
      '0 sparse',
      '0 sparse with table',
      '1 sparse',
      '1 sparse with table'
    ])
    expect(header.isReordered).toBe(1)
    expect(new Set(records.map(({ termIndexes }) => termIndexes.length))).toEqual(
      new Set([0, 5, 6])
    )
  })
})

describe.each(['auto', 'typescript'] as const)('segment-v1-float16.esp, with kernel %s', kernel => {
  const golden = readGolden('segment-v1-float16.esp')
  const open = () => SparseIndex.fromBytes(golden, 'segment-v1-float16.esp', kernel)

  it('holds its documents', () => {
    const index = open()
    expect([index.size, index.numPostings, index.numTerms]).toEqual([40, 98, 14])
    expect([index.metric, index.precision, index.numSegments]).toEqual(['dot', 'float16', 2])
    expect(index.metadata).toEqual({ parts: 2 })
    expect([...index.keys()]).toEqual(Array.from({ length: 40 }, (_, i) => `k${i}`))
    expect(entriesOf(index.vectorOf('k0'))).toEqual([
      [3, 0.142822265625],
      [20, 1],
      [70_000, 0.0999755859375]
    ])
    expect(entriesOf(index.vectorOf('k11'))).toEqual([])
    expect(entriesOf(index.vectorOf('k38'))).toEqual([
      [5, 5.5703125],
      [22, 0.025634765625],
      [70_000, 0.39990234375]
    ])
    expect(entriesOf(index.vectorOf('k39'))).toEqual([
      [6, 5.71484375],
      [23, 0.024993896484375]
    ])
  })

  it('finds the same documents as ever', async () => {
    const index = open()
    expect(await bestFour(index, [70_000], [1])).toEqual([
      ['k4', 0.5],
      ['k14', 0.5],
      ['k24', 0.5],
      ['k34', 0.5]
    ])
    expect(await bestFour(index, [3, 22], [0.25, 8])).toEqual([
      ['k2', 2.666015625],
      ['k36', 1.3212890625],
      ['k32', 1.1787109375],
      ['k20', 1.130859375]
    ])
    expect(await bestFour(index, [20], [1])).toEqual([
      ['k0', 1],
      ['k9', 0.0999755859375],
      ['k18', 0.052642822265625],
      ['k27', 0.03570556640625]
    ])
  })

  it('is what the same documents are written as', async () => {
    expect(Buffer.compare((await partedIndex()).toBytes(), golden)).toBe(0)
    expect(Buffer.compare(open().toBytes(), golden)).toBe(0)
  })
})

describe('index-v0.esp, of the version before', () => {
  it('is refused with what to do', () => {
    const golden = readGolden('index-v0.esp')
    const refusal = expect.objectContaining({
      code: 'INDEX_VERSION',
      place: 'old.esp',
      problem: 'format version 0',
      expected: 'format version 1, the only one that this release reads',
      remedy: 'Use the release that wrote it, or index again'
    })
    expect(() => SparseIndex.fromBytes(golden, 'old.esp')).toThrow(refusal)
    // Whatever follows the version: it is that version's business.
    const start = golden.slice(0, HEADER.numSections)
    expect(() => SparseIndex.fromBytes(start, 'old.esp')).toThrow(refusal)
  })
})

describe('the example of docs/formats/segment-v1.md', () => {
  it('is what these documents are written as', async () => {
    const page = readFileSync(new URL('../../docs/formats/segment-v1.md', import.meta.url), 'utf8')
    const builder = new SparseIndexBuilder()
    builder.add('first', sparseVector([3, 8, 4_294_967_295], [1, 0.5, 2]))
    builder.add('zweitê', sparseVector([8], [4]))
    builder.add('empty', sparseVector([], []))
    const index = await builder.finish({ metric: 'cosine', metadata: { model: 'none' } })
    const file = index.toBytes()
    const lines = [...page.matchAll(/^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} {1,2})+)/gm)]
    expect(lines.length).toBeGreaterThan(20)
    const shown = new Set<number>()
    for (const [, place, bytes] of lines) {
      const start = Number.parseInt(place!, 16)
      const expected = bytes!.trim().split(/ +/)
      const found = [...file.subarray(start, start + expected.length)]
      expect(
        found.map(byte => byte.toString(16).padStart(2, '0')),
        place
      ).toEqual(expected)
      expected.forEach((_, i) => {
        shown.add(start + i)
      })
    }
    // What is not shown is the other entries of the section table, and zeros.
    const hidden = [...file.keys()].filter(at => !shown.has(at) && file[at] !== 0)
    expect(hidden.filter(at => at < 0x68 || at >= 0x1c8)).toEqual([])
  })
})
