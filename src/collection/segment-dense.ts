import { EsplanadeError } from '../errors.ts'
import type { Selection } from '../search/collector.ts'
import { type DocumentBits, hasBit, numBitBytes } from '../search/document-bits.ts'
import { FlatScan } from '../search/flat-scan.ts'
import { openGraph } from '../search/hnsw-build.ts'
import { type HnswRanking, HnswSearcher } from '../search/hnsw-searcher.ts'
import type { Segment } from '../segment/segment.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import type { DenseEntries } from './build-dense.ts'
import type { GraphWalk } from './dense-strategy.ts'

/** What is wanted of the dense search of one part of a collection; ids are its entries. */
export interface DenseSelection {
  readonly k: number
  readonly minScore: number
  /** Only entries after this one; `entry` may be any number, as may that of another part. */
  readonly after: { readonly entry: number; readonly score: number } | undefined
}

function damaged(cause: EsplanadeError): EsplanadeError {
  const { place, problem, expected } = cause
  const remedy = 'Rebuild the segment: esplanade repair DIR'
  return new EsplanadeError('COLLECTION_CORRUPT', { place, problem, expected, remedy, cause })
}

/** The dense vectors of a segment, in memory. */
export class SegmentDense {
  readonly entries: DenseEntries
  readonly #segment: Segment
  /** What to call its graph in a message. */
  readonly #name: string
  readonly #scan: FlatScan
  /** What opens its graph, or has. */
  #opening: Promise<void> | undefined
  #graph: HnswSearcher | undefined
  /** The rows that each set of entries leaves, as long as somebody has that set. */
  readonly #rowBits = new WeakMap<DocumentBits, DocumentBits>()

  /** @param file - the name of the segment's files, for messages */
  constructor(entries: DenseEntries, segment: Segment, file: string) {
    this.entries = entries
    this.#name = `${file}.hnsw`
    this.#segment = segment
    this.#scan = new FlatScan(entries.rows)
  }

  get numVectors(): number {
    return this.entries.entryOf.length
  }

  /**
   * Makes the graph ready to be walked, if there is one.
   *
   * @throws EsplanadeError `RUNTIME_MISSING`, `RUNTIME_FAILED`; `COLLECTION_CORRUPT` where a link of it
   *   leads nowhere
   */
  openGraph(): Promise<void> {
    this.#opening ??= this.#open().catch(error => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<void> {
    const { graph: file, rows } = this.entries
    if (file === undefined) return
    const { settings, links } = file
    const graph = await openGraph(rows, settings, links, this.#name).catch(error => {
      throw error instanceof EsplanadeError && error.code.startsWith('INDEX_')
        ? damaged(error)
        : error
    })
    this.#graph = new HnswSearcher(rows, this.#scan, graph, settings.connectivity)
  }

  /**
   * The best entries; `ids` are entries in the order in which they were added.
   *
   * @param filter - of the segment's documents, not of rows; undefined for all
   * @param walk - how the graph is walked, if it is open and the page is the first: it cannot be told how
   *   deep a later one begins; undefined: all are scanned
   */
  search(
    query: DenseVector,
    { k, minScore, after }: DenseSelection,
    filter: DocumentBits | undefined,
    walk: GraphWalk | undefined
  ): HnswRanking {
    const { entryOf } = this.entries
    const start = after && { id: this.#firstRow(after.entry + 1) - 1, score: after.score }
    const rows = filter && this.#rowsOf(filter)
    const isAll = rows?.size === entryOf.length
    const wanted = { k, filter: isAll ? undefined : rows, minScore, after: start }
    const found = this.#searchRows(query, wanted, walk)
    return { ...found, ids: found.ids.map(row => entryOf[row]!) }
  }

  #searchRows(query: DenseVector, wanted: Selection, walk: GraphWalk | undefined): HnswRanking {
    if (this.#graph === undefined || walk === undefined || wanted.after !== undefined) {
      return { ...this.#scan.search(query, wanted), strategy: 'flat' }
    }
    const { expansion = this.entries.graph!.settings.expansionSearch } = walk
    return this.#graph.search(query, wanted, { expansion, numBefore: 0 })
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
