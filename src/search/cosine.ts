import type { Segment } from '../segment/segment.ts'

/**
 * Euclidean lengths of all documents, in float64. Each sums its squares by ascending term id, as
 * `norm` of `vector/similarity.ts` does, so both give the same bits.
 *
 * Lengths are not stored in an index file: this reads each weight once, which takes a fraction of
 * the time that reading the file takes.
 */
export function documentNorms(segment: Segment): Float64Array {
  const { docIds, weights, keys } = segment
  const norms = new Float64Array(keys.length)
  for (let i = 0; i < docIds.length; i++) {
    const weight = weights[i]!
    norms[docIds[i]!]! += weight * weight
  }
  for (let docId = 0; docId < norms.length; docId++) norms[docId] = Math.sqrt(norms[docId]!)
  return norms
}
