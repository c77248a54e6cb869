import { paretoFront } from 'esplanade/eval'
import {
  at,
  chart,
  chartLine,
  chartText,
  type Plot,
  type Scale,
  scaleOf,
  tickLabel,
  ticksOf,
  tip
} from './chart-parts.ts'
import { figure } from './compare-figures.ts'
import type { Cost, CostRow } from './cost-row.ts'
import { type Box, type Label, placedLabels } from './label-places.ts'
import { readableBytes } from './readable.ts'

const WIDTH = 960
const HEIGHT = 560
const PLOT: Plot = { left: 76, top: 58, right: WIDTH - 22, bottom: HEIGHT - 62 }
const RADIUS = 5.5
/** Costs that differ by more than this factor are drawn on a logarithmic scale. */
const MAX_LINEAR = 6
/** Of the font, on average. */
const CHARACTER_WIDTH = 6.6
const BOLD_WIDTH = 7.2
const LEGEND_GAP = 26

/** What is drawn against each other. */
export interface ParetoView {
  readonly rows: readonly CostRow[]
  readonly cost: Cost
  readonly metric: string
}

interface Point extends Box {
  readonly row: CostRow
  readonly x: number
  readonly y: number
}

/**
 * Quality over cost: each setting is a mark, those that no other one beats are joined by the line of
 * what is to be had for a cost.
 */
export function paretoChart(view: ParetoView): string {
  const { rows, cost, metric } = view
  const quality = (row: CostRow) => row.metrics[metric]!
  const x = costScale(rows.map(row => row[cost.figure]))
  const y = qualityScale(rows.map(quality))
  const points = rows.map((row): Point => {
    const [left, top] = [x.of(row[cost.figure]), y.of(quality(row))]
    return {
      row,
      x: left,
      y: top,
      left: left - RADIUS,
      right: left + RADIUS,
      top: top - RADIUS,
      bottom: top + RADIUS
    }
  })
  const front = paretoFront(points, {
    cost: ({ row }) => row[cost.figure],
    quality: ({ row }) => quality(row)
  })
  const groups = [...new Set(rows.map(({ group }) => group))]
  return chart(
    `${metric} over ${cost.name} of ${rows.length} settings; no other one beats ${front
      .map(({ row }) => nameOf(row, rows))
      .join('; ')}`,
    HEIGHT,
    [
      ...x.grid(cost),
      ...y.grid(),
      ...axisNames(cost, metric),
      frontLine(front),
      ...points.map(point => mark(point, view, groups, front.includes(point))),
      ...labels(points, front, rows),
      ...legend(groups)
    ],
    WIDTH
  )
}

/** A setting as the chart names it: with its collection where there are several. */
export function nameOf({ collection, setting }: CostRow, rows: readonly CostRow[]): string {
  const isAlone = rows.every(row => row.collection === collection)
  return isAlone ? setting : `${collection}: ${setting}`
}

interface Axis {
  readonly of: Scale
}

function costScale(costs: readonly number[]): Axis & { grid(cost: Cost): string[] } {
  const [least, most] = [Math.min(...costs), Math.max(...costs)]
  const isLog = least > 0 && most / least > MAX_LINEAR
  const ticks = isLog ? logTicks(least, most) : ticksOf(0, most || 1)
  const last = isLog ? most * 1.25 : Math.max(most * 1.06, ticks.at(-1)!)
  const linear = scaleOf(0, last, PLOT.left, PLOT.right)
  const log = scaleOf(Math.log(least / 1.25), Math.log(last), PLOT.left, PLOT.right)
  const of: Scale = isLog ? value => log(Math.log(value)) : linear
  const grid = ({ figure: name }: Cost) =>
    ticks.flatMap(tick => [
      chartLine(of(tick), PLOT.top, of(tick), PLOT.bottom, 'grid'),
      chartText(name === 'indexBytes' ? readableBytes(tick).replace('.0 ', ' ') : tickLabel(tick), {
        x: of(tick),
        y: PLOT.bottom + 20,
        anchor: 'middle',
        class: 'tick'
      })
    ])
  return { of, grid }
}

/** 1, 2 and 5 times the powers of ten that lie between, or all of 1 to 9 where these are few. */
function logTicks(least: number, most: number): number[] {
  const factors = most / least > 30 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(least)) - 1; 10 ** power <= most * 1.25; power++) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** power).toPrecision(3))
      if (tick >= least / 1.25 && tick <= most * 1.25) ticks.push(tick)
    }
  }
  return ticks
}

/** Begins below the worst: what matters are differences, and the axis says where it begins. */
function qualityScale(values: readonly number[]): Axis & { grid(): string[] } {
  const [worst, best] = [Math.min(...values), Math.max(...values)]
  const room = Math.max(0.01, (best - worst) * 0.06)
  const ticks = ticksOf(Math.max(0, worst - room), Math.min(1, best + room))
  const of = scaleOf(ticks[0]!, ticks.at(-1)!, PLOT.bottom, PLOT.top)
  const grid = () =>
    ticks.flatMap(tick => [
      chartLine(PLOT.left, of(tick), PLOT.right, of(tick), 'grid'),
      chartText(tickLabel(tick), {
        x: PLOT.left - 10,
        y: of(tick) + 4.5,
        anchor: 'end',
        class: 'tick'
      })
    ])
  return { of, grid }
}

function axisNames(cost: Cost, metric: string): string[] {
  const [center, middle] = [(PLOT.left + PLOT.right) / 2, (PLOT.top + PLOT.bottom) / 2]
  return [
    chartText(`${cost.name}: less is better`, {
      x: center,
      y: HEIGHT - 14,
      anchor: 'middle',
      class: 'axis'
    }),
    chartText(`${metric}: more is better`, {
      x: 20,
      y: middle,
      anchor: 'middle',
      class: 'axis',
      turn: -90
    })
  ]
}

/** What quality is to be had for each cost: steps. */
function frontLine(front: readonly Point[]): string {
  const [first, ...rest] = front
  const steps = rest.map(({ x, y }) => `H${at(x)}V${at(y)}`)
  return `<path d="M${at(first!.x)} ${at(first!.y)}${steps.join('')}H${at(PLOT.right)}" class="front"/>`
}

/** The steps of the line, as what they cover. */
function frontBoxes(front: readonly Point[]): Box[] {
  return front.flatMap(({ x, y }, i) => {
    const { x: end, y: next } = front[i + 1] ?? { x: PLOT.right, y }
    return [
      { left: x, right: end, top: y - 1, bottom: y + 1 },
      { left: end - 1, right: end + 1, top: next, bottom: y }
    ]
  })
}

/** Marks differ in shape and colour, so that either is enough. */
function mark(
  { row, x, y }: Point,
  { cost, metric, rows }: ParetoView,
  groups: readonly string[],
  isOnFront: boolean
): string {
  const costs = `${cost.name} ${Number(row[cost.figure].toPrecision(3)).toLocaleString('en')}`
  const text = tip([
    nameOf(row, rows),
    row.group,
    `${metric} ${figure(row.metrics[metric]!)}`,
    costs
  ])
  const name = `mark ${classOf(row.group, groups)}${isOnFront ? '' : ' beaten'}`
  return `<path d="${shape(groups.indexOf(row.group), x, y)}" class="${name}">${text}</path>`
}

const NUM_CLASSES = 6

function classOf(group: string, groups: readonly string[]): string {
  return `group${groups.indexOf(group) % NUM_CLASSES}`
}

/** Corners of the marks, in radii from the centre; a circle has none. */
const SHAPES: readonly (readonly (readonly [x: number, y: number])[])[] = [
  [],
  [
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9]
  ],
  [
    [0, -1.25],
    [1.25, 0],
    [0, 1.25],
    [-1.25, 0]
  ],
  [
    [0, -1.2],
    [1.15, 0.85],
    [-1.15, 0.85]
  ],
  [
    [0, 1.2],
    [1.15, -0.85],
    [-1.15, -0.85]
  ],
  [
    [-0.6, -1.1],
    [0.6, -1.1],
    [1.15, 0],
    [0.6, 1.1],
    [-0.6, 1.1],
    [-1.15, 0]
  ]
]

function shape(group: number, x: number, y: number): string {
  const corners = SHAPES[group % NUM_CLASSES]!
  if (corners.length === 0) {
    const r = at(RADIUS)
    return `M${at(x - RADIUS)} ${at(y)}a${r} ${r} 0 1 0 ${at(2 * RADIUS)} 0a${r} ${r} 0 1 0 ${at(-2 * RADIUS)} 0Z`
  }
  const places = corners.map(([dx, dy]) => `${at(x + RADIUS * dx)} ${at(y + RADIUS * dy)}`)
  return `M${places.join('L')}Z`
}

/** Names beside the marks: first of those on the front, then of the others as far as there is room. */
function labels(
  points: readonly Point[],
  front: readonly Point[],
  rows: readonly CostRow[]
): string[] {
  const ordered = [...front, ...points.filter(point => !front.includes(point))]
  const wanted = ordered.map(({ row, x, y }, i): Label => {
    const text = nameOf(row, rows)
    return { text, x, y, width: text.length * (i < front.length ? BOLD_WIDTH : CHARACTER_WIDTH) }
  })
  const bounds = { left: PLOT.left, top: PLOT.top, right: PLOT.right, bottom: PLOT.bottom }
  const room = { bounds, points, lines: frontBoxes(front), radius: RADIUS }
  return placedLabels(wanted, room).map(({ text, x, y, anchor, index }) =>
    chartText(text, { x, y, anchor, class: index < front.length ? 'label' : 'label beaten' })
  )
}

function legend(groups: readonly string[]): string[] {
  const parts: string[] = []
  let [x, y] = [PLOT.left, 18]
  for (const [i, group] of groups.entries()) {
    const width = 2 * RADIUS + 6 + group.length * CHARACTER_WIDTH + LEGEND_GAP
    if (x + width > WIDTH && x > PLOT.left) [x, y] = [PLOT.left, y + 20]
    parts.push(
      `<path d="${shape(i, x + RADIUS, y - 4)}" class="mark ${classOf(group, groups)}"/>`,
      chartText(group, { x: x + 2 * RADIUS + 6, y, class: 'tick' })
    )
    x += width
  }
  return parts
}
