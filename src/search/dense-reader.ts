import { EsplanadeError } from '../errors.ts'
import { DenseMemory } from '../kernel/dense-memory.ts'
import { type KernelChoice, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import { decodeMetadata, validateKeys } from '../segment/segment-contents.ts'
import { type Refuse, refuseAt } from '../segment/segment-reader.ts'
import { MAX_DIMENSIONS } from '../vector/dense-vector.ts'
import {
  aligned,
  type DenseHeader,
  ELEMENT_TYPES,
  ENTRY,
  type Extent,
  FORMAT_VERSION,
  fixedLengths,
  HEADER,
  HEADER_BYTES,
  HEADER_CHECKSUM,
  MAGIC,
  MAX_VECTORS,
  METRICS,
  PRECISIONS,
  rowBytes,
  SECTIONS,
  type SectionName
} from './dense-format.ts'
import { DenseRows, FILE_BASE, scanScratch } from './dense-rows.ts'

/**
 * Opens the bytes of a dense index: one copy into the memory in which it is scanned. Every checksum is
 * verified, and all numbers are finite. Checksums catch accidents; in a file that was made to be wrong
 * codes may lie, so hits may be missed, but no search reads or writes outside the memory.
 *
 * @param place - what to call the bytes in an error message, for instance the file's path
 * @throws EsplanadeError `INDEX_VERSION` for another format version, `INDEX_CORRUPT` for all else; the
 *   message names the field or the section
 */
export function readDenseRows(
  bytes: Uint8Array,
  place?: string,
  kernel: KernelChoice = 'auto'
): DenseRows {
  const refuse = refuseAt(place)
  checkVersion(bytes, place, refuse)
  if (bytes.length < HEADER_BYTES) {
    refuse(`header: the file ends after ${bytes.length} bytes`, `at least ${HEADER_BYTES} bytes`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  if (xxh32(bytes.subarray(0, HEADER_CHECKSUM)) !== view.getUint32(HEADER_CHECKSUM, true)) {
    refuse('header checksum: the header was changed after it was written')
  }
  const fileBytes = view.getBigUint64(HEADER.fileBytes, true)
  if (fileBytes !== BigInt(bytes.length)) {
    refuse(`fileBytes: ${bytes.length} bytes are there`, `${fileBytes} as the header says`)
  }
  const header = readFields(view, refuse)
  const { sections, checksums } = readTable(view, header, bytes.length, refuse)
  const memoryBytes = scanScratch(header, bytes.length).end
  if (memoryBytes > MAX_MEMORY_BYTES) refuse(`fileBytes: ${fileBytes}`, 'what fits in 4 GiB')
  const memory = new DenseMemory(memoryBytes, kernel)
  memory.views.u8.set(bytes, FILE_BASE)
  checkSections(memory, sections, checksums, bytes.length, refuse)
  const { offset, length } = sections.metadata
  const metadata = decodeMetadata(bytes.slice(offset, offset + length), refuse)
  const rows = new DenseRows({ header, metadata, memory, fileBytes: bytes.length, sections })
  validateKeys({ keyOffsets: rows.keyOffsets, section: () => rows.keys }, refuse)
  validateNumbers(rows, refuse)
  return rows
}

/** What must hold before the rest of the header can be understood. */
function checkVersion(bytes: Uint8Array, place: string | undefined, refuse: Refuse): void {
  if (bytes.length < HEADER.numSections || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    refuse(
      `magic: these ${bytes.length} bytes do not begin as a dense index of Esplanade does`,
      'a file that Esplanade wrote'
    )
  }
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEADER.version, true)
  if (version === FORMAT_VERSION) return
  throw new EsplanadeError('INDEX_VERSION', {
    place,
    problem: `format version ${version}`,
    expected: `format version ${FORMAT_VERSION}, the only one that this release reads`,
    remedy: 'Use the release that wrote it, or index again'
  })
}

function readFields(view: DataView, refuse: Refuse): DenseHeader {
  const check = (name: keyof typeof HEADER, first: number, last: number): number => {
    const value = view.getUint32(HEADER[name], true)
    return value >= first && value <= last
      ? value
      : refuse(`${name}: ${value}`, `${first} to ${last}`)
  }
  check('numSections', SECTIONS.length, SECTIONS.length)
  return {
    metric: METRICS[check('metric', 0, METRICS.length - 1)]!,
    precision: PRECISIONS[check('precision', 0, PRECISIONS.length - 1)]!,
    numVectors: check('numVectors', 0, MAX_VECTORS),
    dimensions: check('dimensions', 1, MAX_DIMENSIONS)
  }
}

interface Table {
  readonly sections: Readonly<Record<SectionName, Extent>>
  readonly checksums: Readonly<Record<SectionName, number>>
}

function readTable(view: DataView, header: DenseHeader, fileBytes: number, refuse: Refuse): Table {
  const lengths: Partial<Record<SectionName, number>> = fixedLengths(header)
  const sections: Partial<Record<SectionName, Extent>> = {}
  const checksums: Partial<Record<SectionName, number>> = {}
  let end = HEADER_BYTES
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const entry = HEADER.table + i * ENTRY.bytes
    const field = (what: string, given: number | bigint, wanted: number): void => {
      if (BigInt(given) !== BigInt(wanted)) refuse(`${name} ${what}: ${given}`, `${wanted}`)
    }
    field('section id', view.getUint32(entry + ENTRY.id, true), i + 1)
    const type = ELEMENT_TYPES[elements]
    field('element type', view.getUint32(entry + ENTRY.elementType, true), type.code)
    field('reserved field', view.getUint32(entry + ENTRY.reserved, true), 0)
    const offset = aligned(end)
    field('offset', view.getBigUint64(entry + ENTRY.offset, true), offset)
    const given = view.getBigUint64(entry + ENTRY.length, true)
    const wanted = lengths[name]
    if (wanted !== undefined) field('length', given, wanted)
    if (given > BigInt(Math.max(0, fileBytes - offset))) {
      refuse(`${name} length: ${given} bytes`, 'a section that ends inside the file')
    }
    sections[name] = { offset, length: Number(given) }
    checksums[name] = view.getUint32(entry + ENTRY.checksum, true)
    end = offset + Number(given)
  }
  if (aligned(end) !== fileBytes) refuse(`fileBytes: ${fileBytes}`, `${aligned(end)}`)
  return {
    sections: sections as Record<SectionName, Extent>,
    checksums: checksums as Record<SectionName, number>
  }
}

function checkSections(
  { views, kernel }: DenseMemory,
  sections: Table['sections'],
  checksums: Table['checksums'],
  fileBytes: number,
  refuse: Refuse
): void {
  const checkGap = (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      const byte = views.u8[FILE_BASE + at]
      if (byte !== 0) refuse(`gap at byte ${at}: ${byte}`, '0')
    }
  }
  let end = HEADER_BYTES
  for (const { name } of SECTIONS) {
    const { offset, length } = sections[name]
    checkGap(end, offset)
    if (kernel.xxh32(FILE_BASE + offset, length) !== checksums[name]) {
      refuse(`${name} checksum: the section was changed after it was written`)
    }
    end = offset + length
  }
  checkGap(end, fileBytes)
}

/** Exponent of a float32 that is infinite or none. */
const NOT_FINITE = 0x7f80_0000

function validateNumbers(rows: DenseRows, refuse: Refuse): void {
  const { header, norms, scales, errors } = rows
  const { numVectors, dimensions, metric } = header
  for (const [name, values] of Object.entries({ norms, scales, errors })) {
    const wrong = values.findIndex(value => !(value >= 0 && value < Number.POSITIVE_INFINITY))
    if (wrong >= 0) refuse(`${name}: ${values[wrong]} of vector ${wrong}`, 'finite, from 0')
  }
  const { u32 } = rows.views
  const stride = rowBytes(dimensions) / 4
  for (let id = 0; id < numVectors; id++) {
    if (metric === 'cosine' && norms[id] === 0) refuse(`norms: 0 of vector ${id}`, 'above 0')
    const start = rows.rows / 4 + id * stride
    for (let i = 0; i < stride; i++) {
      const bits = u32[start + i]!
      if ((bits & NOT_FINITE) === NOT_FINITE) refuse(`rows: vector ${id}`, 'finite numbers')
      if (i >= dimensions && bits !== 0) refuse(`rows: padding of vector ${id}`, '0')
    }
  }
}
