import { EsplanadeError } from '../errors.ts'

/** Weights are whole hundredths here, so that a sum of them is exact: they sum to this. */
export const WHOLE = 100

/** Hundredths between neighbours of the coarse grid. */
const STEP = 5

/** Shares of the lists in hundredths, in their order; they sum to {@link WHOLE}. */
export type Shares = readonly number[]

/**
 * All ways of sharing the whole among some lists by steps of .05: 21 for two lists, 231 for three,
 * 1,771 for four.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` for fewer than two lists
 */
export function coarseGrid(numLists: number): Shares[] {
  if (!(numLists >= 2)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'lists',
      problem: `given ${numLists}, which leaves no weights to choose`,
      expected: 'two or more'
    })
  }
  return compositions(numLists, WHOLE / STEP).map(parts => parts.map(part => part * STEP))
}

/** What lies between a point of the coarse grid and its neighbours, by steps of .01; it included. */
export function finerGrid(around: Shares): Shares[] {
  const found: Shares[] = []
  const extend = (shares: Shares, left: number): void => {
    const at = shares.length
    const isNear = (share: number) => Math.abs(share - around[at]!) < STEP
    if (at === around.length - 1) {
      if (left >= 0 && isNear(left)) found.push([...shares, left])
      return
    }
    const lowest = Math.max(0, around[at]! - STEP + 1)
    for (let share = lowest; share <= left && isNear(share); share++) {
      extend([...shares, share], left - share)
    }
  }
  extend([], WHOLE)
  return found
}

/** All lists of so many whole numbers from 0 that sum to a total. */
function compositions(length: number, total: number): number[][] {
  if (length === 1) return [[total]]
  return Array.from({ length: total + 1 }, (_, first) => first).flatMap(first =>
    compositions(length - 1, total - first).map(rest => [first, ...rest])
  )
}
