import { keyProblem, quoteKey } from './key.ts'
import { isMetadata } from './metadata.ts'
import type { Segment, SegmentMetadata } from './segment.ts'

/**
 * Validation of what the sections of an index file hold. Checksums catch accidents; this catches a
 * file that was made wrong, so that no search ever runs over arrays that break their contract.
 */

type Refuse = (problem: string, expected?: string) => never

/** A byte order mark is part of a key, not a mark; bytes that are not UTF-8 are an error. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array, what: string, refuse: Refuse): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return refuse(`${what}: not UTF-8`)
  }
}

/** The owner's notes: a JSON object. */
export function decodeMetadata(bytes: Uint8Array, refuse: Refuse): SegmentMetadata {
  const text = decode(bytes, 'metadata', refuse)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse('metadata: not JSON')
  }
  return isMetadata(value) ? Object.freeze(value) : refuse('metadata: not a JSON object')
}

/** The keys by document id; `bytes[offsets[i]..offsets[i + 1])` is key i in UTF-8. */
export function decodeKeys(offsets: Uint32Array, bytes: Uint8Array, refuse: Refuse): string[] {
  const numKeys = offsets.length - 1
  if (offsets[0] !== 0 || offsets[numKeys] !== bytes.length) {
    refuse(
      `keyOffsets: from ${offsets[0]} to ${offsets[numKeys]}`,
      `from 0 to the ${bytes.length} bytes of the keys`
    )
  }
  const text = decode(bytes, 'keys', refuse)
  // Where every character is one byte, as is usual, cutting one string is ten times faster than
  // decoding each key.
  const isAscii = text.length === bytes.length
  const keys = new Array<string>(numKeys)
  for (let docId = 0; docId < numKeys; docId++) {
    const start = offsets[docId]!
    const end = offsets[docId + 1]!
    if (end <= start) refuse(`keyOffsets: ${end} after ${start} at document ${docId}`, 'ascending')
    const key = isAscii
      ? text.slice(start, end)
      : decode(bytes.subarray(start, end), `keys: document ${docId}`, refuse)
    keys[docId] = key
  }
  const unique = new Set<string>()
  for (const key of keys) {
    const problem = unique.has(key) ? `duplicate ${quoteKey(key)}` : keyProblem(key)
    if (problem !== undefined) refuse(`keys: ${problem}`)
    unique.add(key)
  }
  return keys
}

/** Everything that {@link Segment} promises about lexicon and postings. */
export function validatePostings(segment: Segment, refuse: Refuse): void {
  const { lexicon, offsets, docIds, weights, keys } = segment
  for (let t = 1; t < lexicon.length; t++) {
    if (lexicon[t]! <= lexicon[t - 1]!) {
      refuse(`lexicon: term ${lexicon[t]} after ${lexicon[t - 1]}`, 'strictly ascending term ids')
    }
  }
  if (offsets[0] !== 0 || offsets[lexicon.length] !== docIds.length) {
    refuse(
      `offsets: from ${offsets[0]} to ${offsets[lexicon.length]}`,
      `from 0 to the ${docIds.length} postings`
    )
  }
  for (let t = 0; t < lexicon.length; t++) {
    if (offsets[t + 1]! <= offsets[t]!) {
      refuse(`offsets: ${offsets[t + 1]} after ${offsets[t]}`, 'strictly ascending positions')
    }
  }
  for (let t = 0; t < lexicon.length; t++) {
    const end = offsets[t + 1]!
    let previous = -1
    for (let i = offsets[t]!; i < end; i++) {
      const docId = docIds[i]!
      if (docId <= previous || docId >= keys.length) {
        refuse(
          `docIds: ${docId} at posting ${i} of term ${lexicon[t]}`,
          `ids below ${keys.length}, strictly ascending within a term`
        )
      }
      previous = docId
    }
  }
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) {
      refuse(`weights: ${weight} at posting ${i}`, 'finite and above zero')
    }
  }
}
