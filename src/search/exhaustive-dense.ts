import { type DenseVector, denseScore } from '../vector/dense-vector.ts'
import { Collector, type Selection } from './collector.ts'
import type { DenseRows } from './dense-rows.ts'
import { hasBit } from './document-bits.ts'
import type { DenseRanking } from './flat-scan.ts'

/**
 * Scores every vector from its float32 numbers, in float64. This is the oracle: it defines what a dense
 * search finds, and every other way is tested against it. It is kept simple and is never removed.
 */
export function exhaustiveDense(
  index: DenseRows,
  query: DenseVector,
  selection: Selection
): DenseRanking {
  const { numVectors, metric } = index.header
  const collector = new Collector({ ...selection, k: Math.min(selection.k, numVectors + 1) })
  const all: number[] = []
  for (let id = 0; id < numVectors; id++) {
    if (selection.filter !== undefined && !hasBit(selection.filter.bits, id)) continue
    const score = denseScore(index.vector(id), query, metric)
    all.push(score)
    collector.collect(id, score)
  }
  const { ids, scores } = collector.finish()
  const counts = { numScanned: all.length, numScored: all.length }
  const ordered = all.sort((a, b) => a - b)
  return { ids, scores, min: ordered[0] ?? 0, max: ordered.at(-1) ?? 0, ...counts }
}
