import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import type { Segment } from './segment.ts'
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

/**
 * The segment as one self-describing file of format version 0 (`docs/formats/index-v0.md`). The
 * same segment always gives the same bytes.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` when all keys together take 4 GiB or more
 */
export function writeSegment(segment: Segment): Uint8Array<ArrayBuffer> {
  const sections = sectionBytes(segment)
  const offsets: number[] = []
  let end = HEADER_BYTES
  for (const { name } of SECTIONS) {
    const offset = aligned(end)
    offsets.push(offset)
    end = offset + sections[name].length
  }

  const file = new Uint8Array(end)
  const header = new DataView(file.buffer, 0, HEADER_BYTES)
  file.set(MAGIC, HEADER.magic)
  header.setUint32(HEADER.version, FORMAT_VERSION, true)
  header.setUint32(HEADER.numSections, SECTIONS.length, true)
  header.setBigUint64(HEADER.fileBytes, BigInt(end), true)
  header.setUint32(HEADER.metric, METRICS.indexOf(segment.metric), true)
  header.setUint32(HEADER.numDocuments, segment.keys.length, true)
  header.setUint32(HEADER.numTerms, segment.lexicon.length, true)
  header.setUint32(HEADER.numPostings, segment.docIds.length, true)
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const entry = HEADER.table + i * ENTRY.bytes
    const bytes = sections[name]
    file.set(bytes, offsets[i]!)
    header.setUint32(entry + ENTRY.id, i + 1, true)
    header.setUint32(entry + ENTRY.elementType, ELEMENT_TYPES[elements].code, true)
    header.setBigUint64(entry + ENTRY.offset, BigInt(offsets[i]!), true)
    header.setBigUint64(entry + ENTRY.length, BigInt(bytes.length), true)
    header.setUint32(entry + ENTRY.checksum, crc32.buf(bytes), true)
  }
  header.setUint32(HEADER_CHECKSUM, crc32.buf(file.subarray(0, HEADER_CHECKSUM)), true)
  return file
}

function sectionBytes(segment: Segment): Record<SectionName, Uint8Array> {
  const { keyOffsets, keys } = encodeKeys(segment.keys)
  return {
    metadata: new TextEncoder().encode(JSON.stringify(segment.metadata)),
    lexicon: bytesOf(segment.lexicon),
    offsets: bytesOf(segment.offsets),
    docIds: bytesOf(segment.docIds),
    weights: bytesOf(segment.weights),
    keyOffsets: bytesOf(keyOffsets),
    keys
  }
}

function bytesOf(array: Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** All keys as UTF-8 without separators; key i begins at `keyOffsets[i]`. */
function encodeKeys(keys: readonly string[]): { keyOffsets: Uint32Array; keys: Uint8Array } {
  const encoder = new TextEncoder()
  const keyOffsets = new Uint32Array(keys.length + 1)
  let capacity = 0
  for (const key of keys) capacity += 3 * key.length // UTF-8 takes at most 3 bytes a UTF-16 unit
  const bytes = new Uint8Array(capacity)
  let end = 0
  for (const [docId, key] of keys.entries()) {
    end += encoder.encodeInto(key, bytes.subarray(end)).written
    keyOffsets[docId + 1] = end
  }
  if (end > 0xffff_ffff) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: `the keys take ${end} bytes`,
      expected: 'less than 4 GiB of keys in one index',
      remedy: 'Use shorter keys or build several indexes'
    })
  }
  return { keyOffsets, keys: bytes.subarray(0, end) }
}
