import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { graphBisection } from '../../src/segment/graph-bisection.ts'

const UNUSED = 0xffff_ffff
const NUM_TERMS = 20

/** Documents of up to `termsPerRow` terms, unused places anywhere, in ranges of some leaves. */
const inputs = fc.integer({ min: 1, max: 5 }).chain(termsPerRow => {
  const place = fc.oneof(
    { weight: 4, arbitrary: fc.nat(NUM_TERMS - 1) },
    { weight: 1, arbitrary: fc.constantFrom(NUM_TERMS, UNUSED) }
  )
  const row = fc.array(place, { minLength: termsPerRow, maxLength: termsPerRow })
  return fc.record({
    rows: fc.array(row, { maxLength: 80 }).map(rows => Uint32Array.from(rows.flat())),
    termsPerRow: fc.constant(termsPerRow),
    leafDocuments: fc.integer({ min: 1, max: 30 })
  })
})

const TOPIC_TERMS = 40
const TOPIC_ROW = 8

/** `numDocuments` documents, shuffled, of `numTopics` topics that share no term. */
function topicRows(numDocuments: number, numTopics: number, seed: number): Uint32Array {
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const rows = Array.from({ length: numDocuments }, (_, document) => {
    const terms = new Set<number>()
    const topic = document % numTopics
    while (terms.size < TOPIC_ROW) terms.add(topic * TOPIC_TERMS + random(TOPIC_TERMS))
    return [...terms]
  })
  for (let last = numDocuments - 1; last > 0; last--) {
    const other = random(last + 1)
    const row = rows[last]!
    rows[last] = rows[other]!
    rows[other] = row
  }
  return Uint32Array.from(rows.flat())
}

/** The numbers from 0, which is insertion order. */
const upTo = (length: number) => Array.from({ length }, (_, document) => document)

const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)

/** More work than is done in one turn of the event loop. */
const LARGE = { rows: topicRows(50_000, 50, 1), numTerms: 50 * TOPIC_TERMS }

describe('graphBisection', () => {
  it('gives each document one place, ascending inside every leaf, and the same each time', async () => {
    await fc.assert(
      fc.asyncProperty(inputs, async ({ rows, termsPerRow, leafDocuments }) => {
        const given = rows.slice()
        const order = await graphBisection(rows, termsPerRow, NUM_TERMS, { leafDocuments })
        expect(ascending(order)).toEqual(upTo(rows.length / termsPerRow))
        for (let start = 0; start < order.length; start += leafDocuments) {
          const leaf = order.subarray(start, start + leafDocuments)
          expect([...leaf]).toEqual(ascending(leaf))
        }
        expect(rows).toEqual(given)
        expect(await graphBisection(rows, termsPerRow, NUM_TERMS, { leafDocuments })).toEqual(order)
      })
    )
  })

  it.each([2, 3, 4, 5, 8])('puts %i topics into leaves of their own', async numTopics => {
    for (let seed = 1; seed <= 5; seed++) {
      const rows = topicRows(numTopics * 64, numTopics, seed)
      const numTerms = numTopics * TOPIC_TERMS
      const order = await graphBisection(rows, TOPIC_ROW, numTerms, { leafDocuments: 64 })
      const topics = Array.from(order, at => Math.floor(rows[at * TOPIC_ROW]! / TOPIC_TERMS))
      const leaves = upTo(numTopics).map(leaf => new Set(topics.slice(64 * leaf, 64 * (leaf + 1))))
      expect(leaves.map(leaf => leaf.size)).toEqual(leaves.map(() => 1))
      expect(new Set(topics).size).toBe(numTopics)
    }
  })

  it.each([
    ['no documents', new Uint32Array(0)],
    ['one document', Uint32Array.of(1, 2)],
    ['fewer documents than a leaf', Uint32Array.of(3, 4, 0, UNUSED, 3, 4)],
    ['documents without terms', new Uint32Array(2 * 40).fill(UNUSED)]
  ])('leaves insertion order as it is: %s', async (_, rows) => {
    const order = await graphBisection(rows, 2, 5, { leafDocuments: 4 })
    expect([...order]).toEqual(upTo(rows.length / 2))
  })

  it('orders equal documents somehow', async () => {
    const rows = new Uint32Array(2 * 43).map((_, place) => place % 2)
    expect(ascending(await graphBisection(rows, 2, 2, { leafDocuments: 4 }))).toEqual(upTo(43))
  })

  it('returns insertion order where the budget allows no split', async () => {
    const rows = topicRows(100, 4, 1)
    const options = { leafDocuments: 10, budgetMs: 0 }
    const order = await graphBisection(rows, TOPIC_ROW, 4 * TOPIC_TERMS, options)
    expect([...order]).toEqual(upTo(100))
  })

  it('returns the order reached so far where the budget ends in the middle', async () => {
    const options = { leafDocuments: 100, budgetMs: 20 }
    const order = await graphBisection(LARGE.rows, TOPIC_ROW, LARGE.numTerms, options)
    expect(ascending(order)).toEqual(upTo(50_000))
  })

  it.each([Number.POSITIVE_INFINITY, 0])('reports shares up to 1 (budget %d)', async budgetMs => {
    const shares: number[] = []
    const rows = topicRows(90, 4, 1)
    await graphBisection(rows, TOPIC_ROW, 4 * TOPIC_TERMS, {
      leafDocuments: 10,
      budgetMs,
      onProgress: share => shares.push(share)
    })
    expect(shares).toEqual(ascending(shares))
    expect(shares[0]).toBeGreaterThan(0)
    expect(shares.at(-1)).toBe(1)
    // Nine leaves take eight splits, and the last split is the end.
    expect(shares.length).toBe(budgetMs === 0 ? 1 : 8)
    expect(new Set(shares).size).toBe(shares.length)
  })

  it('rejects when the signal has fired', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const bisection = graphBisection(Uint32Array.of(0), 1, 1, { leafDocuments: 1, signal })
    await expect(bisection).rejects.toMatchObject({ code: 'ABORTED', cause: signal.reason })
  })

  it('gives timers a turn, so a signal can stop it on the way', async () => {
    const controller = new AbortController()
    let share = 0
    const bisection = graphBisection(LARGE.rows, TOPIC_ROW, LARGE.numTerms, {
      leafDocuments: 10,
      maxRounds: 20,
      signal: controller.signal,
      onProgress: done => {
        share = done
      }
    })
    setTimeout(() => controller.abort(), 1)
    await expect(bisection).rejects.toMatchObject({ code: 'ABORTED' })
    expect(share).toBeLessThan(1)
  })

  it.each([
    ['leafDocuments', 0, 2],
    ['leafDocuments', 1.5, 2],
    ['rows.length / termsPerRow', 1, 4],
    ['rows.length / termsPerRow', 1, 0]
  ])('refuses %s without meaning', async (place, leafDocuments, termsPerRow) => {
    const bisection = graphBisection(new Uint32Array(6), termsPerRow, 1, { leafDocuments })
    await expect(bisection).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', place })
  })
})
