/**
 * The layout of an index file of format version 0, shared by its writer and its reader.
 * `docs/formats/index-v0.md` draws it. All numbers are little-endian.
 */

/** `ESPL`, then the bytes that show a transfer which rewrites line ends or stops at Ctrl-Z. */
export const MAGIC: Uint8Array = Uint8Array.of(0x45, 0x53, 0x50, 0x4c, 0x0d, 0x0a, 0x1a, 0x0a)

/**
 * Version 0 is provisional: a later release may ask to index again. The reader takes this version
 * and no other.
 */
export const FORMAT_VERSION = 0

/** Type of a section's elements and the code that stands for it in the section table. */
export const ELEMENT_TYPES = {
  uint8: { code: 1, bytes: 1 },
  uint32: { code: 2, bytes: 4 },
  float32: { code: 3, bytes: 4 }
} as const

/** Name of a section. */
export type SectionName =
  | 'metadata'
  | 'lexicon'
  | 'offsets'
  | 'docIds'
  | 'weights'
  | 'keyOffsets'
  | 'keys'

/** The sections in the order in which they stand in the table and in the file; ids count from 1. */
export const SECTIONS: readonly { name: SectionName; elements: keyof typeof ELEMENT_TYPES }[] = [
  { name: 'metadata', elements: 'uint8' },
  { name: 'lexicon', elements: 'uint32' },
  { name: 'offsets', elements: 'uint32' },
  { name: 'docIds', elements: 'uint32' },
  { name: 'weights', elements: 'float32' },
  { name: 'keyOffsets', elements: 'uint32' },
  { name: 'keys', elements: 'uint8' }
]

/** Codes of the metric in the header: the position here. */
export const METRICS = ['dot', 'cosine'] as const

/** Where each field of the header stands, in bytes from the start of the file. */
export const HEADER = {
  magic: 0,
  version: 8,
  numSections: 12,
  fileBytes: 16, // uint64
  metric: 24,
  numDocuments: 28,
  numTerms: 32,
  numPostings: 36,
  table: 40
} as const

/** Where each field of a section table entry stands, in bytes from the start of the entry. */
export const ENTRY = {
  id: 0,
  elementType: 4,
  offset: 8, // uint64
  length: 16, // uint64, in bytes
  checksum: 24,
  reserved: 28, // 0
  bytes: 32
} as const

/** Where the checksum of all bytes before it stands. */
export const HEADER_CHECKSUM: number = HEADER.table + SECTIONS.length * ENTRY.bytes

/** Bytes of header, table and their checksum: the first section begins at the next multiple of 8. */
export const HEADER_BYTES: number = HEADER_CHECKSUM + 4

/** Sections begin at multiples of 8 bytes; the gaps hold zeros. */
export function aligned(offset: number): number {
  return Math.ceil(offset / 8) * 8
}
