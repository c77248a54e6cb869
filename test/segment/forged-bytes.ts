import { xxh32 } from '../../src/kernel/xxh32.ts'
import {
  ENTRY,
  HEADER,
  HEADER_CHECKSUM,
  SECTIONS,
  type SectionName
} from '../../src/segment/segment-format.ts'

/**
 * Files of one segment that were made to be wrong: something in them is changed, and the checksums
 * are made right again, as by somebody who means it. Every function leaves what it is given alone.
 */

/** Where a field of a section's entry stands in the header. */
export function entryField(section: SectionName, field: keyof typeof ENTRY): number {
  const place = SECTIONS.findIndex(({ name }) => name === section)
  return HEADER.table + place * ENTRY.bytes + ENTRY[field]
}

/** The bytes of a section: a view, by what the section table of the file says. */
export function sectionOf(file: Uint8Array, section: SectionName): DataView {
  const header = viewOf(file)
  const offset = Number(header.getBigUint64(entryField(section, 'offset'), true))
  const length = Number(header.getBigUint64(entryField(section, 'length'), true))
  return new DataView(file.buffer, file.byteOffset + offset, length)
}

/** The file with its header changed and the header's checksum right. */
export function withHeader(file: Uint8Array, change: (header: DataView) => void): Uint8Array {
  const changed = file.slice()
  change(viewOf(changed))
  sealHeader(changed)
  return changed
}

/** The file with a section changed and all checksums right. */
export function withSection(
  file: Uint8Array,
  section: SectionName,
  change: (section: DataView) => void
): Uint8Array {
  const changed = file.slice()
  const bytes = sectionOf(changed, section)
  change(bytes)
  const checksum = xxh32(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  viewOf(changed).setUint32(entryField(section, 'checksum'), checksum, true)
  sealHeader(changed)
  return changed
}

function sealHeader(file: Uint8Array): void {
  const checksum = xxh32(file.subarray(0, HEADER_CHECKSUM))
  viewOf(file).setUint32(HEADER_CHECKSUM, checksum, true)
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength)
}
