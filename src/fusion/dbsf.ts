import { hitMoments } from './hit-moments.ts'
import type { ScoredList } from './scored-list.ts'

/** So many deviations to each side of the mean become 0 and 1. */
const DEVIATIONS = 3

/**
 * Distribution-based score fusion: the range of the mean ± 3 deviations of the list's first `depth`
 * hits becomes 0 to 1; scores beyond it go beyond. One hit alone, or hits that all score the same,
 * have 0.5.
 *
 * Source: Mazzeschi, "Distribution-Based Score Fusion (DBSF), a new approach to Vector Search Ranking",
 * 2023; Qdrant has it as the fusion `dbsf`.
 */
export function dbsf({ hits }: ScoredList, depth: number): (score: number) => number {
  const { mean, deviation } = hitMoments(hits, depth)
  const low = mean - DEVIATIONS * deviation
  const width = 2 * DEVIATIONS * deviation
  return width > 0 ? score => (score - low) / width : () => 0.5
}
