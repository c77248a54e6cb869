import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Box, placedLabels } from '../../src/cli/label-places.ts'

const BOUNDS = { left: 0, top: 0, right: 400, bottom: 300 }
const RADIUS = 5
const boxOf = ({ x, y }: { x: number; y: number }): Box => ({
  left: x - RADIUS,
  right: x + RADIUS,
  top: y - RADIUS,
  bottom: y + RADIUS
})
const label = (text: string, x: number, y: number) => ({ text, x, y, width: 7 * text.length })

describe('names in a chart', () => {
  it('stand to the right, or where there is room', () => {
    const labels = [label('first', 100, 100), label('second', 112, 100), label('edge', 390, 50)]
    const room = { bounds: BOUNDS, points: labels.map(boxOf), lines: [], radius: RADIUS }
    const [first, second, edge] = placedLabels(labels, room)
    // The second point is where the first one's name would be.
    expect(first).toMatchObject({ text: 'first', anchor: 'end' })
    expect(second).toMatchObject({ text: 'second', anchor: 'start' })
    expect(edge).toMatchObject({ text: 'edge', anchor: 'end' })
  })

  it('stay off a line, unless every place is on one', () => {
    const labels = [label('name', 200, 150)]
    const place = (lines: Box[]) =>
      placedLabels(labels, { bounds: BOUNDS, points: [], lines, radius: RADIUS })[0]
    expect(place([])).toMatchObject({ anchor: 'start', y: 154.5 })
    const across = { left: 200, right: 400, top: 149, bottom: 151 }
    expect(place([across])).toMatchObject({ anchor: 'end', y: 154.5 })
    expect(place([BOUNDS])).toMatchObject({ anchor: 'start', y: 154.5 })
  })

  it('never cover each other or a point; without room there is none', () => {
    const point = fc.record({
      x: fc.integer({ min: 5, max: 395 }),
      y: fc.integer({ min: 5, max: 295 })
    })
    fc.assert(
      fc.property(fc.array(point, { maxLength: 25 }), points => {
        const labels = points.map(({ x, y }, i) => label(`point ${i}`, x, y))
        const boxes = points.map(boxOf)
        const room = { bounds: BOUNDS, points: boxes, lines: [], radius: RADIUS }
        const placed = placedLabels(labels, room).map(({ x, y, anchor, text }) => {
          const width = 7 * text.length
          const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2
          // Of the letters themselves, without the room around them.
          return { left, right: left + width, top: y - 9, bottom: y }
        })
        const meets = (a: Box, b: Box) =>
          a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
        for (const [i, box] of placed.entries()) {
          for (const other of [...placed.slice(0, i), ...boxes])
            expect(meets(box, other)).toBe(false)
          expect(box.left).toBeGreaterThanOrEqual(0)
          expect(box.right).toBeLessThanOrEqual(400)
        }
      })
    )
    const crowd = Array.from({ length: 80 }, (_, i) =>
      label('crowded', 200 + (i % 9), 150 + (i % 7))
    )
    const room = { bounds: BOUNDS, points: crowd.map(boxOf), lines: [], radius: RADIUS }
    expect(placedLabels(crowd, room).length).toBeLessThan(12)
  })
})
