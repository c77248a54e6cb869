import { describe, expect, it } from 'vitest'
import { coarseGrid, finerGrid, type Shares, WHOLE } from '../../src/tune/weight-grid.ts'

const sum = (shares: Shares) => shares.reduce((total, share) => total + share, 0)
const distinct = (grid: readonly Shares[]) => new Set(grid.map(String)).size

describe('the grid of weights', () => {
  it.each([
    [2, 21],
    [3, 231],
    [4, 1771]
  ])('of %d lists has all %d ways of sharing by .05', (numLists, count) => {
    const grid = coarseGrid(numLists)
    expect(grid).toHaveLength(count)
    expect(distinct(grid)).toBe(count)
    expect(grid.every(shares => sum(shares) === WHOLE)).toBe(true)
    expect(grid.every(shares => shares.every(share => share >= 0 && share % 5 === 0))).toBe(true)
  })

  it('is refined within the coarse steps around a point', () => {
    const around = [25, 50, 25]
    const grid = finerGrid(around)
    // Pairs of whole numbers from -4 to 4 whose sum lies there, too.
    expect(grid).toHaveLength(61)
    expect(distinct(grid)).toBe(61)
    expect(grid).toContainEqual(around)
    expect(grid.every(shares => sum(shares) === WHOLE)).toBe(true)
    const isNear = (shares: Shares) => shares.every((one, at) => Math.abs(one - around[at]!) < 5)
    expect(grid.every(isNear)).toBe(true)
  })

  it('ends at 0 and 1', () => {
    expect(finerGrid([100, 0])).toEqual([
      [96, 4],
      [97, 3],
      [98, 2],
      [99, 1],
      [100, 0]
    ])
  })

  it('needs two lists', () => {
    expect(() => coarseGrid(1)).toThrow('two or more')
  })
})
