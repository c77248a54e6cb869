import type { ColumnSections } from './column-table.ts'
import { BITMAP_FLAG, COLUMN_TYPES, LAST_STRING_TYPE } from './columns-format.ts'
import { listRoaring } from './roaring-bytes.ts'
import type { TextTable } from './text-bytes.ts'

/**
 * Validation of what the sections of a columns file hold: all that a filter relies on when it walks
 * through them, so that it can do so without looking twice.
 */

type Refuse = (problem: string, expected?: string) => never
type RawSections = Omit<ColumnSections, 'columnDocuments' | 'isSingleValued'>

/** The sections, with what was counted on the way. */
export function validateColumns(sections: RawSections, refuse: Refuse): ColumnSections {
  const { columnTypes, columnValues, paths, strings, numbers, postingOffsets, postings } = sections
  const numValues = strings.offsets.length - 1 + numbers.length
  cover(paths.offsets, paths.bytes.length, 'pathOffsets', 0, refuse)
  cover(columnValues, numValues, 'columnValues', 1, refuse)
  cover(strings.offsets, strings.bytes.length, 'stringOffsets', 0, refuse)
  cover(postingOffsets, postings.length, 'postingOffsets', 1, refuse)
  for (let column = 0; column < columnTypes.length; column++) {
    checkOrder(sections, column, refuse)
    checkValues(sections, column, refuse)
  }
  const whole = { ...sections, ...countDocuments(sections, refuse) }
  checkNamespaces(whole, refuse)
  return whole
}

/** From 0 to the end of what it divides, in steps of at least `step`. */
function cover(
  offsets: Uint32Array,
  end: number,
  name: string,
  step: number,
  refuse: Refuse
): void {
  const last = offsets[offsets.length - 1]!
  if (offsets[0] !== 0 || last !== end) {
    refuse(`${name}: from ${offsets[0]} to ${last}`, `from 0 to ${end}`)
  }
  for (let i = 1; i < offsets.length; i++) {
    if (offsets[i]! - offsets[i - 1]! < step) {
      refuse(`${name}: ${offsets[i]} after ${offsets[i - 1]}`, 'ascending')
    }
  }
}

/** A column stands behind those of the types before its own, and of the paths before its own. */
function checkOrder({ columnTypes, paths }: RawSections, column: number, refuse: Refuse): void {
  const type = columnTypes[column]!
  if (type >= COLUMN_TYPES.length) {
    refuse(`columnTypes: ${type}`, `below ${COLUMN_TYPES.length}`)
  }
  const before = column === 0 ? -1 : columnTypes[column - 1]!
  if (type < before) refuse(`columnTypes: ${type} after ${before}`, 'ascending')
  if (type === before && !isAscending(paths, column)) {
    refuse(`paths: column ${column} is not above the one before it`, 'ascending')
  }
}

/** Whether text i is above text i − 1. */
function isAscending({ offsets, bytes }: TextTable, i: number): boolean {
  const a = offsets[i - 1]!
  const b = offsets[i]!
  const end = offsets[i + 1]!
  const common = Math.min(b - a, end - b)
  for (let at = 0; at < common; at++) {
    const difference = bytes[b + at]! - bytes[a + at]!
    if (difference !== 0) return difference > 0
  }
  return end - b > b - a
}

/** Values are of their column's kind and ascending. */
function checkValues(sections: RawSections, column: number, refuse: Refuse): void {
  const { columnTypes, columnValues, strings, numbers } = sections
  const numStrings = strings.offsets.length - 1
  const from = columnValues[column]!
  const to = columnValues[column + 1]!
  if (columnTypes[column]! <= LAST_STRING_TYPE) {
    if (to > numStrings) refuse(`columnValues: strings up to ${to}`, `at most ${numStrings}`)
    for (let value = from + 1; value < to; value++) {
      if (!isAscending(strings, value)) {
        refuse(`strings: value ${value} is not above the one before it`, 'ascending')
      }
    }
    return
  }
  if (from < numStrings) refuse(`columnValues: numbers from ${from}`, `at least ${numStrings}`)
  let previous = Number.NEGATIVE_INFINITY
  for (let value = from - numStrings; value < to - numStrings; value++) {
    const number = numbers[value]!
    if (!(number > previous && number < Number.POSITIVE_INFINITY)) {
      refuse(`numbers: ${number} after ${previous}`, 'ascending and finite')
    }
    previous = number
  }
}

/** Documents of each column, of which every posting is looked at. */
function countDocuments(
  sections: RawSections,
  refuse: Refuse
): Pick<ColumnSections, 'columnDocuments' | 'isSingleValued'> {
  const { numDocuments, columnValues } = sections
  const numColumns = columnValues.length - 1
  const columnDocuments = new Uint32Array(numColumns)
  const isSingleValued = new Uint8Array(numColumns)
  const list = new Uint32Array(numDocuments)
  // The last column that had each document, from 1.
  const lastColumn = new Uint32Array(numDocuments)
  for (let column = 0; column < numColumns; column++) {
    let numPairs = 0
    let distinct = 0
    for (let value = columnValues[column]!; value < columnValues[column + 1]!; value++) {
      const size = listDocuments(sections, value, list, refuse)
      numPairs += size
      for (let i = 0; i < size; i++) {
        const document = list[i]!
        if (lastColumn[document] !== column + 1) distinct++
        lastColumn[document] = column + 1
      }
    }
    columnDocuments[column] = distinct
    isSingleValued[column] = numPairs === distinct ? 1 : 0
  }
  return { columnDocuments, isSingleValued }
}

/** The documents of a value: not none, ascending, and such as there are. */
function listDocuments(
  { numDocuments, postingOffsets, postings }: RawSections,
  value: number,
  list: Uint32Array,
  refuse: Refuse
): number {
  const start = postingOffsets[value]!
  const end = postingOffsets[value + 1]!
  if (postings[start]! >= BITMAP_FLAG) {
    const bytes = new Uint8Array(postings.buffer, postings.byteOffset, postings.byteLength)
    const size = listRoaring(bytes, 4 * (start + 1), 4 * end, numDocuments, list, problem =>
      refuse(`postings of value ${value}: ${problem}`)
    )
    const head = postings[start]! - BITMAP_FLAG
    if (head !== size) refuse(`postings of value ${value}: ${head} documents`, `${size}`)
    return size
  }
  if (end - start > numDocuments) {
    refuse(`postings of value ${value}: ${end - start} documents`, `at most ${numDocuments}`)
  }
  let previous = -1
  for (let at = start; at < end; at++) {
    const document = postings[at]!
    if (document <= previous || document >= numDocuments) {
      refuse(`postings of value ${value}: document ${document} after ${previous}`, 'ascending')
    }
    list[at - start] = document
    previous = document
  }
  return end - start
}

/** Every document is of one namespace. */
function checkNamespaces(sections: ColumnSections, refuse: Refuse): void {
  const { columnTypes, numDocuments, columnDocuments, isSingleValued, paths } = sections
  const numColumns = columnTypes.lastIndexOf(0) + 1
  if (numColumns !== (numDocuments === 0 ? 0 : 1)) refuse(`${numColumns} columns of namespaces`)
  if (numColumns === 0) return
  if (paths.offsets[1] !== 0) refuse('paths: the column of namespaces has a path', 'none')
  if (columnDocuments[0] !== numDocuments || isSingleValued[0] !== 1) {
    refuse('postings: documents of no namespace, or of two', 'each of one')
  }
}
