import { EsplanadeError } from '../../errors.ts'

/**
 * What the second of two systems adds on each query: `b[i] - a[i]`.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` when the two are not values of the same, at least two,
 *   queries, or one is not finite
 */
export function pairedDifferences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  if (a.length !== b.length || a.length < 2) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: `${a.length} and ${b.length} values are compared`,
      expected: 'the values of the same queries, at least two, in the same order',
      remedy: 'Compare reports on the same judgements'
    })
  }
  const differences = Float64Array.from(a, (value, i) => (b[i] ?? Number.NaN) - value)
  const bad = differences.findIndex(difference => !Number.isFinite(difference))
  if (bad < 0) return differences
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: `values[${bad}]`,
    problem: `${a[bad]} and ${b[bad]} are compared`,
    expected: 'finite numbers'
  })
}

/** The mean of some values; NaN of none. */
export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0
  return sum / values.length
}
