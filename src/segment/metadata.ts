import { EsplanadeError } from '../errors.ts'
import type { SegmentMetadata } from './segment.ts'

/** Whether a value parsed from JSON can be the notes of an index. */
export function isMetadata(value: unknown): value is SegmentMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * A copy of the owner's notes, as a reader of the index file will get them.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` when JSON cannot hold them
 */
export function copyMetadata(metadata: SegmentMetadata): SegmentMetadata {
  let copy: unknown
  let cause: unknown
  try {
    copy = JSON.parse(JSON.stringify(metadata))
  } catch (error) {
    cause = error
  }
  if (isMetadata(copy)) return Object.freeze(copy)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'metadata',
    problem: 'not something that JSON can hold',
    expected: 'a plain object of strings, numbers, booleans, null, arrays and objects',
    cause
  })
}
