import type { KernelMemory } from '../kernel/kernel-memory.ts'
import { decodeKey, decodeKeys } from './keys.ts'
import type { Extent, SectionName, SegmentHeader } from './segment-format.ts'
import { paddedDocuments } from './segment-format.ts'

/** The owner's notes in an index: whatever JSON can hold, for instance the model's name. */
export type SegmentMetadata = Readonly<Record<string, unknown>>

/**
 * An immutable part of an index, in the memory of a kernel: the bytes of a segment file, searched as
 * they are. `docs/formats/segment-v1.md` draws them.
 *
 * A document has an insertion id, counted from 0 in the order in which documents were added, and a
 * document id, its place in the order of the postings. They differ where documents were reordered.
 */
export class Segment {
  readonly header: SegmentHeader
  /** The owner's notes; `{}` when there are none. */
  readonly metadata: SegmentMetadata
  readonly memory: KernelMemory
  /** Where the segment's bytes begin in the memory; a multiple of 64. */
  readonly base: number
  readonly fileBytes: number
  readonly sections: Readonly<Record<SectionName, Extent>>
  /** Term ids that occur in at least one document, strictly ascending. */
  readonly lexicon: Uint32Array
  /** `maxWeights[t]`: the largest weight of a term (for cosine: over its document's length). */
  readonly maxWeights: Float32Array
  /** `maxErrors[t]`: how far an impact times `maxWeights[t] / 255` lies from a weight, at most. */
  readonly maxErrors: Float32Array
  /** The runs of term t are `runOffsets[t]` to `runOffsets[t + 1] − 1`. */
  readonly runOffsets: Uint32Array
  /** The record of document d begins `4 · documentOffsets[d]` bytes into the documents. */
  readonly documentOffsets: Uint32Array
  /** Key i is bytes `keyOffsets[i]` to `keyOffsets[i + 1] − 1` of the keys, in UTF-8. */
  readonly keyOffsets: Uint32Array
  readonly #keys: Uint8Array
  #docIdOf: Uint32Array | undefined

  constructor(parts: {
    header: SegmentHeader
    metadata: SegmentMetadata
    memory: KernelMemory
    base: number
    fileBytes: number
    sections: Readonly<Record<SectionName, Extent>>
  }) {
    this.header = parts.header
    this.metadata = parts.metadata
    this.memory = parts.memory
    this.base = parts.base
    this.fileBytes = parts.fileBytes
    this.sections = parts.sections
    this.lexicon = this.#uint32s('lexicon')
    this.maxWeights = this.#float32s('maxWeights')
    this.maxErrors = this.#float32s('maxErrors')
    this.runOffsets = this.#uint32s('runOffsets')
    this.documentOffsets = this.#uint32s('documentOffsets')
    this.keyOffsets = this.#uint32s('keyOffsets')
    this.#keys = this.section('keys')
  }

  get numWindows(): number {
    return Math.ceil(this.header.numDocuments / this.header.windowDocuments)
  }

  /** Documents of the last window, padded. */
  get lastWindowDocuments(): number {
    const { numDocuments, windowDocuments } = this.header
    return paddedDocuments(numDocuments - (this.numWindows - 1) * windowDocuments)
  }

  /** Where a section begins in the memory. */
  addressOf(section: SectionName): number {
    return this.base + this.sections[section].offset
  }

  /** The bytes of a section. */
  section(name: SectionName): Uint8Array {
    const { offset, length } = this.sections[name]
    const start = this.base + offset
    return this.memory.views.u8.subarray(start, start + length)
  }

  /** The whole segment, as it stands in a file: a view, not a copy. */
  bytes(): Uint8Array {
    return this.memory.views.u8.subarray(this.base, this.base + this.fileBytes)
  }

  /** Postings of a term: of all documents that contain it. */
  numPostingsOf(termIndex: number): number {
    const { u16 } = this.memory.views
    const runs = this.addressOf('runs') >>> 1
    let sum = 0
    for (let run = this.runOffsets[termIndex]!; run < this.runOffsets[termIndex + 1]!; run++) {
      sum += u16[runs + 4 * run + 1]! + 1
    }
    return sum
  }

  /** The user's key of a document. */
  key(insertionId: number): string {
    return decodeKey(this.keyOffsets, this.#keys, insertionId)
  }

  /** The keys of several documents. */
  keysOf(insertionIds: readonly number[]): string[] {
    return decodeKeys(this.keyOffsets, this.#keys, insertionIds)
  }

  /** The document id by insertion id. */
  docId(insertionId: number): number {
    if (!this.header.isReordered) return insertionId
    this.#docIdOf ??= this.#invert()
    return this.#docIdOf[insertionId]!
  }

  /** The insertion id by document id. */
  insertionId(docId: number): number {
    const record = this.addressOf('documents') + 4 * this.documentOffsets[docId]!
    return this.memory.views.u32[record >>> 2]!
  }

  #invert(): Uint32Array {
    const { numDocuments } = this.header
    const docIdOf = new Uint32Array(numDocuments)
    for (let docId = 0; docId < numDocuments; docId++) docIdOf[this.insertionId(docId)] = docId
    return docIdOf
  }

  #uint32s(name: SectionName): Uint32Array {
    const { offset, length } = this.sections[name]
    return new Uint32Array(this.memory.views.u8.buffer, this.base + offset, length / 4)
  }

  #float32s(name: SectionName): Float32Array {
    const { offset, length } = this.sections[name]
    return new Float32Array(this.memory.views.u8.buffer, this.base + offset, length / 4)
  }
}

/**
 * The most documents of one index: a JavaScript `Map`, which finds a document by its key, holds no
 * more entries.
 */
export const MAX_DOCUMENTS: number = 2 ** 24

/** The most postings of one index: positions are unsigned 32-bit integers. */
export const MAX_POSTINGS: number = 2 ** 32 - 1
