import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { KernelChoice } from '../../src/kernel/kernel-memory.ts'
import { SparseIndex } from '../../src/search/sparse-index.ts'
import { type FinishOptions, SparseIndexBuilder } from '../../src/search/sparse-index-builder.ts'
import { HEADER } from '../../src/segment/segment-format.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'

const corrupt = (problem = '') =>
  expect.objectContaining({
    code: 'INDEX_CORRUPT',
    place: 'a.esp',
    problem: expect.stringContaining(problem),
    remedy: expect.stringContaining('index again')
  })
const read = (bytes: Uint8Array, kernel: KernelChoice = 'typescript') =>
  SparseIndex.fromBytes(bytes, 'a.esp', kernel)

async function fileOf(
  vectors: Record<string, SparseVector>,
  options: FinishOptions = {}
): Promise<Uint8Array> {
  const builder = new SparseIndexBuilder()
  for (const [key, vector] of Object.entries(vectors)) builder.add(key, vector)
  return (await builder.finish({ windowDocuments: 512, ...options })).toBytes()
}

/** Every section has bytes, and each gap between two is there. */
const SMALL = {
  first: sparseVector([3, 8, 4294967295], [1, 0.5, 2]),
  zweitê: sparseVector([8], [4]),
  empty: sparseVector([], [])
}

/** 300 kB in two windows, with runs of every shape. */
function largeFile(options: FinishOptions = {}): Promise<Uint8Array> {
  const numbers = Array.from({ length: 900 }, (_, i) => i)
  return fileOf(
    Object.fromEntries(
      numbers.map(i => {
        const rare = Array.from({ length: 30 }, (_, at) => 20 + 30 * i + at)
        const terms = [0, 1 + (i % 5), 6 + (i % 14), ...rare]
        return [
          `document ${i}`,
          sparseVector(
            terms,
            terms.map((_, at) => 1 + ((i + at) % 9))
          )
        ]
      })
    ),
    options
  )
}

function outcome(bytes: Uint8Array, kernel?: KernelChoice): string {
  try {
    read(bytes, kernel)
    return 'accepted'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

describe('a small file', () => {
  let one: Uint8Array
  let two: Uint8Array
  beforeAll(async () => {
    one = await fileOf(SMALL, { metric: 'cosine', metadata: { model: 'none' } })
    two = await fileOf(SMALL, { maxSegmentBytes: 1 })
  })

  it.each<[KernelChoice, number[]]>([
    ['auto', [0xff]],
    ['typescript', [1, 2, 4, 8, 16, 32, 64, 128, 0xff]]
  ])('with any byte changed is refused: kernel %s, changes %j', (kernel, changes) => {
    for (let i = 0; i < one.length; i++) {
      const isVersion = i >= HEADER.version && i < HEADER.version + 4
      for (const change of changes) {
        one[i]! ^= change
        expect(outcome(one, kernel), `byte ${i} changed by ${change}`).toBe(
          isVersion ? 'INDEX_VERSION' : 'INDEX_CORRUPT'
        )
        one[i]! ^= change
      }
    }
    expect(outcome(one, kernel)).toBe('accepted')
  })

  it('of several segments with any byte changed is refused', () => {
    expect(read(two).numSegments).toBe(3)
    for (let i = 0; i < two.length; i++) {
      two[i]! ^= 0x55
      expect(outcome(two), `byte ${i}`).toMatch(/^INDEX_(CORRUPT|VERSION)$/)
      two[i]! ^= 0x55
    }
  })

  it('cut short at any length is refused', () => {
    for (const bytes of [one, two]) {
      for (let length = 0; length < bytes.length; length++) {
        expect(outcome(bytes.subarray(0, length)), `${length} bytes`).toBe('INDEX_CORRUPT')
      }
    }
    expect(() => read(one.subarray(0, 300))).toThrow(corrupt('header: the file ends after 300'))
    expect(() => read(one.subarray(0, 1000))).toThrow(corrupt('fileBytes: 1000 bytes are there'))
  })

  it('with anything behind it is refused', () => {
    for (const bytes of [one, two]) {
      for (const more of [1, 63, 64, bytes.length]) {
        const longer = new Uint8Array(bytes.length + more)
        longer.set(bytes)
        expect(() => read(longer)).toThrow(corrupt(`${more} bytes after the end`))
        longer.set(bytes.subarray(0, more), bytes.length)
        expect(() => read(longer)).toThrow(corrupt(`${more} bytes after the end`))
      }
    }
  })

  it('whose segments are not those of one index, in order, is refused', async () => {
    const [first, second, third] = read(two).segmentBytes()
    const file = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
    expect(outcome(file(first!, second!, third!))).toBe('accepted')
    expect(() => read(file(second!, first!, third!))).toThrow(corrupt('segmentIndex: 1'))
    expect(() => read(file(first!, third!, second!))).toThrow(corrupt('segmentIndex: 2'))
    expect(() => read(file(first!, first!, second!))).toThrow(corrupt('segmentIndex: 0'))
    const others = await fileOf(SMALL, { maxSegmentBytes: 1, metric: 'cosine' })
    const other = read(others).segmentBytes()[1]!
    expect(() => read(file(first!, other, third!))).toThrow(corrupt('metric: cosine in segment 1'))
    const halves = await fileOf(SMALL, { maxSegmentBytes: 1, precision: 'float16' })
    const half = read(halves).segmentBytes()[1]!
    expect(() => read(file(first!, half, third!))).toThrow(corrupt('precision: float16'))
  })
})

describe('a larger file', () => {
  it.each<[KernelChoice, number]>([
    ['auto', 600],
    ['typescript', 200]
  ])('with any byte changed is refused: kernel %s', async (kernel, numRuns) => {
    const bytes = await largeFile()
    expect(bytes.length).toBeGreaterThan(300_000)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (i, change) => {
        bytes[i]! ^= change
        const result = outcome(bytes, kernel)
        bytes[i]! ^= change
        expect(result).toMatch(/^INDEX_(CORRUPT|VERSION)$/)
      }),
      { numRuns }
    )
    expect(outcome(bytes, kernel)).toBe('accepted')
  })

  it('with any stretch overwritten, moved or cut out is refused', async () => {
    const bytes = await largeFile()
    const stretch = fc.tuple(fc.nat(bytes.length - 1), fc.nat(bytes.length - 1), fc.nat(5000))
    fc.assert(
      fc.property(stretch, fc.constantFrom('zeros', 'copy', 'cut'), ([at, from, n], damage) => {
        const length = Math.min(n, bytes.length - at, bytes.length - from)
        const changed = damage === 'cut' ? new Uint8Array(bytes.length - length) : bytes.slice()
        if (damage === 'zeros') changed.fill(0, at, at + length)
        else if (damage === 'copy') changed.copyWithin(at, from, from + length)
        else {
          changed.set(bytes.subarray(0, at))
          changed.set(bytes.subarray(at + length), at)
        }
        const isSame = Buffer.compare(changed, bytes) === 0
        expect(outcome(changed, 'auto')).toMatch(
          isSame ? /^accepted$/ : /^INDEX_(CORRUPT|VERSION)$/
        )
      }),
      { numRuns: 200 }
    )
  })
})

describe('what is not an index', () => {
  it('is refused as such', () => {
    expect(() => read(new Uint8Array())).toThrow(corrupt('magic: these 0 bytes'))
    expect(() => read(new TextEncoder().encode('{"_id":"a"}\n'.repeat(50)))).toThrow(
      corrupt('magic')
    )
    expect(() => read(new Uint8Array(1000))).toThrow(corrupt('magic'))
  })

  it('is refused whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), bytes => {
        expect(outcome(bytes)).toBe('INDEX_CORRUPT')
      })
    )
  })
})

describe('a file of another version', () => {
  it('is refused with what to do', async () => {
    const bytes = await fileOf(SMALL)
    new DataView(bytes.buffer).setUint32(HEADER.version, 2, true)
    for (const length of [HEADER.numSections, 100, bytes.length]) {
      expect(() => read(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({
          code: 'INDEX_VERSION',
          place: 'a.esp',
          problem: 'format version 2',
          expected: expect.stringContaining('format version 1'),
          remedy: expect.stringContaining('index again')
        })
      )
    }
  })
})
