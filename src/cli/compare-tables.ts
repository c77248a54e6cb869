import { between, figure, markOf, probability, signed } from './compare-figures.ts'
import {
  type CompareView,
  differenceOf,
  markedPValue,
  meanOf,
  type QueryMove,
  type RunMoves
} from './compare-view.ts'

/** A table of texts; the first column names the row, the others are figures. */
export interface TextTable {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Runs × metrics: the mean, the difference from the baseline, and how significant it is. */
export function overviewTable(view: CompareView): TextTable {
  const { comparison, test } = view
  const rows = comparison.runs.map(run => [
    run,
    ...comparison.metrics.map(metric => {
      const { mean } = meanOf(comparison, run, metric)
      const difference = differenceOf(comparison, run, metric)
      if (difference === undefined) return figure(mean)
      const mark = markOf(markedPValue(difference, test))
      return `${figure(mean)} ${signed(difference.difference)} ${mark.padEnd(3)}`.trimEnd()
    })
  ])
  return { header: ['', ...comparison.metrics], rows }
}

/** The runs by one metric, with all that is known of their differences. */
export function metricTable(view: CompareView, metric: string): TextTable {
  const { comparison, test } = view
  const rows = comparison.runs.map(run => {
    const { mean, interval } = meanOf(comparison, run, metric)
    const found = differenceOf(comparison, run, metric)
    const own = [run, figure(mean), between(interval, figure)]
    if (found === undefined) return [...own, '', '', '', '']
    const { difference, wins, ties, losses } = found
    return [
      ...own,
      signed(difference),
      between(found.interval, signed),
      probability(markedPValue(found, test)),
      `${wins}/${ties}/${losses}`
    ]
  })
  const header = ['', 'mean', 'interval', 'difference', 'interval', 'p', 'win/tie/loss']
  return { header, rows }
}

/** The directions in which queries moved that have any. */
export function directionsOf({
  up,
  down
}: RunMoves): { name: string; queries: readonly QueryMove[] }[] {
  return [
    { name: 'up', queries: up },
    { name: 'down', queries: down }
  ].filter(({ queries }) => queries.length > 0)
}
