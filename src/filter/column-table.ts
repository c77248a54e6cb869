import { BITMAP_FLAG, COLUMN_TYPES, type ColumnType } from './columns-format.ts'
import type { Comparison } from './filter.ts'
import { addRoaring } from './roaring-bytes.ts'
import {
  afterPrefix,
  bytesOfText,
  compareText,
  lowerBoundOfText,
  type TextTable
} from './text-bytes.ts'
import type { FilterValue } from './value.ts'

/** The sections of a columns file, as views of its bytes. */
export interface ColumnSections {
  readonly numDocuments: number
  /** Place in `COLUMN_TYPES` by column, ascending. */
  readonly columnTypes: Uint32Array
  /** Ascending within a type. */
  readonly paths: TextTable
  /** Column c has the values from `columnValues[c]` to `columnValues[c + 1]`. */
  readonly columnValues: Uint32Array
  /** Values of the first columns, ascending within one. */
  readonly strings: TextTable
  /** The values behind the strings, ascending within a column. */
  readonly numbers: Float64Array
  /** Value v has the words from `postingOffsets[v]` to `postingOffsets[v + 1]`. */
  readonly postingOffsets: Uint32Array
  readonly postings: Uint32Array
  /** Documents that have a value, by column. */
  readonly columnDocuments: Uint32Array
  /** Whether no document has two values, 0 or 1 by column. */
  readonly isSingleValued: Uint8Array
}

/** Values that follow each other in a column, `[from, to)`. */
export interface ValueRange {
  readonly column: number
  readonly from: number
  readonly to: number
}

/** Finds columns, values and documents in a columns file that was checked. */
export class ColumnTable {
  readonly sections: ColumnSections
  readonly #numStrings: number
  /** The postings, and as bytes for bitmaps. */
  readonly #postings: Int32Array
  readonly #bytes: Uint8Array
  /** Columns of type t stand from `#typeStarts[t]` to `#typeStarts[t + 1]`. */
  readonly #typeStarts: readonly number[]

  constructor(sections: ColumnSections) {
    this.sections = sections
    const { postings, columnTypes } = sections
    this.#numStrings = sections.strings.offsets.length - 1
    this.#postings = new Int32Array(postings.buffer, postings.byteOffset, postings.length)
    this.#bytes = new Uint8Array(postings.buffer, postings.byteOffset, postings.byteLength)
    const ends = COLUMN_TYPES.map((_, type) => columnTypes.findLastIndex(t => t <= type) + 1)
    this.#typeStarts = [0, ...ends]
  }

  /** The column of a path, or −1. */
  findColumn(type: ColumnType, path: string): number {
    const bytes = bytesOfText(path)
    const [from, to] = this.#columnsOf(type)
    const { paths } = this.sections
    const column = lowerBoundOfText(paths, bytes, from, to)
    return column < to && compareText(paths, column, bytes) === 0 ? column : -1
  }

  /** The columns of a type whose path leads through this one, `[from, to)`. */
  columnsBelow(type: ColumnType, path: string): readonly [from: number, to: number] {
    const prefix = bytesOfText(`${path}.`)
    const [from, to] = this.#columnsOf(type)
    const { paths } = this.sections
    const first = lowerBoundOfText(paths, prefix, from, to)
    return [first, lowerBoundOfText(paths, afterPrefix(prefix), first, to)]
  }

  #columnsOf(type: ColumnType): readonly [from: number, to: number] {
    const code = COLUMN_TYPES.indexOf(type)
    return [this.#typeStarts[code]!, this.#typeStarts[code + 1]!]
  }

  /** All values of a column. */
  allValues(column: number): ValueRange {
    const { columnValues } = this.sections
    return { column, from: columnValues[column]!, to: columnValues[column + 1]! }
  }

  /** The values of a column that equal this one: one or none. */
  equalTo(column: number, { value }: Pick<FilterValue, 'value'>): ValueRange {
    const [first, isThere] = this.#lowerBound(column, value)
    return { column, from: first, to: isThere ? first + 1 : first }
  }

  /** The values of a column that compare so. */
  comparedTo(column: number, comparison: Comparison, { value }: FilterValue): ValueRange {
    const [first, isThere] = this.#lowerBound(column, value)
    const after = isThere ? first + 1 : first
    const { from, to } = this.allValues(column)
    switch (comparison) {
      case '$gt':
        return { column, from: after, to }
      case '$gte':
        return { column, from: first, to }
      case '$lt':
        return { column, from, to: first }
      case '$lte':
        return { column, from, to: after }
    }
  }

  /** The values of a column of strings that begin so. */
  startingWith(column: number, prefix: string): ValueRange {
    if (prefix === '') return this.allValues(column)
    const bytes = bytesOfText(prefix)
    const { strings } = this.sections
    const { from, to } = this.allValues(column)
    const first = lowerBoundOfText(strings, bytes, from, to)
    return { column, from: first, to: lowerBoundOfText(strings, afterPrefix(bytes), first, to) }
  }

  /** The first value of a column that is not below this one, and whether it equals it. */
  #lowerBound(column: number, value: string | number): readonly [at: number, isThere: boolean] {
    const { from, to } = this.allValues(column)
    if (typeof value === 'string') {
      const bytes = bytesOfText(value)
      const { strings } = this.sections
      const at = lowerBoundOfText(strings, bytes, from, to)
      return [at, at < to && compareText(strings, at, bytes) === 0]
    }
    const { numbers } = this.sections
    let low = from - this.#numStrings
    let high = to - this.#numStrings
    const end = high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (numbers[middle]! < value) low = middle + 1
      else high = middle
    }
    return [low + this.#numStrings, low < end && numbers[low] === value]
  }

  /** Adds the documents of these values to a set. */
  addDocuments({ from, to }: ValueRange, words: Uint32Array): void {
    if (from >= to) return
    const { postingOffsets } = this.sections
    const postings = this.#postings
    const last = postingOffsets[to]!
    // Values are passed over, except where a bitmap begins: its flag is the sign of its first word.
    for (let at = postingOffsets[from]!; at < last; at++) {
      const document = postings[at]!
      if (document >= 0) {
        words[document >>> 5]! |= 1 << document
      } else {
        const end = this.#endOfValue(at, from, to)
        addRoaring(this.#bytes, 4 * (at + 1), 4 * end, words)
        at = end - 1
      }
    }
  }

  /** Where the postings end that begin at `start`, those of a value of `[from, to)`. */
  #endOfValue(start: number, from: number, to: number): number {
    const { postingOffsets } = this.sections
    let low = from + 1
    let high = to
    while (low < high) {
      const middle = (low + high) >>> 1
      if (postingOffsets[middle]! <= start) low = middle + 1
      else high = middle
    }
    return postingOffsets[low]!
  }

  /** Documents of one value. */
  numDocumentsOf(value: number): number {
    const { postingOffsets, postings } = this.sections
    const start = postingOffsets[value]!
    const head = postings[start]!
    return head >= BITMAP_FLAG ? head - BITMAP_FLAG : postingOffsets[value + 1]! - start
  }
}
