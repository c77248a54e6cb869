import { EsplanadeError } from '../errors.ts'

const LONE_SURROGATE = /\p{Surrogate}/u
const SHOWN_CHARACTERS = 80

/** A key as it is shown in messages: quoted, control characters escaped, long ones cut. */
export function quoteKey(key: string): string {
  return JSON.stringify(key.length > SHOWN_CHARACTERS ? `${key.slice(0, SHOWN_CHARACTERS)}…` : key)
}

/** What is wrong with a document key, or undefined when it is a non-empty well-formed string. */
function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string') return `a key of type ${key === null ? 'null' : typeof key}`
  if (key === '') return 'an empty key'
  if (LONE_SURROGATE.test(key)) return `key ${quoteKey(key)} holds half of a surrogate pair`
  return undefined
}

/**
 * Checks a document key: a string that is not empty and can be written as UTF-8. Any other
 * character, NUL included, is allowed, and nothing is normalised.
 *
 * @throws EsplanadeError `INVALID_KEY`
 */
export function checkKey(key: unknown): asserts key is string {
  const problem = keyProblem(key)
  if (problem === undefined) return
  throw new EsplanadeError('INVALID_KEY', {
    problem,
    expected: 'a string that is not empty and is well-formed Unicode',
    remedy: 'Give every document a key of its own'
  })
}

/** A byte order mark is part of a key, not a mark; bytes that are not UTF-8 are an error. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Keys up to this length are put together letter by letter, which is faster than a decoder. */
const SHORT_KEY_BYTES = 32

/** Key `i` of those in `bytes`, which ends where the next begins. */
export function decodeKey(offsets: Uint32Array, bytes: Uint8Array, i: number): string {
  return decodeBetween(bytes, offsets[i]!, offsets[i + 1]!)
}

/** Keys that are decoded together: the strings may share the memory of what they were cut from. */
const GROUP = 64

/** From this many on keys are decoded together. */
const MANY_KEYS = 24

/** Several keys. All places are read before all letters, so that misses of the cache overlap. */
export function decodeKeys(
  offsets: Uint32Array,
  bytes: Uint8Array,
  ids: readonly number[]
): string[] {
  const starts = new Array<number>(ids.length)
  const ends = new Array<number>(ids.length)
  for (let i = 0; i < ids.length; i++) {
    starts[i] = offsets[ids[i]!]!
    ends[i] = offsets[ids[i]! + 1]!
  }
  const keys = new Array<string>(ids.length)
  if (ids.length < MANY_KEYS) {
    for (let i = 0; i < ids.length; i++) keys[i] = decodeBetween(bytes, starts[i]!, ends[i]!)
    return keys
  }
  for (let first = 0; first < ids.length; first += GROUP) {
    decodeGroup(bytes, starts, ends, first, Math.min(first + GROUP, ids.length), keys)
  }
  return keys
}

/** Keys `first` to `last - 1`: decoded as one text, and cut where none holds more than ASCII. */
function decodeGroup(
  bytes: Uint8Array,
  starts: readonly number[],
  ends: readonly number[],
  first: number,
  last: number,
  keys: string[]
): void {
  let numBytes = 0
  for (let i = first; i < last; i++) numBytes += ends[i]! - starts[i]!
  const joined = new Uint8Array(numBytes)
  let at = 0
  for (let i = first; i < last; i++) {
    for (let from = starts[i]!; from < ends[i]!; from++) joined[at++] = bytes[from]!
  }
  const text = utf8.decode(joined)
  if (text.length !== numBytes) {
    for (let i = first; i < last; i++) keys[i] = decodeBetween(bytes, starts[i]!, ends[i]!)
    return
  }
  let start = 0
  for (let i = first; i < last; i++) {
    const end = start + ends[i]! - starts[i]!
    keys[i] = text.slice(start, end)
    start = end
  }
}

const letters = new Array<number>(SHORT_KEY_BYTES)

function decodeBetween(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length <= SHORT_KEY_BYTES) {
    let all = 0
    letters.length = length
    for (let i = 0; i < length; i++) {
      letters[i] = bytes[start + i]!
      all |= letters[i]!
    }
    if (all < 0x80) return String.fromCharCode.apply(null, letters)
  }
  // A decoder takes no view of a shared memory.
  return utf8.decode(bytes.slice(start, end))
}

/** All keys as UTF-8 without separators; key i begins at `offsets[i]`. */
export function encodeKeys(keys: readonly string[]): { offsets: Uint32Array; bytes: Uint8Array } {
  const encoder = new TextEncoder()
  const offsets = new Uint32Array(keys.length + 1)
  let capacity = 0
  for (const key of keys) capacity += 3 * key.length // UTF-8 takes at most 3 bytes a UTF-16 unit
  const bytes = new Uint8Array(capacity)
  let end = 0
  for (const [i, key] of keys.entries()) {
    end += encoder.encodeInto(key, bytes.subarray(end)).written
    offsets[i + 1] = end
  }
  if (end > 0xffff_ffff) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: `the keys take ${end} bytes`,
      expected: 'less than 4 GiB of keys in one segment',
      remedy: 'Use shorter keys or build several indexes'
    })
  }
  return { offsets, bytes: bytes.subarray(0, end) }
}
