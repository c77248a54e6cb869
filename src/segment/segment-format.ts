/**
 * The layout of a segment of format version 1, shared by its writer and its reader.
 * `docs/formats/segment-v1.md` draws it. All numbers are little-endian.
 */

/** `ESPL`, then the bytes that show a transfer which rewrites line ends or stops at Ctrl-Z. */
export const MAGIC: Uint8Array = Uint8Array.of(0x45, 0x53, 0x50, 0x4c, 0x0d, 0x0a, 0x1a, 0x0a)

/** The reader takes this version and no other. */
export const FORMAT_VERSION = 1

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
  | 'maxWeights'
  | 'maxErrors'
  | 'runOffsets'
  | 'runs'
  | 'runMaxima'
  | 'postings'
  | 'documentOffsets'
  | 'documents'
  | 'keyOffsets'
  | 'keys'

/** The sections in the order in which they stand in the table and in the file; ids count from 1. */
export const SECTIONS: readonly { name: SectionName; elements: keyof typeof ELEMENT_TYPES }[] = [
  { name: 'metadata', elements: 'uint8' },
  { name: 'lexicon', elements: 'uint32' },
  { name: 'maxWeights', elements: 'float32' },
  { name: 'maxErrors', elements: 'float32' },
  { name: 'runOffsets', elements: 'uint32' },
  { name: 'runs', elements: 'uint32' },
  { name: 'runMaxima', elements: 'uint8' },
  { name: 'postings', elements: 'uint8' },
  { name: 'documentOffsets', elements: 'uint32' },
  { name: 'documents', elements: 'uint32' },
  { name: 'keyOffsets', elements: 'uint32' },
  { name: 'keys', elements: 'uint8' }
]

/** Codes in the header: the position here. */
export const METRICS = ['dot', 'cosine'] as const
export const PRECISIONS = ['float32', 'float16'] as const

/** Where each field of the header stands, in bytes from the start of the segment. */
export const HEADER = {
  magic: 0,
  version: 8,
  numSections: 12,
  fileBytes: 16, // uint64
  metric: 24,
  precision: 28,
  termIndexBytes: 32, // 2 or 4
  windowDocuments: 36, // a power of two from 512 to 65,536
  numDocuments: 40,
  numTerms: 44,
  numPostings: 48,
  numRuns: 52,
  segmentIndex: 56,
  numSegments: 60,
  isReordered: 64, // 0 or 1
  reserved: 68, // 0
  table: 72
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

/** Sections, and a segment after another, begin at multiples of 64 bytes; the gaps hold zeros. */
export function aligned(offset: number): number {
  return Math.ceil(offset / 64) * 64
}

/** The header's own numbers. */
export interface SegmentHeader {
  readonly metric: (typeof METRICS)[number]
  readonly precision: (typeof PRECISIONS)[number]
  readonly termIndexBytes: 2 | 4
  readonly windowDocuments: number
  readonly numDocuments: number
  readonly numTerms: number
  readonly numPostings: number
  readonly numRuns: number
  readonly segmentIndex: number
  readonly numSegments: number
  readonly isReordered: boolean
}

/** Where a section lies, in bytes from the start of the segment. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** Where all sections of these lengths lie, and where the segment ends. */
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

/** Documents of a window as its runs count them: rounded up to whole groups of 8 blocks. */
export function paddedDocuments(numDocuments: number): number {
  return Math.ceil(numDocuments / 512) * 512
}
