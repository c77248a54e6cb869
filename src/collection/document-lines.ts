import CRC32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import type { StoredDocument } from './document-store.ts'

/**
 * Documents as JSON lines, with a table of where each line lies and what its checksum is. See
 * `docs/formats/index-directory-v0.md`.
 */

const MAGIC = 0x3043_4f44 // "DOC0", little-endian
const HEADER_BYTES = 12
const ENTRY_BYTES = 16

/** Where a line lies in the file of documents. */
export interface LineEntry {
  readonly offset: number
  readonly length: number
  readonly checksum: number
}

const encoder = new TextEncoder()

/** The line of a document, with its entry in the table if it is written at `offset`. */
export function encodeLine(
  document: StoredDocument,
  offset: number
): { line: Uint8Array; entry: LineEntry } {
  const line = encoder.encode(`${JSON.stringify(document)}\n`)
  return { line, entry: { offset, length: line.length, checksum: CRC32.buf(line) >>> 0 } }
}

/** @throws EsplanadeError `INDEX_CORRUPT` where the line is not the one that was written */
export function decodeLine(line: Uint8Array, entry: LineEntry, place: string): StoredDocument {
  if (line.length !== entry.length || CRC32.buf(line) >>> 0 !== entry.checksum) {
    throw corrupt(place, `the document at byte ${entry.offset} is damaged (checksum)`)
  }
  return JSON.parse(new TextDecoder().decode(line))
}

/** The table as bytes: magic, count, checksum of the entries, entries. */
export function encodeTable(entries: readonly LineEntry[]): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + entries.length * ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  entries.forEach(({ offset, length, checksum }, i) => {
    const at = HEADER_BYTES + i * ENTRY_BYTES
    view.setFloat64(at, offset, true)
    view.setUint32(at + 8, length, true)
    view.setUint32(at + 12, checksum, true)
  })
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, entries.length, true)
  view.setUint32(8, CRC32.buf(bytes.subarray(HEADER_BYTES)) >>> 0, true)
  return bytes
}

/** @throws EsplanadeError `INDEX_CORRUPT` */
export function decodeTable(bytes: Uint8Array, place: string): LineEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw corrupt(place, 'it is not a table of documents')
  }
  const count = view.getUint32(4, true)
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) {
    throw corrupt(place, `it has ${bytes.length} bytes, which is not the size for ${count} entries`)
  }
  if (CRC32.buf(bytes.subarray(HEADER_BYTES)) >>> 0 !== view.getUint32(8, true)) {
    throw corrupt(place, 'its checksum is wrong')
  }
  return Array.from({ length: count }, (_, i) => {
    const at = HEADER_BYTES + i * ENTRY_BYTES
    return {
      offset: view.getFloat64(at, true),
      length: view.getUint32(at + 8, true),
      checksum: view.getUint32(at + 12, true)
    }
  })
}

function corrupt(place: string, problem: string): EsplanadeError {
  return new EsplanadeError('INDEX_CORRUPT', {
    place,
    problem,
    remedy: 'Index the documents again'
  })
}
