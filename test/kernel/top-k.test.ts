import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopK } from '../../src/kernel/top-k.ts'

describe('TopK', () => {
  it('keeps what sorting keeps, whatever the order of the offers', () => {
    const scores = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.double({ noNaN: true })))
    fc.assert(
      fc.property(
        scores,
        fc.integer({ min: 1, max: 12 }),
        fc.infiniteStream(fc.nat()),
        (given, k, order) => {
          const documents = given.map((score, docId) => ({ docId, score }))
          const offered = documents
            .map(document => ({ document, at: order.next().value }))
            .sort((a, b) => a.at - b.at)
            .map(({ document }) => document)
          const top = new TopK(k)
          for (const { docId, score } of offered) top.offer(docId, score)
          expect(top.size).toBe(Math.min(k, given.length))
          const best = documents
            .sort((a, b) => (b.score > a.score ? 1 : b.score < a.score ? -1 : a.docId - b.docId))
            .slice(0, k)
          const { ids, scores: kept } = top.drain()
          expect([...ids]).toEqual(best.map(({ docId }) => docId))
          expect([...kept]).toEqual(best.map(({ score }) => score))
          expect(top.size).toBe(0)
        }
      )
    )
  })

  it('lets everything in while there is room, then what reaches the worst score', () => {
    const top = new TopK(2)
    top.offer(5, 3)
    expect(top.threshold).toBe(Number.NEGATIVE_INFINITY)
    top.offer(6, 1)
    expect(top.threshold).toBe(1)
    top.offer(7, 1) // ties with document 6, which came first
    top.offer(4, 1)
    expect([...top.drain().ids]).toEqual([5, 4])
  })
})
