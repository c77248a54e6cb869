import type { ValueType } from './value.ts'

/**
 * The layout of the columns of a segment, format version 1, shared by their writer and their reader.
 * `docs/formats/columns-v1.md` draws it. All numbers are little-endian.
 */

/** `ESPC`, then the bytes that show a transfer which rewrites line ends or stops at Ctrl-Z. */
export const MAGIC: Uint8Array = Uint8Array.of(0x45, 0x53, 0x50, 0x43, 0x0d, 0x0a, 0x1a, 0x0a)

/** The reader takes this version and no other. */
export const FORMAT_VERSION = 1

/** Documents of a segment at most; the words of postings need the bits above for themselves. */
export const MAX_DOCUMENTS: number = 2 ** 24

/** Type of a section's elements and the code that stands for it in the section table. */
export const ELEMENT_TYPES = {
  uint8: { code: 1, bytes: 1 },
  uint32: { code: 2, bytes: 4 },
  float64: { code: 4, bytes: 8 }
} as const

/** Name of a section. */
export type SectionName =
  | 'columnTypes'
  | 'pathOffsets'
  | 'paths'
  | 'columnValues'
  | 'stringOffsets'
  | 'strings'
  | 'numbers'
  | 'postingOffsets'
  | 'postings'

/** The sections in the order in which they stand in the table and in the file; ids count from 1. */
export const SECTIONS: readonly { name: SectionName; elements: keyof typeof ELEMENT_TYPES }[] = [
  { name: 'columnTypes', elements: 'uint32' },
  { name: 'pathOffsets', elements: 'uint32' },
  { name: 'paths', elements: 'uint8' },
  { name: 'columnValues', elements: 'uint32' },
  { name: 'stringOffsets', elements: 'uint32' },
  { name: 'strings', elements: 'uint8' },
  { name: 'numbers', elements: 'float64' },
  { name: 'postingOffsets', elements: 'uint32' },
  { name: 'postings', elements: 'uint32' }
]

/**
 * Types of columns; their codes are their places here. The namespace of a document is a column of a
 * type of its own, so that no field can be taken for it. Columns whose values are strings stand first.
 */
export const COLUMN_TYPES: readonly ColumnType[] = [
  'namespace',
  'string',
  'number',
  'boolean',
  'date'
]

/** What the values of a column are. */
export type ColumnType = ValueType | 'namespace'

/** Codes up to this one are of columns whose values are strings. */
export const LAST_STRING_TYPE = 1

/**
 * In the first word of a value's postings: a roaring bitmap follows, and the other bits are how many
 * documents it has. Otherwise each word is a document.
 */
export const BITMAP_FLAG = 0x8000_0000

/** Where each field of the header stands, in bytes from the start of the file. */
export const HEADER = {
  magic: 0,
  version: 8,
  numSections: 12,
  fileBytes: 16, // uint64
  numDocuments: 24,
  numColumns: 28,
  numStrings: 32,
  numNumbers: 36,
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

/** Sections begin at multiples of 8 bytes, and the file ends at one; the gaps hold zeros. */
export function aligned(offset: number): number {
  return Math.ceil(offset / 8) * 8
}
