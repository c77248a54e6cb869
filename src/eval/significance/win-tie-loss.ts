import { pairedDifferences } from './paired-differences.ts'

/** On how many queries a system did better, as well, and worse than another. */
export interface WinTieLoss {
  readonly wins: number
  readonly ties: number
  readonly losses: number
}

/** Values that differ by no more were rounded in another order; no measure has so small a step. */
const SAME = 1e-9

/**
 * Counts the queries on which the second of two systems is better, as good, or worse. Values within
 * 1e-9 of each other are a tie.
 *
 * @param a values per query
 * @param b values per query, `b[i]` of the same query as `a[i]`
 * @throws EsplanadeError `INVALID_ARGUMENT` for different lengths, fewer than two queries, or values
 *   that are not finite
 */
export function winTieLoss(a: ArrayLike<number>, b: ArrayLike<number>): WinTieLoss {
  const differences = pairedDifferences(a, b)
  const wins = differences.filter(difference => difference > SAME).length
  const losses = differences.filter(difference => difference < -SAME).length
  return { wins, ties: differences.length - wins - losses, losses }
}
