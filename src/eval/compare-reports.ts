/**
 * Several runs over the same judgements, set beside one of them, the baseline: means and their
 * intervals, differences, and whether these could be chance.
 *
 * The p-values of a metric are corrected, by Holm's method, for there being several runs. They are
 * not corrected for there being several metrics: decide by one, before you look.
 */
import { EsplanadeError } from '../errors.ts'
import type { Report } from './evaluate.ts'
import {
  type BootstrapOptions,
  bootstrapInterval,
  type Interval
} from './significance/bootstrap-interval.ts'
import {
  fisherRandomization,
  type RandomizationOptions,
  type RandomizationTest
} from './significance/fisher-randomization.ts'
import { holm } from './significance/holm.ts'
import { pairedDifferences } from './significance/paired-differences.ts'
import { type PairedTTest, pairedTTest } from './significance/paired-t-test.ts'
import { type WinTieLoss, winTieLoss } from './significance/win-tie-loss.ts'

/** A run's report, under the name that it is to have. */
export interface NamedReport {
  readonly name: string
  readonly report: Report
}

export interface CompareOptions extends RandomizationOptions, BootstrapOptions {
  /** Name of the run that the others are compared with. Default: the first. */
  readonly baseline?: string | undefined
}

/** The mean of a run by a metric. */
export interface MeanOfRun {
  readonly run: string
  readonly metric: string
  readonly mean: number
  /** Where the mean of other such queries would lie (percentile bootstrap). */
  readonly interval: Interval
}

/** A p-value, and the same corrected for the number of runs compared. */
export interface Corrected {
  /** At least the p-value itself (Holm). */
  readonly correctedPValue: number
}

/** A run against the baseline, by a metric. Differences are the run's less the baseline's. */
export interface RunDifference extends WinTieLoss {
  readonly run: string
  readonly metric: string
  /** Of the means. */
  readonly difference: number
  /** That of the difference (percentile bootstrap over queries). */
  readonly interval: Interval
  readonly tTest: PairedTTest & Corrected
  readonly randomization: RandomizationTest & Corrected
}

export interface Comparison {
  readonly runs: readonly string[]
  readonly baseline: string
  readonly metrics: readonly string[]
  readonly numQueries: number
  /** Every run by every metric, run after run. */
  readonly means: readonly MeanOfRun[]
  /** Every run but the baseline by every metric, run after run. */
  readonly differences: readonly RunDifference[]
}

/**
 * Compares runs that were judged by the same judgements and metrics.
 *
 * @param reports at least two, with names that differ
 * @throws EsplanadeError `INVALID_ARGUMENT` when there are not two, a name stands twice, the baseline
 *   is none of them, the reports are of different queries or metrics or of one query alone, or an
 *   option has no meaning
 */
export function compareReports(
  reports: readonly NamedReport[],
  options: CompareOptions = {}
): Comparison {
  const baseline = baselineOf(reports, options.baseline)
  const { metrics, queryIds } = baseline.report
  const others = reports.filter(({ name }) => name !== baseline.name)
  const byMetric = metrics.map(metric => differencesBy(metric, baseline, others, options))
  return {
    runs: reports.map(({ name }) => name),
    baseline: baseline.name,
    metrics,
    numQueries: queryIds.length,
    means: reports.flatMap(({ name, report }) =>
      metrics.map(metric => ({
        run: name,
        metric,
        mean: report.means[metric]!,
        interval: bootstrapInterval(report.perQuery[metric]!, options)
      }))
    ),
    differences: others.flatMap((_, i) => byMetric.map(rows => rows[i]!))
  }
}

/** The runs by one metric: a family of comparisons, whose p-values are corrected together. */
function differencesBy(
  metric: string,
  baseline: NamedReport,
  others: readonly NamedReport[],
  options: CompareOptions
): RunDifference[] {
  const before = baseline.report.perQuery[metric]!
  const tests = others.map(({ report }) => {
    const after = report.perQuery[metric]!
    return {
      tTest: pairedTTest(before, after),
      randomization: fisherRandomization(before, after, options)
    }
  })
  const correctedTTests = holm(tests.map(({ tTest }) => tTest.pValue))
  const correctedRandomizations = holm(tests.map(({ randomization }) => randomization.pValue))
  return others.map(({ name, report }, i) => {
    const after = report.perQuery[metric]!
    const { tTest, randomization } = tests[i]!
    return {
      run: name,
      metric,
      difference: report.means[metric]! - baseline.report.means[metric]!,
      interval: bootstrapInterval(pairedDifferences(before, after), options),
      tTest: { ...tTest, correctedPValue: correctedTTests[i]! },
      randomization: { ...randomization, correctedPValue: correctedRandomizations[i]! },
      ...winTieLoss(before, after)
    }
  })
}

function baselineOf(reports: readonly NamedReport[], name: string | undefined): NamedReport {
  const names = reports.map(({ name }) => name)
  const twice = names.find((candidate, i) => names.indexOf(candidate) < i)
  if (reports.length < 2 || twice !== undefined) {
    const problem = twice === undefined ? `${reports.length} to compare` : `${twice} stands twice`
    throw invalid('runs', problem, 'at least two, with names that differ')
  }
  const baseline = reports[name === undefined ? 0 : names.indexOf(name)]
  if (baseline === undefined) {
    throw invalid('baseline', `there is no run ${JSON.stringify(name)}`, names.join(', '))
  }
  const { queryIds, metrics } = baseline.report
  if (queryIds.length < 2) {
    throw invalid('runs', 'one query is judged', 'at least two: one says nothing of others')
  }
  for (const { name, report } of reports) {
    if (isSame(report.queryIds, queryIds) && isSame(report.metrics, metrics)) continue
    const problem = `${name} and ${baseline.name} were judged on different queries or by different metrics`
    throw invalid('runs', problem, 'reports on the same judgements and metrics')
  }
  return baseline
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

function invalid(place: string, problem: string, expected: string) {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
