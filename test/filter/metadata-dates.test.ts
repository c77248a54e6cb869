import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import {
  isJsonObject,
  type JsonObject,
  jsonProblem,
  MAX_METADATA_DEPTH,
  metadataFromJson,
  metadataToJson
} from '../../src/corpus/metadata.ts'
import { metadata } from './arbitrary.ts'

const roundTrip = (json: JsonObject) => metadataFromJson(JSON.parse(JSON.stringify(json)))

it('keeps every date and every field', () => {
  fc.assert(
    fc.property(
      metadata.filter(fields => jsonProblem(fields) === undefined),
      fields => {
        const back = roundTrip(metadataToJson(fields))
        // As text, for JSON has no −0; a date's text would not tell it from a string.
        expect(JSON.stringify(back)).toBe(JSON.stringify(fields))
        expect(metadataToJson(back)).toEqual(JSON.parse(JSON.stringify(metadataToJson(fields))))
      }
    )
  )
})

it('reads dates, and leaves alone what only looks like one', () => {
  const $date = '2026-11-21T00:00:00.000Z'
  const date = new Date($date)
  expect(roundTrip({ a: { $date }, b: [{ $date }], c: { $date: '2026-11-21' } })).toEqual({
    a: date,
    b: [date],
    c: date
  })
  expect(metadataToJson({ a: [date, { b: date }] })).toEqual({ a: [{ $date }, { b: { $date } }] })
  const own = [
    { $date, zone: 1 },
    { $date: 5 },
    { $date: null },
    { $date: 'soon' },
    { $date: '2026-02-30' },
    { $date: '2026-13-01' },
    { $date: '2026-11-21T09:00:00' },
    { $date: { $date: 5 } },
    { $Date: $date }
  ]
  expect(roundTrip({ own })).toEqual({ own })
  // The outermost object is the metadata itself.
  expect(roundTrip({ $date })).toEqual({ $date })
})

it('keeps a field called __proto__', () => {
  const json = JSON.parse('{"__proto__": {"$date": "2026-11-21"}, "a": {"__proto__": 1}}')
  const read = metadataFromJson(json)
  expect(Object.keys(read)).toEqual(['__proto__', 'a'])
  expect(JSON.stringify(metadataToJson(read))).toBe(
    '{"__proto__":{"$date":"2026-11-21T00:00:00.000Z"},"a":{"__proto__":1}}'
  )
})

test('what is no metadata is named', () => {
  let deep: unknown = 1
  for (let i = 0; i < 1000; i++) deep = { a: deep }
  expect(jsonProblem(deep)).toContain(`deeper than ${MAX_METADATA_DEPTH}`)
  expect(metadataFromJson(deep as JsonObject)).toEqual(deep)
  expect(jsonProblem({ a: new Date(Number.NaN) })).toBe('holds a Date that is no date')
  expect(jsonProblem({ a: [new Date(0)] })).toBeUndefined()
  expect(isJsonObject(new Date())).toBe(false)
})
