import { describe, expect, it, test } from 'vitest'
import type { Metadata } from '../../src/corpus/metadata.ts'
import { matches } from '../../src/filter/matches.ts'
import { parseFilter } from '../../src/filter/parse-filter.ts'
import { compareStrings } from '../../src/filter/value.ts'

const document: Metadata = {
  year: 1999,
  title: 'Über den Wolken',
  open: false,
  on: new Date('2026-11-21T09:00:00Z'),
  tags: ['red', 'blue', 7],
  authors: [{ name: 'Ann', born: 1950 }, { name: 'Bob' }],
  'a.b': 'dotted',
  a: { c: 'nested' },
  nothing: null,
  empty: [],
  hollow: { inside: [null, {}] },
  '': 'no name'
}

describe('one document', () => {
  test.each<[boolean, unknown]>([
    [true, {}],
    [true, { year: 1999 }],
    [false, { year: '1999' }],
    [true, { year: { $gte: 1999, $lt: 2000 } }],
    [false, { year: { $gt: 1999 } }],
    [true, { year: { $in: [1, 1999] } }],
    [false, { year: { $in: [] } }],
    [true, { year: { $nin: [] } }],
    [true, { open: false }],
    [false, { open: 0 }],
    [true, { on: { $date: '2026-11-21T10:00:00+01:00' } }],
    [true, { on: { $gt: { $date: '2026-11-21' } } }],
    [true, { on: { $lt: new Date('2027-01-01') } }],
    [false, { on: { $gt: 0 } }],
    [true, { title: { $startsWith: 'Über' } }],
    [true, { title: { $startsWith: '' } }],
    [false, { year: { $startsWith: '' } }],
    [true, { tags: 'red' }],
    [true, { tags: 7 }],
    [false, { tags: { $ne: 'red' } }],
    [true, { tags: { $nin: ['green'] } }],
    [true, { tags: { $gt: 'm', $lt: 'c' } }],
    [true, { 'authors.name': 'Bob' }],
    [true, { 'authors.name': 'Bob', 'authors.born': 1950 }],
    [false, { 'authors.0.name': 'Ann' }],
    [true, { 'a.b': 'dotted' }],
    [true, { 'a.c': 'nested' }],
    [true, { '': 'no name' }],
    [true, { a: { $exists: true } }],
    [false, { a: 'nested' }],
    [true, { authors: { $exists: true } }],
    [false, { nothing: { $exists: true } }],
    [false, { empty: { $exists: true } }],
    [false, { hollow: { $exists: true } }],
    [true, { missing: { $exists: false } }],
    [true, { missing: { $ne: 5 } }],
    [false, { missing: { $lt: 5 } }],
    [true, { missing: { $not: { $lt: 5 } } }],
    [true, { $not: { missing: { $lt: 5 } } }],
    [true, { year: { $not: { $gt: 1999 } } }],
    [false, { year: { $not: { $gt: 1998, $lt: 2000 } } }],
    [true, { $or: [{ year: 1 }, { open: false }] }],
    [false, { $and: [{ year: 1999 }, { open: true }] }],
    [true, { $not: { year: 1999, open: true } }],
    [false, { __proto__x: 1 }],
    [false, { constructor: { $exists: true } }],
    [false, { 'constructor.name': 'Object' }],
    [false, { 'title.length': { $exists: true } }]
  ])('%s: %j', (expected, filter) => {
    expect(matches(parseFilter(filter), document)).toBe(expected)
  })

  it('has fields of the names that objects have', () => {
    const metadata = JSON.parse('{"__proto__": {"x": 1}, "constructor": "c", "toString": [2]}')
    const passes = (filter: string) => matches(parseFilter(JSON.parse(filter)), metadata)
    expect(passes('{"__proto__.x": 1, "constructor": "c", "toString": 2}')).toBe(true)
    expect(passes('{"__proto__": {"$exists": true}}')).toBe(true)
    expect(passes('{"x": {"$exists": true}}')).toBe(false)
    expect(matches(parseFilter(JSON.parse('{"__proto__": {"$exists": true}}')), {})).toBe(false)
  })

  it('sees nothing behind what is too deep or too long a path', () => {
    const long = { ['x'.repeat(400)]: { ['y'.repeat(99)]: 1, ['z'.repeat(100)]: 1 } }
    const exists = (path: string) => matches(parseFilter({ [path]: { $exists: true } }), long)
    expect(exists(`${'x'.repeat(400)}.${'y'.repeat(99)}`)).toBe(true)
    expect(exists('x'.repeat(400))).toBe(true)
    let deep: Metadata = { x: 1 }
    for (let i = 0; i < 100; i++) deep = { x: deep }
    expect(matches(parseFilter({ x: { $exists: true } }), deep)).toBe(false)
  })
})

test('strings are ordered by code point', () => {
  const ascending = [
    '',
    'A',
    'a',
    'aa',
    'é',
    '\ud83d',
    '\ud83dx',
    '\ude00',
    '\ue000',
    '﹫',
    '😀',
    '😁'
  ]
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      expect(Math.sign(compareStrings(a, b)), `${a} ${b}`).toBe(Math.sign(i - j))
      expect(Math.sign(compareStrings(`x${a}`, `x${b}`))).toBe(Math.sign(i - j))
    }
  }
})
