import { type DocumentBits, hasBit, numBitBytes } from '../search/document-bits.ts'
import { type DenseRanking, FlatScan } from '../search/flat-scan.ts'
import type { Segment } from '../segment/segment.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { DenseEntries } from './build-dense.ts'

/** What is wanted of the dense search of one part of a collection; ids are its entries. */
export interface DenseSelection {
  readonly k: number
  readonly minScore: number
  /** Only entries after this one; `entry` may be any number, as may that of another part. */
  readonly after: { readonly entry: number; readonly score: number } | undefined
}

/** The dense vectors of a segment, in memory, searched exactly. */
export class SegmentDense {
  readonly entries: DenseEntries
  readonly #segment: Segment
  readonly #scan: FlatScan
  /** The rows that each set of entries leaves, as long as somebody has that set. */
  readonly #rowBits = new WeakMap<DocumentBits, DocumentBits>()

  constructor(entries: DenseEntries, segment: Segment) {
    this.entries = entries
    this.#segment = segment
    this.#scan = new FlatScan(entries.rows)
  }

  get numVectors(): number {
    return this.entries.entryOf.length
  }

  /**
   * The best entries; `ids` are entries in the order in which they were added.
   *
   * @param filter - of the segment's documents, not of rows; undefined for all
   */
  search(
    query: DenseVector,
    { k, minScore, after }: DenseSelection,
    filter: DocumentBits | undefined
  ): DenseRanking {
    const { entryOf } = this.entries
    const start = after && { id: this.#firstRow(after.entry + 1) - 1, score: after.score }
    const rows = filter && this.#rowsOf(filter)
    const isAll = rows?.size === entryOf.length
    const wanted = { k, filter: isAll ? undefined : rows, minScore, after: start }
    const found = this.#scan.search(query, wanted)
    return { ...found, ids: found.ids.map(row => entryOf[row]!) }
  }

  /** The rows of some entries: from the first to, but not including, the last. */
  rowsBetween(firstEntry: number, endEntry: number): readonly [first: number, end: number] {
    return [this.#firstRow(firstEntry), this.#firstRow(endEntry)]
  }

  /** The scores of rows, in the order asked for. */
  scores(query: DenseVector, rows: Uint32Array): Float64Array {
    return this.#scan.scores(query, rows)
  }

  #rowsOf(filter: DocumentBits): DocumentBits {
    const known = this.#rowBits.get(filter)
    if (known !== undefined) return known
    const { entryOf } = this.entries
    const bits = new Uint8Array(numBitBytes(entryOf.length))
    let size = 0
    for (let row = 0; row < entryOf.length; row++) {
      if (filter.size === 0 || !hasBit(filter.bits, this.#segment.docId(entryOf[row]!))) continue
      bits[row >>> 3]! |= 1 << (row & 7)
      size++
    }
    const rows = { bits, size }
    this.#rowBits.set(filter, rows)
    return rows
  }

  /** The first row of an entry from this one on. */
  #firstRow(entry: number): number {
    const { entryOf } = this.entries
    // Most often every entry has a vector, and is its own row.
    if (entry >= 0 && entryOf[entry] === entry) return entry
    let low = 0
    let high = entryOf.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (entryOf[middle]! < entry) low = middle + 1
      else high = middle
    }
    return low
  }
}
