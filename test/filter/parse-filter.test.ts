import { describe, expect, it, test } from 'vitest'
import { checkTypes, typesOfMetadata } from '../../src/filter/check-types.ts'
import { filterKey, MAX_FILTER_CLAUSES, MAX_FILTER_DEPTH } from '../../src/filter/filter.ts'
import { matches } from '../../src/filter/matches.ts'
import { parseFilter } from '../../src/filter/parse-filter.ts'

/** The error of a filter; its message is "place: problem. Expected … . remedy". */
function refusal(filter: unknown): string {
  try {
    parseFilter(filter)
  } catch (error) {
    expect(error).toMatchObject({ name: 'EsplanadeError', code: 'FILTER_INVALID' })
    return (error as Error).message
  }
  return 'accepted'
}

/** So many `$not` in each other. */
function nested(depth: number): unknown {
  let filter: unknown = {}
  for (let i = 1; i < depth; i++) filter = { $not: filter }
  return filter
}

describe('refused, with the place in the filter', () => {
  test.each<[unknown, ...string[]]>([
    [{ year: { $greater: 5 } }, 'filter.year.$greater: unknown operator "$greater"', '$startsWith'],
    [{ year: { $gtt: 5 } }, 'filter.year.$gtt', 'Did you mean $gt?'],
    [{ year: { $GTE: 5 } }, 'Did you mean $gte?'],
    [{ year: { $greaterThan: 5 } }, 'Did you mean $gt?'],
    [{ year: { $and: [] } }, 'filter.year.$and: unknown operator "$and"'],
    [{ year: { gt: 5 } }, 'filter.year.gt: "gt" is no operator', 'Did you mean $gt?'],
    [{ author: { name: 'x' } }, 'filter.author.name', 'by its path, "author.name"'],
    [{ $xor: [{}] }, 'filter.$xor: unknown operator "$xor"', 'one of $and, $or, $not', '$or?'],
    [{ $gt: 5 }, 'filter.$gt: unknown operator "$gt"', 'Only these are known'],
    [{ a: { $eq: null } }, 'filter.a.$eq: given null', '{"$exists": false}'],
    [{ a: null }, 'filter.a: given null', '{"$exists": false}'],
    [{ a: { $ne: null } }, 'filter.a.$ne: given null', '{"$exists": false}'],
    [{ a: undefined }, 'filter.a: given undefined', 'Expected a string, a finite number'],
    [{ a: { $in: ['x', null] } }, 'filter.a.$in[1]: given null'],
    [{ a: ['x'] }, 'filter.a: given an array of 1', 'Give lists to $in or $nin'],
    [{ a: { $in: 'x' } }, 'filter.a.$in: given the string "x"', 'an array of values'],
    [{ a: {} }, 'filter.a: given an empty object', 'or an object of operators'],
    [{ a: { $not: 5 } }, 'filter.a.$not: given the number 5', 'an object of operators'],
    [{ a: { $not: {} } }, 'filter.a.$not: given an empty object'],
    [{ a: Number.NaN }, 'filter.a: given the number NaN', 'a finite number'],
    [{ a: new Date(Number.NaN) }, 'filter.a: given a Date that is no date'],
    [{ a: { $gt: true } }, 'filter.a.$gt: given the boolean true', 'or a date'],
    [{ a: { $gt: ['x'] } }, 'filter.a.$gt: given an array of 1'],
    [{ a: { $exists: 1 } }, 'filter.a.$exists: given the number 1', 'true or false'],
    [{ a: { $startsWith: 1 } }, 'filter.a.$startsWith: given the number 1', 'a string'],
    [{ a: '\ud83d' }, 'filter.a: given the string', 'half of a surrogate pair'],
    [{ a: { $startsWith: '\ude00' } }, 'filter.a.$startsWith', 'half of a surrogate pair'],
    [{ a: { $date: '2026-02-30' } }, 'filter.a: given a $date that is no date', 'ISO 8601'],
    [{ a: { $date: '2026-11-21T09:00' } }, 'with a zone'],
    [{ a: { $gt: { $date: 5 } } }, 'filter.a.$gt: given a $date'],
    [{ a: { $date: '2026-11-21', $gt: 1 } }, 'filter.a: given a $date'],
    [{ $and: [] }, 'filter.$and: given an empty array', 'at least one'],
    [{ $or: [] }, 'filter.$or: given an empty array', 'at least one'],
    [{ $or: { a: 1 } }, 'filter.$or: given an object', 'an array of filters'],
    [{ $or: [{ a: 1 }, { b: [] }] }, 'filter.$or[1].b: given an empty array'],
    [{ $and: [{}, 5] }, 'filter.$and[1]: given the number 5', 'an object of fields'],
    [{ $not: [{}] }, 'filter.$not: given an array of 1'],
    [undefined, 'filter: given undefined'],
    [null, 'filter: given null'],
    ['a = 1', 'filter: given the string "a = 1"'],
    [[{ a: 1 }], 'filter: given an array of 1'],
    [new Map([['a', 1]]), 'filter: given a Map'],
    [{ a: new Map() }, 'filter.a: given a Map'],
    [{ 'a b': { $x: 1 } }, 'filter["a b"].$x'],
    [{ ['x'.repeat(501)]: 1 }, `filter["${'x'.repeat(80)}…"]`, 'at most 500'],
    [{ a: 'x'.repeat(9).concat('\ud800') }, 'half of a surrogate pair']
  ])('%j', (filter, ...parts) => {
    for (const part of parts) expect(refusal(filter)).toContain(part)
  })

  it('a number that JSON cannot write', () => {
    expect(refusal({ a: 5n })).toContain('filter.a: given the bigint 5')
  })

  it('a sparse list', () => {
    expect(refusal({ a: { $in: new Array(2) } })).toContain('filter.a.$in[0]: given undefined')
    expect(refusal({ $and: new Array(2) })).toContain('filter.$and[0]: given undefined')
  })
})

describe('limits', () => {
  it('is as deep as it may be, and no deeper', () => {
    expect(refusal(nested(MAX_FILTER_DEPTH))).toBe('accepted')
    for (const depth of [MAX_FILTER_DEPTH + 1, 1000, 1_000_000]) {
      expect(refusal(nested(depth))).toContain('nested deeper than 32 levels')
    }
    let condition: unknown = { $gt: 1 }
    for (let i = 0; i < 1000; i++) condition = { $not: condition }
    expect(refusal({ a: condition })).toContain('nested deeper than 32 levels')
    const cycle: Record<string, unknown> = {}
    cycle.$and = [cycle]
    expect(refusal(cycle)).toContain('nested deeper than 32 levels')
  })

  test.each([
    ['conditions', (n: number) => ({ $or: Array.from({ length: n }, (_, i) => ({ a: i })) })],
    ['values', (n: number) => ({ a: { $in: Array.from({ length: n }, (_, i) => i) } })],
    ['empty filters', (n: number) => ({ $and: Array.from({ length: n }, () => ({})) })],
    [
      'operators',
      (n: number) => ({
        $and: Array.from({ length: n / 2 }, (_, i) => ({ a: { $gt: i, $lt: i + 2 } })).concat(
          n % 2 === 0 ? [] : [{ a: { $gt: 1, $lt: 3 } }]
        )
      })
    ]
  ])('takes 10,000 %s, not one more', (_, make) => {
    const filter = make(MAX_FILTER_CLAUSES)
    const start = performance.now()
    matches(parseFilter(filter), { a: -1 })
    filterKey(parseFilter(filter))
    expect(performance.now() - start).toBeLessThan(2000)
    expect(refusal(make(MAX_FILTER_CLAUSES + 1))).toContain('more than 10000 conditions')
  })
})

describe('the key of a filter', () => {
  const key = (filter: unknown) => filterKey(parseFilter(filter))

  test.each<[string, unknown, unknown]>([
    ['order of fields', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a bare value and $eq', { a: 1 }, { a: { $eq: 1 } }],
    ['a list of one', { a: 1 }, { a: { $in: [1, 1] } }],
    ['order of a list', { a: { $in: ['x', 1, true] } }, { a: { $in: [true, 1, 'x', 1] } }],
    ['$and', { a: 1, b: 2 }, { $and: [{ b: 2 }, { $and: [{ a: 1 }] }, {}] }],
    ['$ne', { a: { $ne: 1 } }, { $not: { a: 1 } }],
    ['$not twice', { a: 1 }, { a: { $not: { $not: { $eq: 1 } } } }],
    ['dates', { a: new Date(0) }, { a: { $date: '1970-01-01' } }],
    ['zeros', { a: 0 }, { a: -0 }],
    ['the same part twice', { a: 1 }, { $or: [{ a: 1 }] }]
  ])('is the same: %s', (_, a, b) => expect(key(a)).toBe(key(b)))

  it('differs where the meaning does', () => {
    const filters = [
      {},
      { a: 1 },
      { a: '1' },
      { a: true },
      { a: new Date(1) },
      { b: 1 },
      { a: { $gt: 1 } },
      { a: { $gte: 1 } },
      { a: { $ne: 1 } },
      { a: { $in: [1, 2] } },
      { a: { $in: ['1,2'] } },
      { a: { $in: [] } },
      { a: { $nin: [] } },
      { a: { $startsWith: '1' } },
      { a: { $exists: true } },
      { a: { $exists: false } },
      { $or: [{ a: 1 }, { b: 1 }] },
      { a: 1, b: 1 },
      { $not: { a: 1, b: 1 } },
      { '"a"': 1 },
      { 'a,b': 1 }
    ]
    expect(new Set(filters.map(key)).size).toBe(filters.length)
  })
})

describe('types', () => {
  const typesOf = (path: string) => typesOfMetadata({ year: [1999, '2000'], on: new Date(0) }, path)
  const check = (filter: unknown) => () => checkTypes(parseFilter(filter), typesOf)

  it('takes what a field has, and any value for a field that nobody has', () => {
    for (const filter of [
      { year: 1 },
      { year: { $gt: 'x' } },
      { on: new Date() },
      { none: true }
    ]) {
      expect(check(filter)).not.toThrow()
    }
    expect(check({ on: { $exists: true } })).not.toThrow()
  })

  test.each<[unknown, string, string]>([
    [{ year: true }, 'filter.year', 'a boolean for a field whose values are of type string or num'],
    [
      { on: { $gt: '2026' } },
      'filter.on.$gt',
      'a string for a field whose values are of type date'
    ],
    [{ $or: [{ a: 1 }, { $not: { on: { $in: [new Date(0), 5] } } }] }, 'filter.$or[1]', 'a number'],
    [{ on: { $startsWith: '2026' } }, 'filter.on.$startsWith', 'a string for a field']
  ])('refuses %j', (filter, place, problem) => {
    expect(check(filter)).toThrow(
      expect.objectContaining({
        code: 'FILTER_INVALID',
        place: expect.stringContaining(place),
        problem: expect.stringContaining(problem)
      })
    )
  })
})
