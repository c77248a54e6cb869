import type { PageStart } from './collector.ts'

/**
 * Where a page begins in a segment, when the one before ended at `place`: counted from the segment's
 * first document, so below 0 or past the last for a hit of another segment. A kernel compares ids as
 * u32, so such places become ones that compare the same.
 */
export function pageStart(place: number, score: number, numDocuments: number): PageStart {
  if (place >= 0) return { id: Math.min(place, numDocuments), score }
  // Before the first: the first document of the same score counts too. Ids begin at 0, so the
  // score is what has to give way: the next number above.
  return { id: 0xffff_ffff, score: nextAbove(score) }
}

/** The smallest number above a positive one. */
function nextAbove(score: number): number {
  const bits = new BigUint64Array(new Float64Array([score]).buffer)
  bits[0]! += 1n
  return new Float64Array(bits.buffer)[0]!
}
