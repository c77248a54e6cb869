import { crc32 } from 'node:zlib'
import {
  checkKey,
  MAX_DENSE_DIMENSIONS,
  MAX_KEY_BYTES,
  MAX_TEXT_BYTES,
  nameProblem
} from '../collection/document-limits.ts'
import type { EncodedDocument, StoredDocument, StoredVectors } from '../collection/store.ts'
import type { VectorScratch } from '../collection/vector-scratch.ts'
import {
  type JsonObject,
  MAX_METADATA_BYTES,
  type Metadata,
  metadataFromJson,
  metadataToJson
} from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

/**
 * The bytes of a document and of its vectors in the store; `docs/formats/store-v1.md` draws them.
 * All numbers are little-endian. Both kinds of record begin alike:
 *
 *     0  u32  CRC-32 of all bytes that follow
 *     4  u8   version of the record's layout, 1
 *     5  u8   flags
 *     6  u16  a length or 0
 *     8  u64  seq: a record that another took the place of shows
 *
 * A reader trusts nothing before the checksum, and no length before it fits into the record: damage
 * is an error that names the document, never a huge allocation or the bytes of a neighbour.
 */
const RECORD_VERSION = 1

const DOCUMENT_HEADER_BYTES = 32
const VECTORS_HEADER_BYTES = 24
const HAS_PASSAGES = 1
const HAS_DENSE = 1
/** Of the word that counts the terms of a passage: its term ids do not fit into 16 bits. */
const WIDE_TERMS = 0x8000_0000

/** A document as the bytes that {@link encodeRecords} made of it. */
export interface DocumentRecords extends EncodedDocument {
  readonly document: Buffer
  readonly vectors: Buffer
}

/**
 * The bytes of a document and its vectors. Checks sizes, and that key and namespace are well formed;
 * a lone surrogate in the text becomes U+FFFD.
 *
 * @throws EsplanadeError `INVALID_KEY`, `INVALID_ARGUMENT`
 */
export function encodeRecords(document: StoredDocument, vectors: StoredVectors): DocumentRecords {
  const { seq, namespace, key } = document
  const documentBytes = encodeDocument(document)
  const vectorsBytes = encodeVectors(seq, key, vectors)
  return {
    seq,
    namespace,
    key,
    numBytes: documentBytes.length + vectorsBytes.length,
    document: documentBytes,
    vectors: vectorsBytes
  }
}

function encodeDocument({ seq, namespace, key, text, metadata, passages }: StoredDocument): Buffer {
  checkKey(namespace, key)
  const json = JSON.stringify(metadataToJson(metadata))
  const namespaceBytes = Buffer.byteLength(namespace)
  const keyBytes = Buffer.byteLength(key)
  const metadataBytes = Buffer.byteLength(json)
  const textBytes = Buffer.byteLength(text)
  checkSize(key, 'metadata', metadataBytes, MAX_METADATA_BYTES, 'bytes as JSON')
  checkSize(key, 'text', textBytes, MAX_TEXT_BYTES, 'bytes of UTF-8')
  const numPassages = passages?.length ?? 0
  const size =
    DOCUMENT_HEADER_BYTES +
    (namespaceBytes + keyBytes + metadataBytes + textBytes) +
    8 * numPassages
  const record = allocate(size)
  record[4] = RECORD_VERSION
  record[5] = passages === undefined ? 0 : HAS_PASSAGES
  record.writeUInt16LE(namespaceBytes, 6)
  writeUint64(record, seq, 8)
  record.writeUInt16LE(keyBytes, 16)
  record.writeUInt16LE(0, 18)
  record.writeUInt32LE(metadataBytes, 20)
  record.writeUInt32LE(textBytes, 24)
  record.writeUInt32LE(numPassages, 28)
  let end = DOCUMENT_HEADER_BYTES
  end += record.write(namespace, end)
  end += record.write(key, end)
  end += record.write(json, end)
  end += record.write(text, end)
  for (const [start, stop] of passages ?? []) {
    end = record.writeUInt32LE(start, end)
    end = record.writeUInt32LE(stop, end)
  }
  record.writeUInt32LE(crc32(record.subarray(4)), 0)
  return record
}

function encodeVectors(seq: number, key: string, { passages, dense }: StoredVectors): Buffer {
  const numPassages = passages.length
  const mostDense = MAX_DENSE_DIMENSIONS * Math.max(1, numPassages)
  checkSize(key, 'dense', dense?.length ?? 0, mostDense, 'dimensions')
  let size = VECTORS_HEADER_BYTES + 4 * numPassages + 4 * (dense?.length ?? 0)
  for (const { terms } of passages) size += passageBytes(terms.length, isWide(terms))
  const record = allocate(size)
  record[4] = RECORD_VERSION
  record[5] = dense === undefined ? 0 : HAS_DENSE
  record.writeUInt16LE(0, 6)
  writeUint64(record, seq, 8)
  record.writeUInt32LE(numPassages, 16)
  record.writeUInt32LE(dense?.length ?? 0, 20)
  // Every part begins at a multiple of 4, and so does the record.
  const { buffer, byteOffset } = record
  const words = new Uint32Array(buffer, byteOffset, size >>> 2)
  const floats = new Float32Array(buffer, byteOffset, size >>> 2)
  let word = (VECTORS_HEADER_BYTES >>> 2) + numPassages
  for (let p = 0; p < numPassages; p++) {
    const { terms, weights } = passages[p]!
    const wide = isWide(terms)
    words[(VECTORS_HEADER_BYTES >>> 2) + p] = (terms.length | (wide ? WIDE_TERMS : 0)) >>> 0
    floats.set(weights, word)
    word += terms.length
    if (wide) {
      words.set(terms, word)
      word += terms.length
    } else {
      const last = word + (terms.length >>> 1)
      if (terms.length & 1) words[last] = 0
      new Uint16Array(buffer, byteOffset + 4 * word, terms.length).set(terms)
      word = last + (terms.length & 1)
    }
  }
  if (dense !== undefined) floats.set(dense, word)
  record.writeUInt32LE(crc32(record.subarray(4)), 0)
  return record
}

/** Term ids ascend, so the last tells how many bits they need. */
function isWide(terms: Uint32Array): boolean {
  return terms.length > 0 && terms[terms.length - 1]! > 0xffff
}

function passageBytes(numTerms: number, wide: boolean): number {
  return 4 * numTerms + (wide ? 4 * numTerms : (2 * numTerms + 3) & ~3)
}

/**
 * The document of a record.
 *
 * @param seq - the number under which it was found
 * @param place - the store, for messages
 * @throws EsplanadeError `COLLECTION_CORRUPT`
 */
export function decodeDocument(bytes: Uint8Array, seq: number, place: string): StoredDocument {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const problem = documentProblem(record, seq)
  if (problem !== undefined) throw damaged(place, seq, keyOfRecord(record), problem)
  let end = DOCUMENT_HEADER_BYTES
  const nextText = (numBytes: number) => {
    end += numBytes
    return record.toString('utf8', end - numBytes, end)
  }
  const namespace = nextText(record.readUInt16LE(6))
  const key = nextText(record.readUInt16LE(16))
  const json = nextText(record.readUInt32LE(20))
  const text = nextText(record.readUInt32LE(24))
  const parsed = JSON.parse(json) as JsonObject
  const metadata = json.includes('"$date"') ? metadataFromJson(parsed) : (parsed as Metadata)
  if (!(record[5]! & HAS_PASSAGES)) return { seq, namespace, key, text, metadata }
  const passages = Array.from(
    { length: record.readUInt32LE(28) },
    (_, i) => [record.readUInt32LE(end + 8 * i), record.readUInt32LE(end + 8 * i + 4)] as const
  )
  return { seq, namespace, key, text, metadata, passages }
}

function documentProblem(record: Buffer, seq: number): string | undefined {
  const problem = headerProblem(record, seq, DOCUMENT_HEADER_BYTES)
  if (problem !== undefined) return problem
  const texts =
    record.readUInt16LE(6) +
    record.readUInt16LE(16) +
    record.readUInt32LE(20) +
    record.readUInt32LE(24)
  const size = DOCUMENT_HEADER_BYTES + texts + 8 * record.readUInt32LE(28)
  return size === record.length ? undefined : `its lengths add up to ${size} bytes`
}

/**
 * The vectors of a record, in arrays of their own.
 *
 * @param key - whose they are, for messages
 * @param scratch - where the sparse vectors go instead; those of the call before are overwritten
 * @throws EsplanadeError `COLLECTION_CORRUPT`
 */
export function decodeVectors(
  bytes: Uint8Array,
  seq: number,
  place: string,
  key: () => string | undefined,
  scratch?: VectorScratch
): StoredVectors {
  // lmdb gives records at the start of a buffer; at an odd place nothing but bytes can be viewed.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes)
  const record = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.length)
  const problem = vectorsProblem(record, seq)
  if (problem !== undefined) throw damaged(place, seq, key(), problem)
  const numPassages = record.readUInt32LE(16)
  const buffer = record.buffer as ArrayBuffer
  let at = record.byteOffset + VECTORS_HEADER_BYTES + 4 * numPassages
  const passages: SparseVector[] = []
  scratch?.clear()
  for (let p = 0; p < numPassages; p++) {
    const count = record.readUInt32LE(VECTORS_HEADER_BYTES + 4 * p)
    const numTerms = count & ~WIDE_TERMS
    const isWide = count >= WIDE_TERMS
    const TermArray = isWide ? Uint32Array : Uint16Array
    const storedWeights = new Float32Array(buffer, at, numTerms)
    const storedTerms = new TermArray(buffer, at + 4 * numTerms, numTerms)
    const target = scratch?.take(numTerms) ?? {
      terms: new Uint32Array(numTerms),
      weights: new Float32Array(numTerms)
    }
    target.terms.set(storedTerms)
    target.weights.set(storedWeights)
    passages.push(target)
    at += passageBytes(numTerms, isWide)
  }
  if (!(record[5]! & HAS_DENSE)) return { passages }
  return { passages, dense: new Float32Array(buffer, at, record.readUInt32LE(20)).slice() }
}

function vectorsProblem(record: Buffer, seq: number): string | undefined {
  const problem = headerProblem(record, seq, VECTORS_HEADER_BYTES)
  if (problem !== undefined) return problem
  const numPassages = record.readUInt32LE(16)
  let size = VECTORS_HEADER_BYTES + 4 * numPassages + 4 * record.readUInt32LE(20)
  if (size > record.length) return `its lengths add up to ${size} bytes`
  for (let p = 0; p < numPassages; p++) {
    const count = record.readUInt32LE(VECTORS_HEADER_BYTES + 4 * p)
    size += passageBytes(count & ~WIDE_TERMS, count >= WIDE_TERMS)
  }
  return size === record.length ? undefined : `its lengths add up to ${size} bytes`
}

/** What is wrong with a record before any length in it is read. */
function headerProblem(record: Buffer, seq: number, headerBytes: number): string | undefined {
  if (record.length < headerBytes) return `it has only ${record.length} bytes`
  if (crc32(record.subarray(4)) !== record.readUInt32LE(0)) return 'its checksum is wrong'
  if (record[4] !== RECORD_VERSION) return `its layout has version ${record[4]}`
  const own = readUint64(record, 8)
  return own === seq ? undefined : `it is the record of document ${own}`
}

/** The key in a record that may be damaged, if it looks like one. */
export function keyOfRecord(bytes: Uint8Array): string | undefined {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (record.length < DOCUMENT_HEADER_BYTES) return undefined
  const start = DOCUMENT_HEADER_BYTES + record.readUInt16LE(6)
  const end = start + record.readUInt16LE(16)
  if (end > record.length) return undefined
  try {
    const key = new TextDecoder('utf-8', { fatal: true }).decode(record.subarray(start, end))
    return nameProblem(key, 1, MAX_KEY_BYTES) === undefined ? key : undefined
  } catch {
    return undefined
  }
}

function damaged(
  place: string,
  seq: number,
  key: string | undefined,
  problem: string
): EsplanadeError {
  const name =
    key === undefined ? 'whose key cannot be read' : `with the key ${JSON.stringify(key)}`
  return new EsplanadeError('COLLECTION_CORRUPT', {
    place,
    problem: `the record of document ${seq}, ${name}, is damaged: ${problem}`,
    remedy: 'Write the document again, or restore the collection from a backup'
  })
}

function checkSize(key: string, what: string, size: number, max: number, unit: string): void {
  if (size <= max) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: `document ${JSON.stringify(key)}`,
    problem: `its ${what} has ${size} ${unit}`,
    expected: `at most ${max}`
  })
}

/** A whole number up to 2^53 as a u64. */
export function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value >>> 0, offset)
  target.writeUInt32LE(Math.floor(value / 2 ** 32), offset + 4)
}

/** A u64 as a number; above 2^53 it is none of ours, and need not be exact. */
export function readUint64(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset) + 2 ** 32 * source.readUInt32LE(offset + 4)
}

/**
 * Records are cut from slabs: one allocation for hundreds of them, and lmdb asks for the address of
 * an `ArrayBuffer` once only.
 */
const SLAB_BYTES = 1 << 18
let slab: Buffer = Buffer.alloc(0)
let slabEnd = 0

/** Bytes at a multiple of 8, not zeroed. */
function allocate(size: number): Buffer {
  if (size > SLAB_BYTES >>> 2) return Buffer.allocUnsafeSlow(size)
  if (slabEnd + size > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    slabEnd = 0
  }
  const start = slabEnd
  slabEnd = (start + size + 7) & ~7
  return slab.subarray(start, start + size)
}
