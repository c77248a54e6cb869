/**
 * Bootstrap confidence intervals: how much a mean over queries would vary if the queries were others
 * of the same kind, judged by drawing the same number of them again, with replacement, many times. The
 * interval is that between percentiles of the means so drawn.
 *
 * Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for retrieval: Sakai,
 * Evaluating evaluation metrics based on the bootstrap, SIGIR 2006. With few queries (below 30 or so)
 * percentile intervals are somewhat too narrow.
 */
import { EsplanadeError } from '../../errors.ts'
import { checkCount } from './check-count.ts'
import { xoshiro128 } from './xoshiro.ts'

export interface BootstrapOptions {
  /** How sure the interval is, between 0 and 1. Default 0.95. */
  readonly confidence?: number | undefined
  /** How often the queries are drawn again. Default 10,000. */
  readonly numResamples?: number | undefined
  /** Default 1. The same seed gives the same interval. */
  readonly seed?: number | undefined
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * The confidence interval of the mean of some values. For that of a difference of two systems, give
 * the differences per query.
 *
 * @param values one per query, at least two
 * @throws EsplanadeError `INVALID_ARGUMENT` for fewer than two values, a confidence outside of 0 to 1,
 *   or a number of resamples below 1
 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  { confidence = 0.95, numResamples = 10_000, seed = 1 }: BootstrapOptions = {}
): Interval {
  checkCount('numResamples', numResamples)
  check(values.length >= 2, 'values', `${values.length} were given`, 'at least two queries')
  check(confidence > 0 && confidence < 1, 'confidence', `${confidence} was given`, '0.95 or such')
  const { length } = values
  const source = Float64Array.from(values)
  const nextBits = xoshiro128(seed)
  const scale = length / 2 ** 32
  const means = new Float64Array(numResamples)
  for (let resample = 0; resample < numResamples; resample++) {
    let sum = 0
    for (let i = 0; i < length; i++) sum += source[Math.floor(nextBits() * scale)]!
    means[resample] = sum / length
  }
  means.sort()
  const tail = (1 - confidence) / 2
  return { low: quantile(means, tail), high: quantile(means, 1 - tail) }
}

/** Between the two nearest of the sorted values, in proportion (Hyndman and Fan's type 7). */
function quantile(sorted: Float64Array, fraction: number): number {
  const position = fraction * (sorted.length - 1)
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (position - below)
}

function check(isRight: boolean, place: string, problem: string, expected: string): void {
  if (!isRight) throw new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
