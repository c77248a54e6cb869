import type { SparseVector } from '../vector/sparse-vector.ts'
import { binarySearch } from './binary-search.ts'
import type { Segment } from './segment.ts'

/**
 * Documents that are turned round together: large enough that visiting every posting list once a
 * window costs little, small enough that the window's postings (about 4 MiB) stay in the cache.
 */
const WINDOW_DOCUMENTS = 4096

/**
 * The weight of one term (given by its place in the lexicon) in one document, 0 when it is absent.
 * Takes the logarithm of the posting list's length.
 */
export function weightIn(segment: Segment, termIndex: number, docId: number): number {
  const { offsets, docIds, weights } = segment
  const position = binarySearch(docIds, docId, offsets[termIndex]!, offsets[termIndex + 1]!)
  return position < 0 ? 0 : weights[position]!
}

/**
 * The vector of one document. It looks into every posting list, which takes milliseconds for 30,000
 * terms; for all documents use {@link documentVectors}.
 */
export function documentVector(segment: Segment, docId: number): SparseVector {
  const terms: number[] = []
  const weights: number[] = []
  for (let t = 0; t < segment.lexicon.length; t++) {
    const weight = weightIn(segment, t, docId)
    if (weight === 0) continue
    terms.push(segment.lexicon[t]!)
    weights.push(weight)
  }
  return { terms: new Uint32Array(terms), weights: new Float32Array(weights) }
}

/**
 * The vectors of all documents, in order of their ids. The postings are turned round one window of
 * documents after another, so it reads each posting once and holds one window in memory.
 */
export function* documentVectors(segment: Segment): Generator<SparseVector, void, undefined> {
  const { offsets, lexicon, keys } = segment
  const cursors = offsets.slice(0, lexicon.length)
  for (let first = 0; first < keys.length; first += WINDOW_DOCUMENTS) {
    yield* windowVectors(segment, cursors, first, Math.min(first + WINDOW_DOCUMENTS, keys.length))
  }
}

/** Vectors of documents `first..end)`; each cursor stands at its list's first posting of them. */
function windowVectors(
  segment: Segment,
  cursors: Uint32Array,
  first: number,
  end: number
): SparseVector[] {
  const { lexicon, offsets, docIds, weights } = segment
  const lengths = new Uint32Array(end - first)
  for (let t = 0; t < lexicon.length; t++) {
    for (let i = cursors[t]!; i < offsets[t + 1]! && docIds[i]! < end; i++) {
      lengths[docIds[i]! - first]!++
    }
  }
  const vectors = Array.from(lengths, length => ({
    terms: new Uint32Array(length),
    weights: new Float32Array(length)
  }))
  lengths.fill(0)
  for (let t = 0; t < lexicon.length; t++) {
    let i = cursors[t]!
    for (; i < offsets[t + 1]! && docIds[i]! < end; i++) {
      const local = docIds[i]! - first
      const position = lengths[local]!++
      vectors[local]!.terms[position] = lexicon[t]!
      vectors[local]!.weights[position] = weights[i]!
    }
    cursors[t] = i
  }
  return vectors
}
