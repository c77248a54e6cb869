import { RoaringBitmap32, roaringLibraryInitialize } from 'roaring-wasm'
import { EsplanadeError } from '../errors.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import type { ColumnPairs, SortedPairs } from './column-pairs.ts'
import {
  aligned,
  BITMAP_FLAG,
  COLUMN_TYPES,
  type ColumnType,
  ELEMENT_TYPES,
  ENTRY,
  FORMAT_VERSION,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  MAGIC,
  SECTIONS,
  type SectionName
} from './columns-format.ts'
import { GrowingArray } from './growing-array.ts'
import { bytesOfText } from './text-bytes.ts'

/**
 * A value of up to so many documents has a run of them; one of more has a roaring bitmap, where that is
 * smaller. Almost all values of a column of names or prices have one document, and 4 bytes for it: the
 * smallest bitmap has 18. From about 64 on, a bitmap's 2 bytes a document make up for its heads.
 */
const MAX_RUN = 64

/** A column before it is written. */
export interface UnwrittenColumn {
  readonly type: ColumnType
  readonly path: string
  readonly pairs: ColumnPairs
}

/** Writes columns, which stand by ascending type and path. */
export async function writeColumns(
  numDocuments: number,
  columns: readonly UnwrittenColumn[]
): Promise<Uint8Array<ArrayBuffer>> {
  await roaringLibraryInitialize() // compiled already in Node; a browser does it here
  const paths = new TextWriter()
  const strings = new TextWriter()
  const columnValues = new GrowingArray(Uint32Array)
  const numbers = new GrowingArray(Float64Array)
  const postings = new PostingsWriter()
  columnValues.push(0)
  for (const { path, pairs } of columns) {
    paths.add(path)
    const sorted = pairs.sorted()
    if (sorted.values instanceof Float64Array) numbers.pushAll(sorted.values)
    else for (const value of sorted.values) strings.add(value)
    postings.addColumn(sorted)
    columnValues.push(strings.length + numbers.length)
  }
  const counts = {
    numDocuments,
    numColumns: columns.length,
    numStrings: strings.length,
    numNumbers: numbers.length
  }
  return assemble(counts, {
    columnTypes: Uint32Array.from(columns, ({ type }) => COLUMN_TYPES.indexOf(type)),
    pathOffsets: paths.offsets.view(),
    paths: paths.bytes(),
    columnValues: columnValues.view(),
    stringOffsets: strings.offsets.view(),
    strings: strings.bytes(),
    numbers: numbers.view(),
    postingOffsets: postings.offsets.view(),
    postings: postings.words.view()
  })
}

/** Texts one behind the other. */
class TextWriter {
  readonly offsets: GrowingArray<Uint32Array<ArrayBuffer>> = new GrowingArray(Uint32Array)
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64)
  #end = 0

  constructor() {
    this.offsets.push(0)
  }

  /** Texts that were added. */
  get length(): number {
    return this.offsets.length - 1
  }

  add(text: string): void {
    const bytes = bytesOfText(text)
    const end = this.#end + bytes.length
    checkSize('texts', end)
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      larger.set(this.bytes())
      this.#bytes = larger
    }
    this.#bytes.set(bytes, this.#end)
    this.#end = end
    this.offsets.push(end)
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#end)
  }
}

/** The documents of each value, one value behind the other. */
class PostingsWriter {
  readonly offsets: GrowingArray<Uint32Array<ArrayBuffer>> = new GrowingArray(Uint32Array)
  readonly words: GrowingArray<Uint32Array<ArrayBuffer>> = new GrowingArray(Uint32Array)

  constructor() {
    this.offsets.push(0)
  }

  addColumn({ values, ranks, documents }: SortedPairs): void {
    const ends = new Uint32Array(values.length + 1)
    for (const rank of ranks) ends[rank + 1]!++
    for (let i = 0; i < values.length; i++) ends[i + 1]! += ends[i]!
    // Counted, every value knows its place; filling them moves each place to its end.
    const byValue = new Uint32Array(documents.length)
    for (let i = 0; i < documents.length; i++) byValue[ends[ranks[i]!]!++] = documents[i]!
    let start = 0
    for (let i = 0; i < values.length; i++) {
      this.#addValue(byValue.subarray(start, ends[i]!))
      start = ends[i]!
    }
  }

  #addValue(documents: Uint32Array<ArrayBuffer>): void {
    const run = documents.length === 1 ? documents : sortedSet(documents)
    const bitmap = run.length > MAX_RUN ? roaringWords(run) : run
    this.words.pushAll(bitmap.length < run.length ? bitmap : run)
    checkSize('postings', this.words.length)
    this.offsets.push(this.words.length)
  }
}

/** The documents in order, each once: an array of a document may hold a value twice. */
function sortedSet(documents: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  documents.sort()
  let size = 0
  for (const document of documents) {
    if (size === 0 || document !== documents[size - 1]) documents[size++] = document
  }
  return documents.subarray(0, size)
}

/** A head word, and the bitmap in the portable format, filled up with zeros to whole words. */
function roaringWords(documents: Uint32Array): Uint32Array<ArrayBuffer> {
  const bitmap = new RoaringBitmap32(documents)
  try {
    bitmap.runOptimize()
    const bytes = bitmap.serialize('portable')
    const words = new Uint32Array(1 + Math.ceil(bytes.length / 4))
    words[0] = BITMAP_FLAG + documents.length
    new Uint8Array(words.buffer).set(bytes, 4)
    return words
  } finally {
    bitmap.dispose()
  }
}

type Counts = Readonly<Record<'numDocuments' | 'numColumns' | 'numStrings' | 'numNumbers', number>>
type Section = Uint8Array | Uint32Array | Float64Array

function assemble(
  counts: Counts,
  sections: Readonly<Record<SectionName, Section>>
): Uint8Array<ArrayBuffer> {
  let end = HEADER_BYTES
  const offsets = SECTIONS.map(({ name }) => {
    const offset = aligned(end)
    end = offset + sections[name].byteLength
    return offset
  })
  const file = new Uint8Array(aligned(end))
  const view = new DataView(file.buffer)
  file.set(MAGIC, HEADER.magic)
  view.setUint32(HEADER.version, FORMAT_VERSION, true)
  view.setUint32(HEADER.numSections, SECTIONS.length, true)
  view.setBigUint64(HEADER.fileBytes, BigInt(file.length), true)
  for (const name of ['numDocuments', 'numColumns', 'numStrings', 'numNumbers'] as const) {
    view.setUint32(HEADER[name], counts[name], true)
  }
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const { buffer, byteOffset, byteLength } = sections[name]
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    file.set(bytes, offsets[i]!)
    const entry = HEADER.table + i * ENTRY.bytes
    view.setUint32(entry + ENTRY.id, i + 1, true)
    view.setUint32(entry + ENTRY.elementType, ELEMENT_TYPES[elements].code, true)
    view.setBigUint64(entry + ENTRY.offset, BigInt(offsets[i]!), true)
    view.setBigUint64(entry + ENTRY.length, BigInt(byteLength), true)
    view.setUint32(entry + ENTRY.checksum, xxh32(bytes), true)
  }
  view.setUint32(HEADER_CHECKSUM, xxh32(file.subarray(0, HEADER_CHECKSUM)), true)
  return file
}

function checkSize(what: string, size: number): void {
  if (size <= 0xffff_ffff) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'metadata',
    problem: `the ${what} of one segment's metadata pass ${size}`,
    expected: 'less than 2^32',
    remedy: 'Make smaller segments, or keep long texts out of the metadata'
  })
}
