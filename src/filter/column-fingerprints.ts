import type { Metadata } from '../corpus/metadata.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import { emptyWords } from './bits.ts'
import type { ColumnTable } from './column-table.ts'
import { BITMAP_FLAG, COLUMN_TYPES, type ColumnType } from './columns-format.ts'
import { forEachValue } from './field-values.ts'
import { bytesOfText } from './text-bytes.ts'

/**
 * Whether columns hold what the metadata of their documents say, document by document: each value of
 * a document, with its field and type, is hashed, and the fingerprint of the document is the sum of
 * these, which does not depend on their order. Deleted documents do not disturb, for nothing but the
 * columns knows them any more.
 */

const number = new Float64Array(1)
const numberBytes = new Uint8Array(number.buffer)

/** Values between two steps. */
const STEP_VALUES = 1024

/** The fingerprints of all documents of a columns file, by document id; in steps of a millisecond. */
export function* columnFingerprints(table: ColumnTable): Generator<void, Uint32Array, undefined> {
  const { sections } = table
  const { numDocuments, columnTypes, paths, strings, numbers } = sections
  const sums = new Uint32Array(numDocuments)
  const numStrings = strings.offsets.length - 1
  for (let column = 0; column < columnTypes.length; column++) {
    const path = paths.bytes.subarray(paths.offsets[column]!, paths.offsets[column + 1]!)
    const hash = hashOfColumn(COLUMN_TYPES[columnTypes[column]!]!, path)
    const { from, to } = table.allValues(column)
    for (let value = from; value < to; value++) {
      const bytes =
        value < numStrings
          ? strings.bytes.subarray(strings.offsets[value]!, strings.offsets[value + 1]!)
          : bytesOfNumber(numbers[value - numStrings]!)
      addToDocuments(table, column, value, mixed(hash, bytes), sums)
      if (value % STEP_VALUES === 0) yield
    }
  }
  return sums
}

/** The fingerprint of one document. */
export function metadataFingerprint(namespace: string, metadata: Metadata): number {
  let sum = mixed(hashOfPath('namespace', ''), bytesOfText(namespace))
  // A value that an array holds twice counts once.
  const seen = new Set<string>()
  forEachValue(metadata, (path, type, value) => {
    const name = `${type}\0${path}\0${value}`
    if (seen.has(name)) return
    seen.add(name)
    const bytes = typeof value === 'string' ? bytesOfText(value) : bytesOfNumber(value)
    sum = (sum + mixed(hashOfPath(type, path), bytes)) >>> 0
  })
  return sum
}

function addToDocuments(
  table: ColumnTable,
  column: number,
  value: number,
  hash: number,
  sums: Uint32Array
): void {
  const { postingOffsets, postings, numDocuments } = table.sections
  const start = postingOffsets[value]!
  if (postings[start]! < BITMAP_FLAG) {
    for (let at = start; at < postingOffsets[value + 1]!; at++) sums[postings[at]!]! += hash
    return
  }
  const words = emptyWords(numDocuments)
  table.addDocuments({ column, from: value, to: value + 1 }, words)
  for (let i = 0; i < words.length; i++) {
    for (let word = words[i]!; word !== 0; word &= word - 1) {
      sums[32 * i + 31 - Math.clz32(word & -word)]! += hash
    }
  }
}

function hashOfColumn(type: ColumnType, path: Uint8Array): number {
  return mixed(COLUMN_TYPES.indexOf(type) + 1, path)
}

/** Hashes of the columns that were met, as long as they are not too many. */
const known = new Map<string, number>()
const MAX_KNOWN = 10_000

function hashOfPath(type: ColumnType, path: string): number {
  const name = `${type} ${path}`
  let hash = known.get(name)
  if (hash === undefined) {
    hash = hashOfColumn(type, bytesOfText(path))
    if (known.size < MAX_KNOWN) known.set(name, hash)
  }
  return hash
}

function mixed(hash: number, bytes: Uint8Array): number {
  const x = Math.imul(hash ^ xxh32(bytes), 0x9e3779b1)
  return Math.imul(x ^ (x >>> 15), 0x85ebca77) >>> 0
}

function bytesOfNumber(value: number): Uint8Array {
  // −0 and 0 are one value.
  number[0] = value + 0
  return numberBytes
}
