import type { ScoredList } from './scored-list.ts'

/**
 * `(score − min) / (max − min)`, where minimum and maximum are those of all documents that pass the
 * filter, in the list or not: so a document that matches nothing has 0 and the best one 1, and the
 * result does not depend on how deep the list is. Where all scores are the same they become 0.
 *
 * Source: Lee, "Analyses of Multiple Evidence Combination", SIGIR 1997; with theoretical bounds it is
 * the TMM of Bruch et al., "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023.
 */
export function minMax({ min, max }: ScoredList): (score: number) => number {
  const width = max - min
  return width > 0 ? score => (score - min) / width : () => 0
}
