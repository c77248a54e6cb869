import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type MergeCandidate,
  type MergeOptions,
  planMerge
} from '../../src/collection/merge-policy.ts'

const FACTOR = 8
const segment = (numEntries: number, numDead = 0, bytes = 100 * numEntries): MergeCandidate => ({
  numEntries,
  numDead,
  bytes
})

/** Segments as runs of entries; each entry counts how often it was written after its flush. */
type Written = { readonly rewrites: Map<number, number>; readonly segments: number[][] }

/** Flushes segments of these sizes, merging after each as long as there is something to merge. */
function flushAll(sizes: readonly number[], options: MergeOptions = {}, isLazy = false): Written {
  const rewrites = new Map<number, number>()
  const segments: number[][] = []
  let next = 0
  for (const [i, size] of sizes.entries()) {
    segments.push(Array.from({ length: size }, () => next++))
    if (isLazy && i % 5 !== 4 && i < sizes.length - 1) continue
    for (;;) {
      const plan = planMerge(
        segments.map(entries => segment(entries.length)),
        options
      )
      if (plan === undefined) break
      expect(plan.end - plan.first).toBeGreaterThan(1)
      expect(plan.first).toBeGreaterThanOrEqual(0)
      expect(plan.end).toBeLessThanOrEqual(segments.length)
      const merged = segments.slice(plan.first, plan.end).flat()
      for (const entry of merged) rewrites.set(entry, (rewrites.get(entry) ?? 0) + 1)
      segments.splice(plan.first, plan.end - plan.first, merged)
    }
  }
  // Neighbours only: the order is that of the flushes.
  expect(segments.flat()).toEqual(Array.from({ length: next }, (_, i) => i))
  return { rewrites, segments }
}

const tiersOf = (n: number): number => Math.floor(Math.log(Math.max(n, 1)) / Math.log(FACTOR)) + 1

const flushes = fc.oneof(
  fc.array(fc.constant(1), { maxLength: 1500 }),
  fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 300 }),
  // Sizes of every order: large flushes behind small ones.
  fc.array(
    fc.nat(11).map(power => 2 ** power),
    { maxLength: 80 }
  )
)

describe('after any flushes', () => {
  it('segments are few, and no entry was written often', () => {
    fc.assert(
      fc.property(flushes, fc.boolean(), (sizes, isLazy) => {
        const { rewrites, segments } = flushAll(sizes, {}, isLazy)
        const numEntries = segments.reduce((sum, { length }) => sum + length, 0)
        expect(segments.length).toBeLessThanOrEqual((FACTOR - 1) * tiersOf(numEntries))
        const most = Math.max(0, ...rewrites.values())
        expect(most).toBeLessThanOrEqual(tiersOf(numEntries) + 1)
      }),
      { numRuns: 150 }
    )
  })

  it('a limit is never passed, and few segments are less than half full', () => {
    const limited = fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 300 })
    fc.assert(
      fc.property(limited, fc.boolean(), (sizes, inBytes) => {
        const options = inBytes ? { maxBytes: 20_000 } : { maxEntries: 200 }
        const { rewrites, segments } = flushAll(sizes, options)
        expect(Math.max(0, ...segments.map(({ length }) => length))).toBeLessThanOrEqual(200)
        const small = segments.filter(({ length }) => length < 100)
        expect(small.length).toBeLessThanOrEqual((FACTOR - 1) * tiersOf(200))
        expect(Math.max(0, ...rewrites.values())).toBeLessThanOrEqual(tiersOf(200) + 1)
      }),
      { numRuns: 150 }
    )
  })
})

describe('the plan', () => {
  const plan = (sizes: (number | MergeCandidate)[], options?: MergeOptions) =>
    planMerge(
      sizes.map(one => (typeof one === 'number' ? segment(one) : one)),
      options
    )

  it('is none for nothing, for one, and for fewer than the factor', () => {
    expect(plan([])).toBeUndefined()
    expect(plan([1000])).toBeUndefined()
    expect(plan([1000, 100, 100, 10, 1, 1])).toBeUndefined()
  })

  it('joins eight of a tier, the lowest first', () => {
    expect(plan([100, ...Array(8).fill(10)])).toEqual({ first: 1, end: 9 })
    expect(plan([...Array(8).fill(100), ...Array(8).fill(10)])).toEqual({ first: 8, end: 16 })
  })

  it('takes in what is smaller than the result', () => {
    expect(plan([5000, 100, ...Array(8).fill(63)])).toEqual({ first: 2, end: 10 })
    expect(plan([5000, 100, ...Array(9).fill(63)])).toEqual({ first: 1, end: 11 })
  })

  it('joins a large flush with the small ones before it', () => {
    expect(plan([5000, 100, 10, 1, 600])).toEqual({ first: 1, end: 5 })
  })

  it('leaves full segments alone', () => {
    expect(plan([1, 10, 100, 900, 1000], { maxEntries: 1800 })).toEqual({ first: 0, end: 3 })
    expect(plan([111, 900, 1000], { maxEntries: 1800 })).toBeUndefined()
  })

  it('builds a segment anew of which more than a third is dead', () => {
    expect(plan([1000, segment(90, 30)])).toBeUndefined()
    expect(plan([1000, segment(90, 31), 10])).toEqual({ first: 1, end: 2 })
    expect(plan([segment(1000, 1000)])).toEqual({ first: 0, end: 1 })
    expect(plan([segment(2 ** 24, 2 ** 23)])).toEqual({ first: 0, end: 1 })
  })

  it('counts only what is alive against the limits', () => {
    const half = segment(100, 50)
    expect(plan(Array(8).fill(half), { maxEntries: 400 })).toEqual({ first: 0, end: 8 })
    expect(plan(Array(8).fill(segment(100)), { maxEntries: 400 })).toEqual({ first: 0, end: 4 })
  })
})

it('ends for any segments, whatever died', () => {
  const any = fc.record({
    numEntries: fc.nat(3000),
    dead: fc.double({ min: 0, max: 1, noNaN: true })
  })
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60 }), candidates => {
      const segments = candidates.map(({ numEntries, dead }) =>
        segment(numEntries, Math.floor(dead * numEntries))
      )
      for (let step = 0; ; step++) {
        expect(step).toBeLessThan(200)
        const plan = planMerge(segments, { maxEntries: 5000 })
        if (plan === undefined) break
        const run = segments.slice(plan.first, plan.end)
        const live = run.reduce((sum, { numEntries, numDead }) => sum + numEntries - numDead, 0)
        expect(live).toBeLessThanOrEqual(5000)
        segments.splice(plan.first, run.length, ...(live > 0 ? [segment(live)] : []))
      }
      expect(segments.every(({ numEntries, numDead }) => 3 * numDead <= numEntries)).toBe(true)
    })
  )
})
