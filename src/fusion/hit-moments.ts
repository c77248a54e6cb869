/** Mean and standard deviation (of a population) of the scores of the first `depth` hits. */
export function hitMoments(
  hits: readonly { readonly score: number }[],
  depth: number
): { readonly mean: number; readonly deviation: number } {
  const count = Math.min(depth, hits.length)
  if (count === 0) return { mean: 0, deviation: 0 }
  let sum = 0
  for (let i = 0; i < count; i++) sum += hits[i]!.score
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += (hits[i]!.score - mean) ** 2
  return { mean, deviation: Math.sqrt(squares / count) }
}
