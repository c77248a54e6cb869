/** Finds room for the names of points in a chart, so that none covers another or a point. */

export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** A name, and the point that it belongs to. */
export interface Label {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly width: number
}

/** Where a name stands: its base line begins, ends or has its middle at the place. */
export interface PlacedLabel {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'middle' | 'end'
  /** Of the label among those that were wanted. */
  readonly index: number
}

const HEIGHT = 14
const GAP = 5

/** Where names may stand. */
export interface LabelRoom {
  /** No name reaches beyond. */
  readonly bounds: Box
  /** No name covers one of these. */
  readonly points: readonly Box[]
  /** Names stay off these where there is room elsewhere. */
  readonly lines: readonly Box[]
  /** Of a point. */
  readonly radius: number
}

/**
 * Tries the sides of each point, in the order of the labels; one for which there is no room is left
 * out.
 */
export function placedLabels(
  labels: readonly Label[],
  { bounds, points, lines, radius }: LabelRoom
): PlacedLabel[] {
  const taken: Box[] = [...points]
  const placed: PlacedLabel[] = []
  for (const [index, label] of labels.entries()) {
    const free = [...placesOf(label, radius)].filter(
      ({ box }) => isWithin(box, bounds) && !taken.some(other => overlap(box, other))
    )
    const found = free.find(({ box }) => !lines.some(line => overlap(box, line))) ?? free[0]
    if (found === undefined) continue
    const { box, ...place } = found
    taken.push(box)
    placed.push({ ...place, text: label.text, index })
  }
  return placed
}

function* placesOf(
  { x, y, width }: Label,
  radius: number
): Generator<Pick<PlacedLabel, 'x' | 'y' | 'anchor'> & { box: Box }> {
  const away = radius + GAP
  const above = y - away
  const below = y + away + HEIGHT - 4
  const middle = y + 4.5
  const diagonal = away * 0.7
  const sides = [
    [x + away, middle, 'start'],
    [x - away, middle, 'end'],
    [x, above, 'middle'],
    [x, below, 'middle'],
    [x + diagonal, above, 'start'],
    [x + diagonal, below, 'start'],
    [x - diagonal, above, 'end'],
    [x - diagonal, below, 'end']
  ] as const
  for (const [left, baseline, anchor] of sides) {
    const start = anchor === 'start' ? left : anchor === 'end' ? left - width : left - width / 2
    const box = {
      left: start,
      top: baseline - HEIGHT + 3,
      right: start + width,
      bottom: baseline + 3
    }
    yield { x: left, y: baseline, anchor, box }
  }
}

function isWithin(box: Box, bounds: Box): boolean {
  return (
    box.left >= bounds.left &&
    box.right <= bounds.right &&
    box.top >= bounds.top &&
    box.bottom <= bounds.bottom
  )
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}
