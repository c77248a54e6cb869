import { describe, expect, it } from 'vitest'
import { binarySearch } from '../../src/segment/binary-search.ts'
import { type AddedDocuments, SegmentBuilder } from '../../src/segment/segment-builder.ts'
import { type SparseVector, sparseVector } from '../../src/vector/sparse-vector.ts'

/** The vectors of what was added, by the lexicon and the chunks. */
function vectorsOf({ lexicon, chunks, chunkOf, starts, lengths }: AddedDocuments): SparseVector[] {
  return Array.from(starts, (start, document) => {
    const { termIndexes, weights } = chunks[chunkOf[document]!]!
    const end = start + lengths[document]!
    return {
      terms: termIndexes.slice(start, end).map(termIndex => lexicon[termIndex]!),
      weights: weights.slice(start, end)
    }
  })
}

describe('SegmentBuilder', () => {
  it('numbers the terms by ascending id, whenever they came', () => {
    const builder = new SegmentBuilder()
    builder.add('a', sparseVector([5, 4294967295], [1, 2]))
    builder.add('b', sparseVector([], []))
    builder.add('c', sparseVector([0, 5, 2 ** 20], [3, 4, 5]))
    expect([builder.numDocuments, builder.numPostings]).toEqual([3, 5])
    const added = builder.finish()
    expect(added.keys).toEqual(['a', 'b', 'c'])
    expect([...added.lexicon]).toEqual([0, 5, 2 ** 20, 4294967295])
    expect(added.numPostings).toBe(5)
    expect([...added.lengths]).toEqual([2, 0, 3])
    expect([...added.chunks[0]!.termIndexes.subarray(0, 5)]).toEqual([1, 3, 0, 1, 2])
    expect([...added.chunks[0]!.weights.subarray(0, 5)]).toEqual([1, 2, 3, 4, 5])
  })

  it('keeps each document whole where chunks end', () => {
    const builder = new SegmentBuilder()
    const vectors = Array.from({ length: 300 }, (_, i) =>
      sparseVector(
        Array.from({ length: (7 * i) % 40 }, (_, at) => 3 * at + i),
        Array.from({ length: (7 * i) % 40 }, (_, at) => at + 0.5)
      )
    )
    for (const [i, vector] of vectors.entries()) builder.add(`${i}`, vector)
    const added = builder.finish()
    expect(added.chunks.length).toBeGreaterThan(2)
    expect(vectorsOf(added)).toEqual(vectors)
  })

  it('takes a document of more terms than a chunk has', () => {
    const terms = Uint32Array.from({ length: 600_000 }, (_, i) => i)
    const large = { terms, weights: new Float32Array(600_000).fill(2) }
    const builder = new SegmentBuilder()
    builder.add('small', sparseVector([7], [1]))
    builder.add('large', large)
    builder.add('last', sparseVector([9], [3]))
    const [small, whole, last] = vectorsOf(builder.finish())
    expect([small, last]).toEqual([sparseVector([7], [1]), sparseVector([9], [3])])
    expect(Buffer.compare(Buffer.from(whole!.terms.buffer), Buffer.from(terms.buffer))).toBe(0)
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
