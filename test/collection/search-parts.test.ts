import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type SearchedPart, searchParts } from '../../src/collection/search-parts.ts'

/** A part of these scores, which answers as a search of it does. */
function partOf(scores: readonly number[], first: number, asked: number[]): SearchedPart {
  return {
    numEntries: scores.length,
    search: (k, minScore) => {
      asked.push(k)
      const best = scores
        .map((score, id) => ({ id, score }))
        .filter(({ score }) => score >= minScore)
        .sort((a, b) => b.score - a.score)
        .slice(0, k)
      return { ids: best.map(({ id }) => id), scores: best.map(({ score }) => score) }
    },
    placeOf: id => ({ seq: first + id, passageIndex: 0 })
  }
}

function partsOf(lists: readonly (readonly number[])[], asked: number[] = []): SearchedPart[] {
  let first = 1
  return lists.map(scores => {
    const part = partOf(scores, first, asked)
    first += scores.length
    return part
  })
}

function expected(lists: readonly (readonly number[])[], k: number, minScore: number) {
  return lists
    .flat()
    .map((score, i) => ({ seq: i + 1, passageIndex: 0, score }))
    .filter(({ score }) => score >= minScore)
    .sort((a, b) => b.score - a.score)
    .slice(0, k)
}

it('finds the best of all parts, of one score those that were written first', () => {
  const score = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 1000 }))
  const lists = fc.array(fc.array(score, { maxLength: 120 }), { maxLength: 5 })
  fc.assert(
    fc.property(
      lists,
      fc.integer({ min: 1, max: 150 }),
      fc.integer({ min: -1, max: 5 }),
      (given, k, least) => {
        const minScore = least < 0 ? Number.NEGATIVE_INFINITY : least
        expect(searchParts(partsOf(given), k, minScore)).toEqual(expected(given, k, minScore))
      }
    ),
    { numRuns: 500 }
  )
})

it('asks the first part for its share, and again only where that was not enough', () => {
  const spread = (offset: number) => Array.from({ length: 1000 }, (_, i) => 4 * i + offset)
  const asked: number[] = []
  const alike = [0, 1, 2, 3].map(spread)
  expect(searchParts(partsOf(alike, asked), 200, 0)).toEqual(expected(alike, 200, 0))
  expect(asked).toEqual([16 + 75, 200, 200, 200])
  // The first part has the best of all.
  asked.length = 0
  const apart = [spread(9000), spread(0)]
  expect(searchParts(partsOf(apart, asked), 200, 0)).toEqual(expected(apart, 200, 0))
  expect(asked).toEqual([16 + 150, 200, 200, 200])
})
