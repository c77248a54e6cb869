import { hitMoments } from './hit-moments.ts'
import type { ScoredList } from './scored-list.ts'

/**
 * `(score − mean) / deviation`, of the list's first `depth` hits; 0 where they all score the same.
 * A document that the list lacks scores below most that it has, often below 0.
 *
 * Source: Montague and Aslam, "Relevance Score Normalization for Metasearch", CIKM 2001 (their ZMUV).
 */
export function zScore({ hits }: ScoredList, depth: number): (score: number) => number {
  const { mean, deviation } = hitMoments(hits, depth)
  return deviation > 0 ? score => (score - mean) / deviation : () => 0
}
