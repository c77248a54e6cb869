import { EsplanadeError } from '../errors.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import { type ColumnSections, ColumnTable } from './column-table.ts'
import { validateColumns } from './columns-contents.ts'
import {
  aligned,
  ELEMENT_TYPES,
  ENTRY,
  FORMAT_VERSION,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  MAGIC,
  MAX_DOCUMENTS,
  SECTIONS,
  type SectionName
} from './columns-format.ts'

/** Says that a part of the file is wrong; never returns. */
export type Refuse = (problem: string, expected?: string) => never

/**
 * Reads a columns file. Every checksum is verified and everything that says where something lies, so
 * that no filter ever leaves the bytes; values stay where they are and are read when they are needed.
 * Checksums catch accidents; in a file that was made to be wrong, values and documents may lie.
 *
 * @param bytes - kept, and not to be changed; copied if they do not begin at a multiple of 8
 * @param place - what to call the bytes in an error message, for instance the file's path
 * @throws EsplanadeError `COLLECTION_VERSION` for another format version, `COLLECTION_CORRUPT` for all
 *   else; the message names the section
 */
export function openColumns(bytes: Uint8Array, place?: string): ColumnTable {
  const refuse: Refuse = (problem, expected) => {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place,
      problem,
      expected,
      remedy: 'Repair the collection: its documents hold all that columns do'
    })
  }
  const file = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  checkHead(file, place, refuse)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const sections = readSections(file, view, refuse)
  return new ColumnTable(validateColumns(sections, refuse))
}

function checkHead(file: Uint8Array, place: string | undefined, refuse: Refuse): void {
  if (file.length < HEADER.numSections || MAGIC.some((byte, i) => file[i] !== byte)) {
    refuse(`magic: these ${file.length} bytes do not begin as columns do`)
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const version = view.getUint32(HEADER.version, true)
  if (version !== FORMAT_VERSION) {
    throw new EsplanadeError('COLLECTION_VERSION', {
      place,
      problem: `columns of format version ${version}`,
      expected: `format version ${FORMAT_VERSION}, the only one that this release reads`,
      remedy: 'Use the release that wrote it, or repair the collection with this one'
    })
  }
  if (file.length < HEADER_BYTES) {
    refuse(`header: the file ends after ${file.length} bytes`, `at least ${HEADER_BYTES} bytes`)
  }
  if (xxh32(file.subarray(0, HEADER_CHECKSUM)) !== view.getUint32(HEADER_CHECKSUM, true)) {
    refuse('header checksum: the header was changed after it was written')
  }
  const fileBytes = view.getBigUint64(HEADER.fileBytes, true)
  if (fileBytes !== BigInt(file.length)) {
    refuse(`fileBytes: ${file.length} bytes are there`, `${fileBytes} as the header says`)
  }
}

/** The sections before what they hold was checked. */
export type RawSections = Omit<ColumnSections, 'columnDocuments' | 'isSingleValued'>

function readSections(file: Uint8Array, view: DataView, refuse: Refuse): RawSections {
  const field = (name: keyof typeof HEADER): number => view.getUint32(HEADER[name], true)
  const numDocuments = field('numDocuments')
  const numSections = field('numSections')
  if (numSections !== SECTIONS.length) refuse(`numSections: ${numSections}`, `${SECTIONS.length}`)
  if (numDocuments > MAX_DOCUMENTS) refuse(`numDocuments: ${numDocuments}`, `${MAX_DOCUMENTS}`)
  const elements: Partial<Record<SectionName, number>> = {
    columnTypes: field('numColumns'),
    pathOffsets: field('numColumns') + 1,
    columnValues: field('numColumns') + 1,
    stringOffsets: field('numStrings') + 1,
    numbers: field('numNumbers'),
    postingOffsets: field('numStrings') + field('numNumbers') + 1
  }
  const sections: Partial<Record<SectionName, Uint8Array>> = {}
  let end = HEADER_BYTES
  for (const [i, { name }] of SECTIONS.entries()) {
    sections[name] = readSection(file, view, i, end, elements[name], refuse)
    end = sections[name].byteOffset - file.byteOffset + sections[name].length
  }
  checkGap(file, end, file.length, refuse)
  if (aligned(end) !== file.length) refuse(`fileBytes: ${file.length}`, `${aligned(end)}`)
  const all = sections as Record<SectionName, Uint8Array>
  const words = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array =>
    new Uint32Array(buffer, byteOffset, byteLength / 4)
  const { buffer, byteOffset, byteLength } = all.numbers
  return {
    numDocuments,
    columnTypes: words(all.columnTypes),
    paths: { offsets: words(all.pathOffsets), bytes: all.paths },
    columnValues: words(all.columnValues),
    strings: { offsets: words(all.stringOffsets), bytes: all.strings },
    numbers: new Float64Array(buffer, byteOffset, byteLength / 8),
    postingOffsets: words(all.postingOffsets),
    postings: words(all.postings)
  }
}

/** One section, by its entry of the table; it begins behind `end`, where the one before it ends. */
function readSection(
  file: Uint8Array,
  view: DataView,
  i: number,
  end: number,
  numElements: number | undefined,
  refuse: Refuse
): Uint8Array {
  const { name, elements } = SECTIONS[i]!
  const type = ELEMENT_TYPES[elements]
  const entry = HEADER.table + i * ENTRY.bytes
  const check = (what: string, given: number | bigint, wanted: number): void => {
    if (BigInt(given) !== BigInt(wanted)) refuse(`${name} ${what}: ${given}`, `${wanted}`)
  }
  const offset = aligned(end)
  check('section id', view.getUint32(entry + ENTRY.id, true), i + 1)
  check('element type', view.getUint32(entry + ENTRY.elementType, true), type.code)
  check('reserved field', view.getUint32(entry + ENTRY.reserved, true), 0)
  check('offset', view.getBigUint64(entry + ENTRY.offset, true), offset)
  const length = view.getBigUint64(entry + ENTRY.length, true)
  if (numElements !== undefined) check('length', length, numElements * type.bytes)
  if (length > BigInt(Math.max(0, file.length - offset))) {
    refuse(`${name} length: ${length} bytes`, 'a section that ends inside the file')
  }
  if (Number(length) % type.bytes !== 0) refuse(`${name} length: ${length}`, 'whole elements')
  checkGap(file, end, offset, refuse)
  const bytes = file.subarray(offset, offset + Number(length))
  if (xxh32(bytes) !== view.getUint32(entry + ENTRY.checksum, true)) {
    refuse(`${name} checksum: the section was changed after it was written`)
  }
  return bytes
}

function checkGap(file: Uint8Array, from: number, to: number, refuse: Refuse): void {
  for (let at = from; at < to; at++) {
    if (file[at] !== 0) refuse(`gap at byte ${at}: ${file[at]}`, '0')
  }
}
