import { isMetadata } from './metadata.ts'
import { runBytes, runPlace } from './postings-writer.ts'
import type { Segment, SegmentMetadata } from './segment.ts'
import { paddedDocuments } from './segment-format.ts'

/**
 * Validation of what the sections of a segment hold: of all that says where something lies, so that
 * no search ever leaves the segment's memory.
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

/** The tables of lexicon, runs and documents. */
export function validateTables(segment: Segment, refuse: Refuse): void {
  const { lexicon, maxWeights, maxErrors, runOffsets, header } = segment
  ascending(lexicon, 'lexicon', refuse, 1)
  for (const [t, weight] of maxWeights.entries()) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      refuse(`maxWeights: ${weight} of term ${lexicon[t]}`, 'finite and not below zero')
    }
    if (!(maxErrors[t]! >= 0 && maxErrors[t]! < Number.POSITIVE_INFINITY)) {
      refuse(`maxErrors: ${maxErrors[t]} of term ${lexicon[t]}`, 'finite and not below zero')
    }
  }
  cover(runOffsets, header.numRuns, 'runOffsets', 'runs', refuse, 0)
  validateRuns(segment, refuse)
  const documentBytes = segment.section('documents').length
  cover(segment.documentOffsets, documentBytes / 4, 'documentOffsets', 'documents', refuse, 1)
  validateInsertionIds(segment, refuse)
}

/** Runs stand by term and window, one after the other, and end inside the postings. */
function validateRuns(segment: Segment, refuse: Refuse): void {
  const { runOffsets, header, lexicon } = segment
  const { u16, u32 } = segment.memory.views
  const runs = segment.addressOf('runs') >>> 2
  const { windowDocuments, numDocuments } = header
  let place = 0
  let numPostings = 0
  for (let t = 0; t < lexicon.length; t++) {
    let previous = -1
    for (let run = runOffsets[t]!; run < runOffsets[t + 1]!; run++) {
      const window = u16[2 * (runs + 2 * run)]!
      const length = u16[2 * (runs + 2 * run) + 1]! + 1
      if (window <= previous || window >= segment.numWindows) {
        refuse(`runs: window ${window} in run ${run}`, 'ascending, below the number of windows')
      }
      const documents = Math.min(windowDocuments, numDocuments - window * windowDocuments)
      if (length > documents) {
        refuse(`runs: ${length} postings in run ${run}`, `at most ${documents}`)
      }
      place = runPlace(place, length, paddedDocuments(documents))
      if (u32[runs + 2 * run + 1] !== place) {
        refuse(`runs: run ${run} begins at ${u32[runs + 2 * run + 1]}`, `${place}`)
      }
      place += runBytes(length, paddedDocuments(documents))
      numPostings += length
      previous = window
    }
  }
  const postingsBytes = segment.section('postings').length
  if (place !== postingsBytes) refuse(`postings: ${postingsBytes} bytes`, `${place}`)
  if (numPostings !== header.numPostings) {
    refuse(`numPostings: ${header.numPostings}`, `${numPostings}`)
  }
}

/** Every insertion id stands in one record. */
function validateInsertionIds(segment: Segment, refuse: Refuse): void {
  const { numDocuments, isReordered } = segment.header
  const seen = new Uint8Array(numDocuments)
  for (let docId = 0; docId < numDocuments; docId++) {
    const id = segment.insertionId(docId)
    if (id >= numDocuments || seen[id] === 1 || (!isReordered && id !== docId)) {
      refuse(`documents: insertion id ${id} of document ${docId}`, 'each id once')
    }
    seen[id] = 1
  }
}

/** Bytes that are decoded at once: a string holds no more than 512 MiB. */
const DECODE_BYTES = 2 ** 24

/** Keys are UTF-8 and not empty, and none is cut inside a character. */
export function validateKeys(
  segment: { readonly keyOffsets: Uint32Array; section(name: 'keys'): Uint8Array },
  refuse: Refuse
): void {
  const bytes = segment.section('keys')
  cover(segment.keyOffsets, bytes.length, 'keyOffsets', 'keys', refuse, 1)
  for (const offset of segment.keyOffsets) {
    if (offset < bytes.length && (bytes[offset]! & 0xc0) === 0x80) {
      refuse(`keyOffsets: ${offset} lies inside a character`, 'the start of a key')
    }
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    for (let at = 0; at < bytes.length; at += DECODE_BYTES) {
      decoder.decode(bytes.slice(at, at + DECODE_BYTES), { stream: true })
    }
    decoder.decode()
  } catch {
    refuse('keys: not UTF-8')
  }
}

/** From 0 to the end of what it divides, in steps of at least `step`. */
function cover(
  offsets: Uint32Array,
  end: number,
  name: string,
  what: string,
  refuse: Refuse,
  step: number
): void {
  const last = offsets[offsets.length - 1]!
  if (offsets[0] !== 0 || last !== end) {
    refuse(`${name}: from ${offsets[0]} to ${last}`, `from 0 to the ${end} of the ${what}`)
  }
  ascending(offsets, name, refuse, step)
}

function ascending(values: Uint32Array, name: string, refuse: Refuse, step: number): void {
  for (let i = 1; i < values.length; i++) {
    if (values[i]! - values[i - 1]! < step) {
      refuse(`${name}: ${values[i]} after ${values[i - 1]}`, 'ascending')
    }
  }
}
