import {
  at,
  CHART_WIDTH,
  chart,
  chartLine,
  chartText,
  outcomeOf,
  type Plot,
  type Scale,
  scaleOf,
  shortName,
  tickLabel,
  ticksOf,
  tip
} from './chart-parts.ts'
import { signed } from './compare-figures.ts'
import { type CompareView, differenceOf, valuesOf } from './compare-view.ts'
import { queries } from './evaluation-notes.ts'
import { readableCount } from './readable.ts'

const HEIGHT = 520
const PLOT: Plot = { left: 72, top: 16, right: CHART_WIDTH - 14, bottom: HEIGHT - 58 }
/** With more queries than this a bar is too thin to be pointed at, and all are one outline. */
const MAX_BARS = 1000

/** What the run gains or loses on each query, the largest gain first. */
export function differenceChart(view: CompareView, run: string): string {
  const { mainMetric, comparison, reports } = view
  const before = valuesOf(view, comparison.baseline, mainMetric)
  const after = valuesOf(view, run, mainMetric)
  const sorted = reports[0]!.report.queryIds.map((queryId, i) => ({
    queryId,
    difference: after[i]! - before[i]!
  }))
  sorted.sort((a, b) => b.difference - a.difference)
  const [highest, lowest] = [sorted[0]!.difference, sorted.at(-1)!.difference]
  const isFlat = highest <= 0 && lowest >= 0
  const ticks = ticksOf(isFlat ? -1 : Math.min(0, lowest), isFlat ? 1 : Math.max(0, highest))
  const y = scaleOf(ticks[0]!, ticks.at(-1)!, PLOT.bottom, PLOT.top)
  const x = scaleOf(0, sorted.length, PLOT.left, PLOT.right)
  const grid = ticks.flatMap(tick => [
    chartLine(PLOT.left, y(tick), PLOT.right, y(tick), tick === 0 ? 'zero' : 'grid'),
    chartText(tickLabel(tick), { x: PLOT.left - 9, y: y(tick) + 4.5, anchor: 'end', class: 'tick' })
  ])
  const differences = sorted.map(({ difference }) => difference)
  const marks =
    sorted.length > MAX_BARS
      ? outlines(differences, x, y)
      : sorted.map(({ queryId, difference }, i) => {
          const lines = [signed(difference), queryId, view.topics?.get(queryId) ?? '']
          return bar(difference, i, x, y, tip(lines))
        })
  const { wins, ties, losses } = differenceOf(comparison, run, mainMetric)!
  return chart(
    `${mainMetric} of ${run} less that of ${comparison.baseline}, query by query: ${wins} better, ${ties} the same, ${losses} worse`,
    HEIGHT,
    [
      ...grid,
      ...marks,
      chartText(
        `${queries(wins)} better, ${readableCount(ties)} the same, ${readableCount(losses)} worse`,
        {
          x: PLOT.right - 4,
          y: PLOT.top + 16,
          anchor: 'end',
          class: 'axis'
        }
      ),
      chartText(`${queries(sorted.length)}, the largest gain first`, {
        x: (PLOT.left + PLOT.right) / 2,
        y: HEIGHT - 12,
        anchor: 'middle',
        class: 'axis'
      }),
      chartText(`${mainMetric}, ${shortName(run, 18)} less ${shortName(comparison.baseline, 18)}`, {
        x: 18,
        y: (PLOT.top + PLOT.bottom) / 2,
        anchor: 'middle',
        class: 'axis',
        turn: -90
      })
    ]
  )
}

function bar(difference: number, i: number, x: Scale, y: Scale, title: string): string {
  const [start, end] = [x(i), x(i + 1)]
  const gap = end - start > 4 ? 1 : 0
  const top = Math.min(y(0), y(difference))
  // A query that did not move is still there to be pointed at.
  const height = Math.max(1, Math.abs(y(difference) - y(0)))
  return `<rect x="${at(start)}" y="${at(top)}" width="${at(end - start - gap)}" height="${at(height)}" class="bar ${outcomeOf(difference)}">${title}</rect>`
}

/** The bars above and below the line as one shape each. */
function outlines(differences: readonly number[], x: Scale, y: Scale): string[] {
  return (['better', 'worse'] as const).map(look => {
    const steps = differences.flatMap((difference, i) =>
      outcomeOf(difference) === look
        ? [`M${at(x(i))} ${at(y(0))}V${at(y(difference))}H${at(x(i + 1))}V${at(y(0))}Z`]
        : []
    )
    return `<path d="${steps.join('')}" class="bar ${look}"/>`
  })
}
