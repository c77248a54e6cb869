import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import { MAX_DOCUMENTS, type Segment } from './segment.ts'
import { decodeKeys, decodeMetadata, validatePostings } from './segment-contents.ts'
import {
  aligned,
  ELEMENT_TYPES,
  ENTRY,
  FORMAT_VERSION,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  MAGIC,
  METRICS,
  SECTIONS,
  type SectionName
} from './segment-format.ts'

/** Says that a field of the file is wrong; never returns. */
type Refuse = (problem: string, expected?: string) => never

interface Header {
  readonly metric: (typeof METRICS)[number]
  readonly numDocuments: number
  readonly numTerms: number
  readonly numPostings: number
}

/**
 * Reads the bytes of {@link writeSegment}. Every checksum and every value is validated; nothing is
 * allocated by a count before the count is known to fit the file.
 *
 * The segment's arrays are views of `bytes` (copied first if they do not begin at a multiple of
 * four in their buffer), so the bytes must not be changed afterwards.
 *
 * @param place - what to call the bytes in an error message, for instance the file's path
 * @throws EsplanadeError `INDEX_VERSION` for another format version, `INDEX_CORRUPT` for all else;
 *   the message names the field
 */
export function readSegment(bytes: Uint8Array, place?: string): Segment {
  const refuse: Refuse = (problem, expected) => {
    throw new EsplanadeError('INDEX_CORRUPT', {
      place,
      problem,
      expected,
      remedy: 'Restore the file from a copy or index again'
    })
  }
  const file = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  checkVersion(file, place, refuse)
  const header = readHeader(file, refuse)
  const sections = readTable(file, header, refuse)
  const segment = {
    metric: header.metric,
    metadata: decodeMetadata(sections.metadata, refuse),
    keys: decodeKeys(uint32s(sections.keyOffsets), sections.keys, refuse),
    lexicon: uint32s(sections.lexicon),
    offsets: uint32s(sections.offsets),
    docIds: uint32s(sections.docIds),
    weights: float32s(sections.weights)
  }
  validatePostings(segment, refuse)
  return segment
}

/** What must hold before the rest of the header can be understood. */
function checkVersion(file: Uint8Array, place: string | undefined, refuse: Refuse): void {
  if (file.length < HEADER.numSections || MAGIC.some((byte, i) => file[i] !== byte)) {
    refuse(
      `magic: these ${file.length} bytes do not begin as an Esplanade index does`,
      'a file that Esplanade wrote'
    )
  }
  const version = viewOf(file).getUint32(HEADER.version, true)
  if (version === FORMAT_VERSION) return
  throw new EsplanadeError('INDEX_VERSION', {
    place,
    problem: `format version ${version}`,
    expected: `format version ${FORMAT_VERSION}, the only one that this release reads`,
    remedy: 'Use the release that wrote it, or index again'
  })
}

function readHeader(file: Uint8Array, refuse: Refuse): Header {
  if (file.length < HEADER_BYTES) {
    refuse(`header: the file ends after ${file.length} bytes`, `at least ${HEADER_BYTES} bytes`)
  }
  const view = viewOf(file)
  const checksum = view.getInt32(HEADER_CHECKSUM, true)
  if (crc32.buf(file.subarray(0, HEADER_CHECKSUM)) !== checksum) {
    refuse('header checksum: the header was changed after it was written')
  }
  const field = (name: keyof typeof HEADER): number => view.getUint32(HEADER[name], true)
  const fileBytes = view.getBigUint64(HEADER.fileBytes, true)
  if (fileBytes !== BigInt(file.length)) {
    refuse(`fileBytes: the file has ${file.length} bytes`, `${fileBytes} as its header says`)
  }
  const numSections = field('numSections')
  if (numSections !== SECTIONS.length) refuse(`numSections: ${numSections}`, `${SECTIONS.length}`)
  const metric = METRICS[field('metric')]
  if (metric === undefined) return refuse(`metric: code ${field('metric')}`, '0 or 1')
  const numDocuments = field('numDocuments')
  if (numDocuments > MAX_DOCUMENTS) {
    refuse(`numDocuments: ${numDocuments}`, `at most ${MAX_DOCUMENTS}`)
  }
  return {
    metric,
    numDocuments,
    numTerms: field('numTerms'),
    numPostings: field('numPostings')
  }
}

/** The bytes of every section, after table, gaps and checksums have been validated. */
function readTable(
  file: Uint8Array,
  header: Header,
  refuse: Refuse
): Record<SectionName, Uint8Array> {
  const view = viewOf(file)
  const expectedElements: Record<SectionName, number | undefined> = {
    metadata: undefined,
    lexicon: header.numTerms,
    offsets: header.numTerms + 1,
    docIds: header.numPostings,
    weights: header.numPostings,
    keyOffsets: header.numDocuments + 1,
    keys: undefined
  }
  const sections: Partial<Record<SectionName, Uint8Array>> = {}
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
    const length = view.getBigUint64(entry + ENTRY.length, true)
    const wanted = expectedElements[name]
    if (wanted !== undefined) field('length', length, wanted * type.bytes)
    if (length > BigInt(Math.max(0, file.length - offset))) {
      refuse(`${name} length: ${length} bytes`, 'a section that ends inside the file')
    }
    for (let gap = end; gap < offset; gap++) field(`gap before the section`, file[gap]!, 0)
    end = offset + Number(length)
    const bytes = file.subarray(offset, end)
    if (crc32.buf(bytes) !== view.getInt32(entry + ENTRY.checksum, true)) {
      refuse(`${name} checksum: the section was changed after it was written`)
    }
    sections[name] = bytes
  }
  if (end !== file.length) refuse(`${file.length - end} bytes after the last section`, 'none')
  return sections as Record<SectionName, Uint8Array>
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function uint32s(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

function float32s(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}
