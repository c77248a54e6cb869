import type { Hit } from '../vector/hit.ts'

/** Mean and standard deviation (of a population) of the scores of the first `depth` hits. */
export function hitMoments(
  hits: readonly Hit[],
  depth: number
): { readonly mean: number; readonly deviation: number } {
  const scores = hits.slice(0, depth).map(({ score }) => score)
  if (scores.length === 0) return { mean: 0, deviation: 0 }
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length
  return { mean, deviation: Math.sqrt(variance) }
}
