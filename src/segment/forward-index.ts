import { fromHalf, numTermsOf, weightsAfter } from '../kernel/document-score.ts'
import { FLAGS } from '../kernel/request.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { binarySearch } from './binary-search.ts'
import type { Segment } from './segment.ts'

/** Bits of a kernel request that say how the records of a segment are made. */
export function recordFlags({ header }: Segment): number {
  const wide = header.termIndexBytes === 4 ? FLAGS.wideTerms : 0
  const half = header.precision === 'float16' ? FLAGS.halfWeights : 0
  return wide | half
}

/** The record of one document: places in the lexicon, ascending, and the weights there. */
export interface DocumentRecord {
  readonly termIndexes: Uint16Array | Uint32Array
  readonly numTerms: number
  /** The weight of the i-th term. */
  weight(i: number): number
}

/** Reads the record of a document; nothing is copied. */
export function documentRecord(segment: Segment, docId: number): DocumentRecord {
  const { buffer } = segment.memory.views.u8
  const { termIndexBytes, precision } = segment.header
  const first = segment.documentOffsets[docId]!
  const recordBytes = 4 * (segment.documentOffsets[docId + 1]! - first)
  const terms = segment.addressOf('documents') + 4 * first + 4
  const numTerms = numTermsOf(recordBytes, recordFlags(segment))
  const weights = weightsAfter(terms + numTerms * termIndexBytes, precision === 'float16')
  const termIndexes =
    termIndexBytes === 2
      ? new Uint16Array(buffer, terms, numTerms)
      : new Uint32Array(buffer, terms, numTerms)
  if (precision === 'float16') {
    const halves = new Uint16Array(buffer, weights, numTerms)
    return { termIndexes, numTerms, weight: i => fromHalf(halves[i]!) }
  }
  const floats = new Float32Array(buffer, weights, numTerms)
  return { termIndexes, numTerms, weight: i => floats[i]! }
}

/** The weight of one term (given by its place in the lexicon) in a record, 0 when it is absent. */
export function weightIn({ termIndexes, weight }: DocumentRecord, termIndex: number): number {
  const at = binarySearch(termIndexes, termIndex)
  return at < 0 ? 0 : weight(at)
}

/** The vector of one document. */
export function documentVector(segment: Segment, docId: number): SparseVector {
  const { termIndexes, numTerms, weight } = documentRecord(segment, docId)
  const terms = new Uint32Array(numTerms)
  const weights = new Float32Array(numTerms)
  for (let i = 0; i < numTerms; i++) {
    terms[i] = segment.lexicon[termIndexes[i]!]!
    weights[i] = weight(i)
  }
  return { terms, weights }
}

/** Euclidean length of a document: squares summed in float64 by ascending term. */
export function recordNorm({ numTerms, weight }: DocumentRecord): number {
  let squares = 0
  for (let i = 0; i < numTerms; i++) squares += weight(i) * weight(i)
  return Math.sqrt(squares)
}
