import { EsplanadeError } from '../../errors.ts'

/** What {@link paretoFront} weighs against each other. */
export interface ParetoAxes<Row> {
  /** What is paid: less is better. */
  readonly cost: (row: Row) => number
  /** What is got: more is better. */
  readonly quality: (row: Row) => number
}

/**
 * The settings that no other one beats: for each of the rest there is one that costs no more, is no
 * worse, and is better in one of the two. Settings that are equal in both stand together.
 *
 * @param rows - settings that were measured
 * @returns some of the rows, by ascending cost; those of the same cost and quality in their order
 * @throws EsplanadeError `INVALID_ARGUMENT` for a figure that is no number
 */
export function paretoFront<Row>(rows: Iterable<Row>, { cost, quality }: ParetoAxes<Row>): Row[] {
  const points = Array.from(rows, (row, i) => ({
    row,
    cost: figureOf('cost', i, cost(row)),
    quality: figureOf('quality', i, quality(row))
  }))
  points.sort((a, b) => a.cost - b.cost || b.quality - a.quality)
  const front: typeof points = []
  for (const point of points) {
    const best = front.at(-1)
    const isEqual = best?.cost === point.cost && best.quality === point.quality
    if (best === undefined || point.quality > best.quality || isEqual) front.push(point)
  }
  return front.map(({ row }) => row)
}

function figureOf(axis: string, i: number, value: number): number {
  if (Number.isFinite(value)) return value
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: `${axis} of row ${i}`,
    problem: `given ${value}`,
    expected: 'a finite number'
  })
}
