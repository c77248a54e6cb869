import type { DenseMemory, DenseViews } from '../kernel/dense-memory.ts'
import type { SegmentMetadata } from '../segment/segment.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import {
  codeBytes,
  type DenseHeader,
  type Extent,
  rowBytes,
  type SectionName
} from './dense-format.ts'

/** Where the file lies in its memory: address 0 stands for "none". */
export const FILE_BASE = 64

/** Where a scan's own numbers lie, in bytes from the start of the memory. */
export interface ScanScratch {
  /** The query as float64, and as int16. */
  readonly query: number
  readonly integerQuery: number
  /** All rows, in order, and the rows of one scan; u32. */
  readonly allIds: number
  readonly ids: number
  /** Answers: f64, or i32 in the same place. */
  readonly out: number
  readonly end: number
}

/** Lays out the scratch behind a file of so many bytes. */
export function scanScratch(
  { numVectors, dimensions }: DenseHeader,
  fileBytes: number
): ScanScratch {
  const query = FILE_BASE + fileBytes
  const integerQuery = query + 2 * rowBytes(dimensions)
  const allIds = integerQuery + 2 * codeBytes(dimensions)
  const listBytes = Math.ceil(numVectors / 16) * 64
  const ids = allIds + listBytes
  const out = ids + listBytes
  return { query, integerQuery, allIds, ids, out, end: out + 2 * listBytes }
}

/** The vectors of an index, laid out in memory as in their file. */
export class DenseRows {
  readonly header: DenseHeader
  readonly metadata: SegmentMetadata
  readonly memory: DenseMemory
  readonly fileBytes: number
  /** Where the sections lie in the file. */
  readonly sections: Readonly<Record<SectionName, Extent>>
  readonly scratch: ScanScratch
  readonly keyOffsets: Uint32Array
  readonly keys: Uint8Array
  /** Lengths of the vectors. */
  readonly norms: Float64Array
  /** Of `int8` alone, else empty: see `dense-quantizer.ts`. */
  readonly scales: Float64Array
  readonly errors: Float64Array
  /** Addresses of the first row and of its codes. */
  readonly rows: number
  readonly codes: number

  constructor(parts: {
    readonly header: DenseHeader
    readonly metadata: SegmentMetadata
    readonly memory: DenseMemory
    readonly fileBytes: number
    readonly sections: Readonly<Record<SectionName, Extent>>
  }) {
    const { header, metadata, memory, fileBytes, sections } = parts
    const { buffer } = memory.views.u8
    const floats = ({ offset, length }: Extent) =>
      new Float64Array(buffer, FILE_BASE + offset, length / 8)
    this.header = header
    this.metadata = metadata
    this.memory = memory
    this.fileBytes = fileBytes
    this.sections = sections
    this.scratch = scanScratch(header, fileBytes)
    const { keyOffsets, keys } = sections
    this.keyOffsets = new Uint32Array(buffer, FILE_BASE + keyOffsets.offset, keyOffsets.length / 4)
    this.keys = new Uint8Array(buffer, FILE_BASE + keys.offset, keys.length)
    this.norms = floats(sections.norms)
    this.scales = floats(sections.scales)
    this.errors = floats(sections.errors)
    this.rows = FILE_BASE + sections.rows.offset
    this.codes = FILE_BASE + sections.codes.offset
    const { allIds } = this.scratch
    for (let id = 0; id < header.numVectors; id++) memory.views.u32[(allIds >>> 2) + id] = id
  }

  get views(): DenseViews {
    return this.memory.views
  }

  /** A view of one vector, not to be changed. */
  vector(id: number): DenseVector {
    const { dimensions } = this.header
    return new Float32Array(this.views.u8.buffer, this.rows + id * rowBytes(dimensions), dimensions)
  }

  /** A view of the file. */
  bytes(): Uint8Array {
    return this.views.u8.subarray(FILE_BASE, FILE_BASE + this.fileBytes)
  }
}
