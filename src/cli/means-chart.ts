import {
  at,
  CHART_WIDTH,
  chart,
  chartLine,
  chartText,
  outcomeOf,
  scaleOf,
  shortName,
  tickLabel,
  ticksOf,
  tip
} from './chart-parts.ts'
import { between, figure, markOf } from './compare-figures.ts'
import { type CompareView, differenceOf, markedPValue, meanOf } from './compare-view.ts'

const ROW = 38
const BAR = 20
const LEFT = 150
const RIGHT = CHART_WIDTH - 84
const TOP = 8

/** The means of the runs by a metric as bars, their confidence intervals as whiskers. */
export function meansChart(view: CompareView, metric: string): string {
  const { comparison, test } = view
  const { runs, baseline } = comparison
  const found = runs.map(run => meanOf(comparison, run, metric))
  const ticks = ticksOf(0, Math.max(...found.map(({ interval }) => interval.high)))
  const x = scaleOf(0, ticks.at(-1)!, LEFT, RIGHT)
  const bottom = TOP + ROW * runs.length
  const grid = ticks.flatMap(tick => [
    chartLine(x(tick), TOP, x(tick), bottom, 'grid'),
    chartText(tickLabel(tick), { x: x(tick), y: bottom + 18, anchor: 'middle', class: 'tick' })
  ])
  const rows = found.map(({ run, mean, interval }, i) => {
    const middle = TOP + ROW * (i + 0.5)
    const difference = differenceOf(comparison, run, metric)
    const mark = difference === undefined ? '' : markOf(markedPValue(difference, test))
    const look =
      run === baseline ? 'base' : mark === '' ? 'same' : outcomeOf(difference!.difference)
    const [low, high] = [x(interval.low), x(interval.high)]
    return [
      `<g>${tip([run, `${metric} ${figure(mean)}`, between(interval, figure)])}`,
      chartText(shortName(run, 20), { x: LEFT - 10, y: middle + 4.5, anchor: 'end' }),
      `<rect x="${LEFT}" y="${at(middle - BAR / 2)}" width="${at(x(mean) - LEFT)}" height="${BAR}" rx="2" class="bar ${look}"/>`,
      chartLine(low, middle, high, middle, 'whisker'),
      chartLine(low, middle - 5, low, middle + 5, 'whisker'),
      chartLine(high, middle - 5, high, middle + 5, 'whisker'),
      chartText(`${figure(mean)} ${mark}`, { x: RIGHT + 10, y: middle + 4.5, class: 'value' }),
      '</g>'
    ].join('')
  })
  const label = `${metric} of ${runs.length} runs: ${found.map(({ run, mean }) => `${run} ${figure(mean)}`).join(', ')}`
  return chart(label, bottom + 26, [...grid, ...rows])
}
