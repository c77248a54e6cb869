/**
 * The paired t-test: whether the mean of the differences per query could be 0.
 *
 * Student, The probable error of a mean, Biometrika 6(1), 1908. Though the differences of measures
 * are not normal, it agrees closely with the randomisation test on collections of usual size: Smucker,
 * Allan and Carterette, A comparison of statistical significance tests for information retrieval
 * evaluation, CIKM 2007; Urbano, Lima and Hanjalic, Statistical significance testing in information
 * retrieval, SIGIR 2019.
 */
import { meanOf, pairedDifferences } from './paired-differences.ts'
import { studentTwoSided } from './student-t.ts'

export interface PairedTTest {
  /** The mean of the differences by their standard error; infinite where all are equal, not 0. */
  readonly t: number
  /** Queries less one. */
  readonly degreesOfFreedom: number
  /** Two-sided: how likely so large a |t| is if the two systems are alike. */
  readonly pValue: number
}

/**
 * Tests whether the values of two systems on the same queries differ, two-sided. Where they are
 * equal on every query, t is 0 and the p-value 1 (scipy: NaN).
 *
 * @param a values per query
 * @param b values per query, `b[i]` of the same query as `a[i]`; t is positive where b is higher
 * @throws EsplanadeError `INVALID_ARGUMENT` for different lengths, fewer than two queries, or values
 *   that are not finite
 */
export function pairedTTest(a: ArrayLike<number>, b: ArrayLike<number>): PairedTTest {
  const differences = pairedDifferences(a, b)
  const degreesOfFreedom = differences.length - 1
  const mean = meanOf(differences)
  let squares = 0
  for (const difference of differences) squares += (difference - mean) ** 2
  const standardError = Math.sqrt(squares / degreesOfFreedom / differences.length)
  const t = mean === 0 ? 0 : mean / standardError
  return { t, degreesOfFreedom, pValue: studentTwoSided(t, degreesOfFreedom) }
}
