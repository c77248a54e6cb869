import { EsplanadeError } from '../errors.ts'
import { type KernelChoice, KernelMemory, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import { scratchLayout } from '../kernel/scratch.ts'
import type { Metric } from '../vector/similarity.ts'
import { documentOrder, type ReorderOptions } from './document-order.ts'
import { roundToHalves } from './float16.ts'
import { encodeKeys } from './keys.ts'
import { countRuns, type DocumentRange, PostingsWriter, type RunTable } from './postings-writer.ts'
import { Segment, type SegmentMetadata } from './segment.ts'
import type { AddedDocuments } from './segment-builder.ts'
import {
  ELEMENT_TYPES,
  ENTRY,
  FORMAT_VERSION,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  layOut,
  MAGIC,
  METRICS,
  PRECISIONS,
  SECTIONS,
  type SectionName,
  type SegmentHeader
} from './segment-format.ts'

/** How segments are made. */
export interface WriteOptions extends ReorderOptions {
  readonly metric: Metric
  readonly metadata: SegmentMetadata
  /** How weights are stored, and so for which weights an exact search is exact. */
  readonly precision: SegmentHeader['precision']
  /** Documents of a window: a power of two from 512 to 65,536. */
  readonly windowDocuments: number
  /** What would pass this goes to a further segment. */
  readonly maxSegmentBytes: number
  readonly kernel: KernelChoice
}

/** Where a segment lies in its memory: address 0 stands for "none". */
export const SEGMENT_BASE = 64

/** Bytes of a posting outside its record: 5 in a dense run of the fewest documents, and tables. */
const POSTING_BYTES = 6

/**
 * Makes the segments of what was added, each in a memory of its own: most often one. With the same
 * documents and options the bytes are the same.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`, `INVALID_VECTOR` (a weight that float16 cannot hold),
 *   `ABORTED`
 */
export async function writeSegments(
  added: AddedDocuments,
  options: WriteOptions
): Promise<Segment[]> {
  if (options.precision === 'float16') roundToHalves(added)
  const ranges = splitRanges(added, options)
  const segments: Segment[] = []
  for (const [segmentIndex, [first, end]] of ranges.entries()) {
    const { windowDocuments } = options
    const order = await documentOrder(added, first, end, windowDocuments, options)
    const range = { first, order }
    segments.push(writeSegment(added, range, segmentIndex, ranges.length, options))
  }
  return segments
}

/** Ranges of documents whose segments keep below the limit. */
function splitRanges(added: AddedDocuments, options: WriteOptions): [number, number][] {
  const ranges: [number, number][] = []
  const numDocuments = added.keys.length
  let first = 0
  let bytes = 0
  for (let document = 0; document < numDocuments; document++) {
    const length = added.lengths[document]!
    const documentBytes = recordBytes(length, formatOf(added, options)) + POSTING_BYTES * length
    if (bytes + documentBytes > options.maxSegmentBytes && document > first) {
      ranges.push([first, document])
      first = document
      bytes = 0
    }
    bytes += documentBytes
  }
  ranges.push([first, numDocuments])
  return ranges
}

/** What decides the size of a record. */
export interface RecordFormat {
  readonly termIndexBytes: 2 | 4
  readonly weightBytes: 2 | 4
}

function formatOf({ lexicon }: AddedDocuments, { precision }: WriteOptions): RecordFormat {
  return {
    termIndexBytes: lexicon.length <= 65_536 ? 2 : 4,
    weightBytes: precision === 'float16' ? 2 : 4
  }
}

/** Bytes of the record of a document of so many terms, a multiple of 4. */
function recordBytes(numTerms: number, { termIndexBytes, weightBytes }: RecordFormat): number {
  return 4 + Math.ceil((numTerms * (termIndexBytes + weightBytes)) / 4) * 4
}

function writeSegment(
  added: AddedDocuments,
  range: DocumentRange,
  segmentIndex: number,
  numSegments: number,
  options: WriteOptions
): Segment {
  const { metric, precision, windowDocuments } = options
  const { first, order } = range
  const format = formatOf(added, options)
  const runs = countRuns(added, range, windowDocuments, metric)
  const documentOffsets = offsetsOf(added, range, format)
  const keys = encodeKeys(added.keys.slice(first, first + order.length))
  const metadata = segmentIndex === 0 ? options.metadata : {}
  const header: SegmentHeader = {
    metric,
    precision,
    termIndexBytes: format.termIndexBytes,
    windowDocuments,
    numDocuments: order.length,
    numTerms: added.lexicon.length,
    numPostings: runs.numPostings,
    numRuns: runs.maxima.length,
    segmentIndex,
    numSegments,
    isReordered: order.some((document, docId) => document !== docId)
  }
  const small: Partial<Record<SectionName, Uint8Array>> = {
    metadata: new TextEncoder().encode(JSON.stringify(metadata)),
    lexicon: bytesOf(added.lexicon),
    maxWeights: bytesOf(runs.maxWeights),
    runOffsets: bytesOf(runs.runOffsets),
    runs: bytesOf(runs.entries),
    documentOffsets: bytesOf(documentOffsets),
    keyOffsets: bytesOf(keys.offsets),
    keys: keys.bytes
  }
  const { sections, fileBytes } = layOut(lengthsOf(small, header, runs, documentOffsets))
  const memory = allocate(SEGMENT_BASE + fileBytes + scratchLayout(header).bytes, options.kernel)
  for (const [name, bytes] of Object.entries(small)) {
    memory.views.u8.set(bytes, SEGMENT_BASE + sections[name as SectionName].offset)
  }
  const segment = new Segment({ header, metadata, memory, base: SEGMENT_BASE, fileBytes, sections })
  new PostingsWriter(segment, added, range, runs).write()
  writeHeader(segment, sections)
  return segment
}

function lengthsOf(
  small: Partial<Record<SectionName, Uint8Array>>,
  { numTerms, numRuns }: SegmentHeader,
  { postingsBytes }: RunTable,
  documentOffsets: Uint32Array
): Record<SectionName, number> {
  const lengths: Partial<Record<SectionName, number>> = {
    maxErrors: 4 * numTerms,
    runMaxima: numRuns,
    postings: postingsBytes,
    documents: 4 * documentOffsets.at(-1)!
  }
  for (const [name, bytes] of Object.entries(small)) lengths[name as SectionName] = bytes.length
  return lengths as Record<SectionName, number>
}

/** Where the record of each document begins, in units of 4 bytes. */
function offsetsOf(
  added: AddedDocuments,
  { first, order }: DocumentRange,
  format: RecordFormat
): Uint32Array {
  const offsets = new Uint32Array(order.length + 1)
  for (let docId = 0; docId < order.length; docId++) {
    const length = added.lengths[first + order[docId]!]!
    offsets[docId + 1] = offsets[docId]! + recordBytes(length, format) / 4
  }
  return offsets
}

function allocate(bytes: number, choice: KernelChoice): KernelMemory {
  if (bytes <= MAX_MEMORY_BYTES) return KernelMemory.allocate(bytes, choice)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'maxSegmentBytes',
    problem: `a segment needs ${bytes} bytes of memory`,
    expected: 'at most 4 GiB',
    remedy: 'Give a smaller maxSegmentBytes'
  })
}

/** Header and section table, with the checksums of what was written. */
function writeHeader(
  { header, memory, base, fileBytes }: Segment,
  sections: Readonly<Record<SectionName, { offset: number; length: number }>>
): void {
  const view = new DataView(memory.views.u8.buffer, base, HEADER_BYTES)
  memory.views.u8.set(MAGIC, base + HEADER.magic)
  const field = (name: keyof typeof HEADER, value: number): void =>
    view.setUint32(HEADER[name], value, true)
  field('version', FORMAT_VERSION)
  field('numSections', SECTIONS.length)
  view.setBigUint64(HEADER.fileBytes, BigInt(fileBytes), true)
  field('metric', METRICS.indexOf(header.metric))
  field('precision', PRECISIONS.indexOf(header.precision))
  field('termIndexBytes', header.termIndexBytes)
  field('windowDocuments', header.windowDocuments)
  field('numDocuments', header.numDocuments)
  field('numTerms', header.numTerms)
  field('numPostings', header.numPostings)
  field('numRuns', header.numRuns)
  field('segmentIndex', header.segmentIndex)
  field('numSegments', header.numSegments)
  field('isReordered', header.isReordered ? 1 : 0)
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const entry = HEADER.table + i * ENTRY.bytes
    const { offset, length } = sections[name]
    view.setUint32(entry + ENTRY.id, i + 1, true)
    view.setUint32(entry + ENTRY.elementType, ELEMENT_TYPES[elements].code, true)
    view.setBigUint64(entry + ENTRY.offset, BigInt(offset), true)
    view.setBigUint64(entry + ENTRY.length, BigInt(length), true)
    view.setUint32(entry + ENTRY.checksum, memory.kernel.xxh32(base + offset, length), true)
  }
  const checksum = memory.kernel.xxh32(base, HEADER_CHECKSUM)
  view.setUint32(HEADER_CHECKSUM, checksum, true)
}

function bytesOf(array: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
