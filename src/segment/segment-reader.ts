import { EsplanadeError } from '../errors.ts'
import { type KernelChoice, KernelMemory, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import { scratchLayout } from '../kernel/scratch.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import { MAX_DOCUMENTS, Segment } from './segment.ts'
import { decodeMetadata, validateKeys, validateTables } from './segment-contents.ts'
import {
  aligned,
  ELEMENT_TYPES,
  ENTRY,
  type Extent,
  FORMAT_VERSION,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  MAGIC,
  METRICS,
  PRECISIONS,
  SECTIONS,
  type SectionName,
  type SegmentHeader
} from './segment-format.ts'
import { SEGMENT_BASE } from './segment-writer.ts'

/** Says that a field of the segment is wrong; never returns. */
export type Refuse = (problem: string, expected?: string) => never

/** What the head of a segment says. */
export interface SegmentHead {
  readonly header: SegmentHeader
  readonly sections: Readonly<Record<SectionName, Extent>>
  readonly checksums: Readonly<Record<SectionName, number>>
  /** Bytes of the whole segment. */
  readonly fileBytes: number
}

/** Says where and how the bytes of an index are wrong. */
export function refuseAt(place: string | undefined): Refuse {
  return (problem, expected) => {
    throw new EsplanadeError('INDEX_CORRUPT', {
      place,
      problem,
      expected,
      remedy: 'Restore the file from a copy or index again'
    })
  }
}

/**
 * Reads the first {@link HEADER_BYTES} bytes of a segment. Nothing is allocated by a count before the
 * count is known to fit.
 *
 * @param available - bytes from the start of the segment to the end of the file
 * @param place - what to call the bytes in an error message, for instance the file's path
 * @throws EsplanadeError `INDEX_VERSION` for another format version, `INDEX_CORRUPT` for all else;
 *   the message names the field
 */
export function readHead(head: Uint8Array, available: number, place?: string): SegmentHead {
  const refuse = refuseAt(place)
  checkVersion(head, available, place, refuse)
  if (head.length < HEADER_BYTES) {
    refuse(`header: the file ends after ${head.length} bytes`, `at least ${HEADER_BYTES} bytes`)
  }
  const view = new DataView(head.buffer, head.byteOffset, HEADER_BYTES)
  if (xxh32(head.subarray(0, HEADER_CHECKSUM)) !== view.getUint32(HEADER_CHECKSUM, true)) {
    refuse('header checksum: the header was changed after it was written')
  }
  const fileBytes = view.getBigUint64(HEADER.fileBytes, true)
  if (fileBytes > BigInt(available)) {
    refuse(`fileBytes: ${available} bytes are there`, `${fileBytes} as the header says`)
  }
  const header = readFields(view, refuse)
  const { sections, checksums } = readTable(view, header, Number(fileBytes), refuse)
  return { header, sections, checksums, fileBytes: Number(fileBytes) }
}

/** What must hold before the rest of the header can be understood. */
function checkVersion(
  head: Uint8Array,
  available: number,
  place: string | undefined,
  refuse: Refuse
): void {
  if (head.length < HEADER.numSections || MAGIC.some((byte, i) => head[i] !== byte)) {
    refuse(
      `magic: these ${available} bytes do not begin as an Esplanade index does`,
      'a file that Esplanade wrote'
    )
  }
  const version = new DataView(head.buffer, head.byteOffset).getUint32(HEADER.version, true)
  if (version === FORMAT_VERSION) return
  throw new EsplanadeError('INDEX_VERSION', {
    place,
    problem: `format version ${version}`,
    expected: `format version ${FORMAT_VERSION}, the only one that this release reads`,
    remedy: 'Use the release that wrote it, or index again'
  })
}

function readFields(view: DataView, refuse: Refuse): SegmentHeader {
  const field = (name: keyof typeof HEADER): number => view.getUint32(HEADER[name], true)
  const check = (
    name: keyof typeof HEADER,
    isValid: (value: number) => boolean,
    expected: string
  ) => (isValid(field(name)) ? field(name) : refuse(`${name}: ${field(name)}`, expected))
  check('numSections', n => n === SECTIONS.length, `${SECTIONS.length}`)
  const windowDocuments = check(
    'windowDocuments',
    n => n >= 512 && n <= 65_536 && (n & (n - 1)) === 0,
    'a power of two from 512 to 65,536'
  )
  const numSegments = check('numSegments', n => n >= 1, 'at least 1')
  return {
    metric: METRICS[check('metric', n => n < METRICS.length, '0 or 1')]!,
    precision: PRECISIONS[check('precision', n => n < PRECISIONS.length, '0 or 1')]!,
    termIndexBytes: check('termIndexBytes', n => n === 2 || n === 4, '2 or 4') as 2 | 4,
    windowDocuments,
    numDocuments: check('numDocuments', n => n <= MAX_DOCUMENTS, `at most ${MAX_DOCUMENTS}`),
    numTerms: field('numTerms'),
    numPostings: field('numPostings'),
    numRuns: field('numRuns'),
    segmentIndex: check('segmentIndex', n => n < numSegments, `below ${numSegments}`),
    numSegments,
    isReordered: check('isReordered', n => n <= 1, '0 or 1') === 1
  }
}

function readTable(
  view: DataView,
  header: SegmentHeader,
  fileBytes: number,
  refuse: Refuse
): Pick<SegmentHead, 'sections' | 'checksums'> {
  const { numTerms, numDocuments, numRuns } = header
  const expectedElements: Partial<Record<SectionName, number>> = {
    lexicon: numTerms,
    maxWeights: numTerms,
    maxErrors: numTerms,
    runOffsets: numTerms + 1,
    runs: 2 * numRuns,
    runMaxima: numRuns,
    documentOffsets: numDocuments + 1,
    keyOffsets: numDocuments + 1
  }
  const sections: Partial<Record<SectionName, Extent>> = {}
  const checksums: Partial<Record<SectionName, number>> = {}
  let end = HEADER_BYTES
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const entry = HEADER.table + i * ENTRY.bytes
    const type = ELEMENT_TYPES[elements]
    const field = (what: string, given: number | bigint, wanted: number): void => {
      if (BigInt(given) !== BigInt(wanted)) refuse(`${name} ${what}: ${given}`, `${wanted}`)
    }
    field('section id', view.getUint32(entry + ENTRY.id, true), i + 1)
    field('element type', view.getUint32(entry + ENTRY.elementType, true), type.code)
    field('reserved field', view.getUint32(entry + ENTRY.reserved, true), 0)
    const offset = aligned(end)
    field('offset', view.getBigUint64(entry + ENTRY.offset, true), offset)
    const given = view.getBigUint64(entry + ENTRY.length, true)
    const wanted = expectedElements[name]
    if (wanted !== undefined) field('length', given, wanted * type.bytes)
    if (given > BigInt(Math.max(0, fileBytes - offset))) {
      refuse(`${name} length: ${given} bytes`, 'a section that ends inside the file')
    }
    const length = Number(given)
    if (length % type.bytes !== 0) refuse(`${name} length: ${length} bytes`, 'whole elements')
    sections[name] = { offset, length }
    checksums[name] = view.getUint32(entry + ENTRY.checksum, true)
    end = offset + length
  }
  if (aligned(end) !== fileBytes) refuse(`fileBytes: ${fileBytes}`, `${aligned(end)}`)
  return {
    sections: sections as Record<SectionName, Extent>,
    checksums: checksums as Record<SectionName, number>
  }
}

/**
 * A memory for a segment of this head. Its bytes are to be put at {@link SEGMENT_BASE}, and then
 * opened by {@link openSegment}.
 *
 * @throws EsplanadeError `INDEX_CORRUPT` when the segment would not fit in 4 GiB
 */
export function memoryFor(head: SegmentHead, place?: string, kernel?: KernelChoice): KernelMemory {
  const bytes = SEGMENT_BASE + head.fileBytes + scratchLayout(head.header).bytes
  if (bytes > MAX_MEMORY_BYTES) {
    refuseAt(place)(`fileBytes: ${head.fileBytes}`, 'a segment that fits in 4 GiB of memory')
  }
  return KernelMemory.allocate(bytes, kernel)
}

/**
 * Opens the segment whose bytes stand in a memory of {@link memoryFor}. Every checksum is verified,
 * and every table that says where something lies; postings and records are not parsed. Checksums
 * catch accidents. In a file that was made to be wrong a posting may lie, so its scores may; but no
 * search reads or writes outside the memory.
 *
 * @throws EsplanadeError `INDEX_CORRUPT`; the message names the section
 */
export function openSegment(memory: KernelMemory, head: SegmentHead, place?: string): Segment {
  const refuse = refuseAt(place)
  const { header, sections, checksums, fileBytes } = head
  const { u8 } = memory.views
  let end = HEADER_BYTES
  for (const { name } of SECTIONS) {
    const { offset, length } = sections[name]
    checkGap(u8, end, offset, refuse)
    if (memory.kernel.xxh32(SEGMENT_BASE + offset, length) >>> 0 !== checksums[name]) {
      refuse(`${name} checksum: the section was changed after it was written`)
    }
    end = offset + length
  }
  checkGap(u8, end, fileBytes, refuse)
  const metadataBytes = u8.slice(
    SEGMENT_BASE + sections.metadata.offset,
    SEGMENT_BASE + sections.metadata.offset + sections.metadata.length
  )
  const metadata = decodeMetadata(metadataBytes, refuse)
  const parts = { header, metadata, memory, base: SEGMENT_BASE, fileBytes, sections }
  const segment = new Segment(parts)
  validateTables(segment, refuse)
  validateKeys(segment, refuse)
  return segment
}

function checkGap(u8: Uint8Array, from: number, to: number, refuse: Refuse): void {
  for (let at = from; at < to; at++) {
    if (u8[SEGMENT_BASE + at] !== 0) refuse(`gap at byte ${at}: ${u8[SEGMENT_BASE + at]}`, '0')
  }
}

/**
 * Reads the bytes of an index: its segments, one after the other. Each is copied once, into the memory
 * in which it is searched.
 *
 * @param place - what to call the bytes in an error message, for instance the file's path
 * @throws EsplanadeError `INDEX_VERSION`, `INDEX_CORRUPT`
 */
export function readSegments(bytes: Uint8Array, place?: string, kernel?: KernelChoice): Segment[] {
  const segments: Segment[] = []
  let start = 0
  do {
    const rest = bytes.subarray(start)
    const head = readHead(rest.subarray(0, HEADER_BYTES), rest.length, place)
    checkSequence(head, segments.length, segments[0]?.header, place)
    const memory = memoryFor(head, place, kernel)
    memory.views.u8.set(rest.subarray(0, head.fileBytes), SEGMENT_BASE)
    segments.push(openSegment(memory, head, place))
    start += head.fileBytes
  } while (segments.length < segments[0]!.header.numSegments)
  if (start !== bytes.length) refuseAt(place)(`${bytes.length - start} bytes after the end`, 'none')
  return segments
}

/** Segments of one index stand in order and agree in what is the index's own. */
export function checkSequence(
  { header }: SegmentHead,
  segmentIndex: number,
  first: SegmentHeader | undefined,
  place?: string
): void {
  const refuse = refuseAt(place)
  if (header.segmentIndex !== segmentIndex) {
    refuse(`segmentIndex: ${header.segmentIndex}`, `${segmentIndex}`)
  }
  for (const field of ['numSegments', 'metric', 'precision', 'numTerms'] as const) {
    if (first === undefined || header[field] === first[field]) continue
    refuse(`${field}: ${header[field]} in segment ${segmentIndex}`, `${first[field]}`)
  }
}
