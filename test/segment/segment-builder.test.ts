import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binarySearch } from '../../src/segment/binary-search.ts'
import { documentVectors } from '../../src/segment/forward.ts'
import { SegmentBuilder } from '../../src/segment/segment-builder.ts'
import { readSegment } from '../../src/segment/segment-reader.ts'
import { writeSegment } from '../../src/segment/segment-writer.ts'
import { sparseVector, sparseVectorFromEntries } from '../../src/vector/sparse-vector.ts'

describe('SegmentBuilder', () => {
  it('makes posting lists by ascending term id, documents ascending within each', () => {
    const builder = new SegmentBuilder()
    builder.add('a', sparseVector([5, 4294967295], [1, 2]))
    builder.add('b', sparseVector([0, 5], [3, 4]))
    builder.add('c', sparseVector([5], [5]))
    expect(builder.finish('dot', {})).toEqual({
      metric: 'dot',
      metadata: {},
      keys: ['a', 'b', 'c'],
      lexicon: Uint32Array.of(0, 5, 4294967295),
      offsets: Uint32Array.of(0, 1, 4, 5),
      docIds: Uint32Array.of(1, 0, 1, 2, 0),
      weights: Float32Array.of(3, 1, 4, 5, 2)
    })
  })

  it('makes a segment that gives every vector back and survives its bytes', () => {
    const term = fc.oneof(fc.nat(30), fc.integer({ min: 0, max: 4294967295 }))
    const weight = fc.float({ min: Math.fround(1e-6), max: Math.fround(1e4), noNaN: true })
    const vector = fc
      .uniqueArray(fc.tuple(term, weight), { selector: ([id]) => id, maxLength: 30 })
      .map(entries => sparseVectorFromEntries(entries))
    const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 })
    const documents = fc.uniqueArray(fc.tuple(key, vector), { selector: ([name]) => name })
    fc.assert(
      fc.property(documents, given => {
        const builder = new SegmentBuilder()
        for (const [name, added] of given) builder.add(name, added)
        const segment = builder.finish('dot', {})
        expect(segment.keys).toEqual(given.map(([name]) => name))
        expect([...documentVectors(segment)]).toEqual(given.map(([, added]) => added))
        expect(readSegment(writeSegment(segment))).toEqual(segment)
      })
    )
  })
})

describe('binarySearch', () => {
  it('finds what is there, and only between its borders', () => {
    const sorted = Uint32Array.of(2, 5, 9, 4294967295)
    expect([2, 5, 9, 4294967295].map(value => binarySearch(sorted, value))).toEqual([0, 1, 2, 3])
    expect([0, 3, 4294967294].map(value => binarySearch(sorted, value))).toEqual([-1, -1, -1])
    expect(binarySearch(sorted, 2, 1)).toBe(-1)
    expect(binarySearch(sorted, 9, 0, 2)).toBe(-1)
    expect(binarySearch(sorted, 5, 1, 2)).toBe(1)
    expect(binarySearch(new Uint32Array(), 1)).toBe(-1)
  })
})
