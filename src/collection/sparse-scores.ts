import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { bestPassage } from './document-search.ts'
import type { View } from './view.ts'

/**
 * The exact scores of live documents, each by its best passage, in the order asked for: of those in
 * segments from their forward index, of the others from the store.
 */
export function sparseScores(
  view: View,
  query: SparseVector,
  seqs: readonly number[],
  metric: Metric
): Float64Array {
  const scores = new Float64Array(seqs.length).fill(Number.NaN)
  for (const { segment } of view.segments) {
    const { firstSeq, lastSeq } = segment.seqs
    const entries: number[] = []
    const owners: number[] = []
    for (let i = 0; i < seqs.length; i++) {
      const seq = seqs[i]!
      // Segments follow each other in the order of writing, so most are passed over at a glance.
      if (seq < firstSeq || seq > lastSeq) continue
      const [first, end] = segment.seqs.entriesOf(seq)
      for (let entry = first; entry < end; entry++) {
        entries.push(entry)
        owners.push(i)
      }
    }
    if (entries.length === 0) continue
    const own = segment.scores(query, entries)
    for (let n = 0; n < own.length; n++) {
      const i = owners[n]!
      if (!(own[n]! <= scores[i]!)) scores[i] = own[n]!
    }
  }
  for (let i = 0; i < seqs.length; i++) {
    if (Number.isNaN(scores[i]!)) scores[i] = bestPassage(view, query, seqs[i]!, metric).score
  }
  return scores
}
