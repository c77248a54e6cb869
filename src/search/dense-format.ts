import { DENSE_METRICS, type DenseMetric } from '../vector/dense-vector.ts'

/**
 * The layout of a dense index of format version 1, shared by its writer and its reader.
 * `docs/formats/dense-v1.md` draws it. All numbers are little-endian.
 */

/** `ESPD`, then the bytes that show a transfer which rewrites line ends or stops at Ctrl-Z. */
export const MAGIC: Uint8Array = Uint8Array.of(0x45, 0x53, 0x50, 0x44, 0x0d, 0x0a, 0x1a, 0x0a)

/** The reader takes this version and no other. */
export const FORMAT_VERSION = 1

/** Vectors of an index at most. */
export const MAX_VECTORS: number = 2 ** 24

/** Type of a section's elements and the code that stands for it in the section table. */
export const ELEMENT_TYPES = {
  uint8: { code: 1, bytes: 1 },
  uint32: { code: 2, bytes: 4 },
  float32: { code: 3, bytes: 4 },
  float64: { code: 4, bytes: 8 },
  int8: { code: 5, bytes: 1 }
} as const

/** Name of a section. */
export type SectionName =
  | 'metadata'
  | 'keyOffsets'
  | 'keys'
  | 'norms'
  | 'rows'
  | 'scales'
  | 'errors'
  | 'codes'

/** The sections in the order in which they stand in the table and in the file; ids count from 1. */
export const SECTIONS: readonly { name: SectionName; elements: keyof typeof ELEMENT_TYPES }[] = [
  { name: 'metadata', elements: 'uint8' },
  { name: 'keyOffsets', elements: 'uint32' },
  { name: 'keys', elements: 'uint8' },
  { name: 'norms', elements: 'float64' },
  { name: 'rows', elements: 'float32' },
  { name: 'scales', elements: 'float64' },
  { name: 'errors', elements: 'float64' },
  { name: 'codes', elements: 'int8' }
]

/** What vectors are scanned in: float32, or 8-bit integers first. */
export type DensePrecision = 'float32' | 'int8'

/** Codes in the header: the position here. */
export const METRICS: readonly DenseMetric[] = DENSE_METRICS
export const PRECISIONS: readonly DensePrecision[] = ['float32', 'int8']

/** Where each field of the header stands, in bytes from the start of the file. */
export const HEADER = {
  magic: 0,
  version: 8,
  numSections: 12,
  fileBytes: 16, // uint64
  metric: 24,
  precision: 28,
  numVectors: 32,
  dimensions: 36,
  table: 40
} as const

/** Where each field of a section table entry stands, in bytes from the start of the entry. */
export const ENTRY = {
  id: 0,
  elementType: 4,
  offset: 8, // uint64
  length: 16, // uint64, in bytes
  checksum: 24, // XXH32
  reserved: 28, // 0
  bytes: 32
} as const

/** Where the checksum of all bytes before it stands. */
export const HEADER_CHECKSUM: number = HEADER.table + SECTIONS.length * ENTRY.bytes

/** Bytes of header, table and their checksum. */
export const HEADER_BYTES: number = HEADER_CHECKSUM + 4

/** The header's own numbers. */
export interface DenseHeader {
  readonly metric: DenseMetric
  readonly precision: DensePrecision
  readonly numVectors: number
  readonly dimensions: number
}

/** Where a section lies, in bytes from the start of the file. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** Sections begin at multiples of 64 bytes, and the file ends at one; the gaps hold zeros. */
export function aligned(offset: number): number {
  return Math.ceil(offset / 64) * 64
}

/** Bytes of a row of float32: 16 hold 4 numbers, and the last ones may be padding. */
export function rowBytes(dimensions: number): number {
  return Math.ceil(dimensions / 4) * 16
}

/** Bytes of a row of codes: 16 hold 16 of them. */
export function codeBytes(dimensions: number): number {
  return Math.ceil(dimensions / 16) * 16
}

/** Lengths of the sections that follow from the header. */
export function fixedLengths({
  precision,
  numVectors,
  dimensions
}: DenseHeader): Omit<Record<SectionName, number>, 'metadata' | 'keys'> {
  const numCoded = precision === 'int8' ? numVectors : 0
  return {
    keyOffsets: 4 * (numVectors + 1),
    norms: 8 * numVectors,
    rows: numVectors * rowBytes(dimensions),
    scales: 8 * numCoded,
    errors: 8 * numCoded,
    codes: numCoded * codeBytes(dimensions)
  }
}

/** Where all sections of these lengths lie, and where the file ends. */
export function layOut(lengths: Readonly<Record<SectionName, number>>): {
  sections: Record<SectionName, Extent>
  fileBytes: number
} {
  const sections: Partial<Record<SectionName, Extent>> = {}
  let end = HEADER_BYTES
  for (const { name } of SECTIONS) {
    const offset = aligned(end)
    sections[name] = { offset, length: lengths[name] }
    end = offset + lengths[name]
  }
  return { sections: sections as Record<SectionName, Extent>, fileBytes: aligned(end) }
}
