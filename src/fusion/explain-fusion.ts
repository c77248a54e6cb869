import type { Explanation } from '../vector/explanation.ts'
import type { FusedHit } from './fusion-list.ts'

/**
 * Why a fused hit has its score: what each list adds, with the rank and score that it has there.
 */
export function explainFusion({ score, parts }: FusedHit): Explanation {
  return {
    value: score,
    description: 'sum of what the lists add',
    details: parts.map(({ list, rank, score: own, value }) => ({
      value,
      description: `${list}: ${rank === undefined ? 'not among its hits' : `rank ${rank}`}${
        own === undefined ? '' : `, score ${own.toPrecision(6)}`
      }`,
      details: []
    }))
  }
}
