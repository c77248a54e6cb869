import type { Explanation } from '../vector/explanation.ts'
import type { FusedHit, FusionPart } from './fusion-list.ts'

/**
 * Why a fused hit has its score: what each list adds, with the rank and score that it has there, what the
 * method makes of them, and the weight of the list.
 */
export function explainFusion({ score, parts }: Pick<FusedHit, 'score' | 'parts'>): Explanation {
  return {
    value: score,
    description: 'sum of what the lists add',
    details: parts.map(part => ({
      value: part.value,
      description: describePart(part),
      details: []
    }))
  }
}

/** A part in words: `sparse: rank 2, score 7.29973, normalised 0.914 × weight 0.25`. */
export function describePart({ list, rank, score, normalized, factor }: FusionPart): string {
  const place = rank === undefined ? 'not among its hits' : `rank ${rank}`
  if (score === undefined && rank === undefined) return `${list}: ${place}`
  const made =
    score === undefined
      ? `as ${shown(normalized)}`
      : `score ${shown(score)} as ${shown(normalized)}`
  return `${list}: ${place}, ${made}, times ${shown(factor)}`
}

function shown(value: number): string {
  return String(Number(value.toPrecision(6)))
}
