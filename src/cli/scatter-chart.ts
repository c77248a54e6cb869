import {
  at,
  CHART_WIDTH,
  chart,
  chartLine,
  chartText,
  outcomeOf,
  type Plot,
  scaleOf,
  shortName,
  tickLabel,
  ticksOf,
  tip
} from './chart-parts.ts'
import { figure } from './compare-figures.ts'
import { type CompareView, valuesOf } from './compare-view.ts'
import { queries } from './evaluation-notes.ts'

const HEIGHT = 520
const PLOT: Plot = { left: 72, top: 16, right: CHART_WIDTH - 14, bottom: HEIGHT - 58 }
const MAX_RADIUS = 15
/** Of a point that is one query; with more than 300 queries points shrink, that they stay apart. */
const RADIUS = 4.5
/** Queries that a point names to the pointer. */
const MAX_NAMED = 6

interface Point {
  readonly before: number
  readonly after: number
  readonly queryIds: string[]
}

/** Each query as a point: the baseline's value to the right, the run's upwards. */
export function scatterChart(view: CompareView, run: string): string {
  const { mainMetric, comparison } = view
  const { baseline } = comparison
  const points = pointsOf(view, run)
  const highest = Math.max(...points.flatMap(({ before, after }) => [before, after]))
  const ticks = ticksOf(0, highest || 1)
  const most = ticks.at(-1)!
  const x = scaleOf(0, most, PLOT.left, PLOT.right)
  const y = scaleOf(0, most, PLOT.bottom, PLOT.top)
  const grid = ticks.flatMap(tick => [
    chartLine(x(tick), PLOT.top, x(tick), PLOT.bottom, 'grid'),
    chartLine(PLOT.left, y(tick), PLOT.right, y(tick), 'grid'),
    chartText(tickLabel(tick), {
      x: x(tick),
      y: PLOT.bottom + 26,
      anchor: 'middle',
      class: 'tick'
    }),
    chartText(tickLabel(tick), {
      x: PLOT.left - 17,
      y: y(tick) + 4.5,
      anchor: 'end',
      class: 'tick'
    })
  ])
  const radius = RADIUS * Math.min(1, Math.sqrt(300 / comparison.numQueries))
  const middle = (PLOT.top + PLOT.bottom) / 2
  const center = (PLOT.left + PLOT.right) / 2
  return chart(`${mainMetric} of each query: ${baseline} against ${run}`, HEIGHT, [
    ...grid,
    chartLine(x(0), y(0), x(most), y(most), 'equal'),
    ...points.map(point => pointMark(point, view, radius, x(point.before), y(point.after))),
    chartText(`${shortName(baseline, 30)}, ${mainMetric}`, {
      x: center,
      y: HEIGHT - 12,
      anchor: 'middle',
      class: 'axis'
    }),
    chartText(`${shortName(run, 30)}, ${mainMetric}`, {
      x: 18,
      y: middle,
      anchor: 'middle',
      class: 'axis',
      turn: -90
    })
  ])
}

/** Queries with the same two values are one point. */
function pointsOf(view: CompareView, run: string): Point[] {
  const { mainMetric, comparison, reports } = view
  const before = valuesOf(view, comparison.baseline, mainMetric)
  const after = valuesOf(view, run, mainMetric)
  const points = new Map<string, Point>()
  for (const [i, queryId] of reports[0]!.report.queryIds.entries()) {
    const place = `${before[i]!.toFixed(4)} ${after[i]!.toFixed(4)}`
    const point = points.get(place)
    if (point === undefined) {
      points.set(place, { before: before[i]!, after: after[i]!, queryIds: [queryId] })
    } else {
      point.queryIds.push(queryId)
    }
  }
  // Large ones first, so that they hide no other.
  return [...points.values()].sort((a, b) => b.queryIds.length - a.queryIds.length)
}

function pointMark(
  { before, after, queryIds }: Point,
  { topics }: CompareView,
  unit: number,
  x: number,
  y: number
): string {
  const radius = Math.min(MAX_RADIUS, unit * Math.sqrt(queryIds.length))
  const named = queryIds.slice(0, MAX_NAMED).map(id => `${id}  ${topics?.get(id) ?? ''}`.trim())
  const more = queryIds.length - named.length
  const lines = [...named, more > 0 ? `and ${queries(more)} more` : '']
  const values = `${figure(before)} → ${figure(after)}`
  return `<circle cx="${at(x)}" cy="${at(y)}" r="${at(radius)}" class="point ${outcomeOf(after - before)}">${tip([values, ...lines])}</circle>`
}
