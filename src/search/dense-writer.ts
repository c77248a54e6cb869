import { EsplanadeError } from '../errors.ts'
import { DenseMemory } from '../kernel/dense-memory.ts'
import { type KernelChoice, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import { encodeKeys, quoteKey } from '../segment/keys.ts'
import type { SegmentMetadata } from '../segment/segment.ts'
import { type DenseVector, denseNorm, refuseZero } from '../vector/dense-vector.ts'
import {
  codeBytes,
  type DenseHeader,
  ELEMENT_TYPES,
  ENTRY,
  type Extent,
  FORMAT_VERSION,
  fixedLengths,
  HEADER,
  HEADER_CHECKSUM,
  layOut,
  MAGIC,
  METRICS,
  PRECISIONS,
  rowBytes,
  SECTIONS,
  type SectionName
} from './dense-format.ts'
import { quantizeRow } from './dense-quantizer.ts'
import { DenseRows, FILE_BASE, scanScratch } from './dense-rows.ts'

/** What an index is made of. */
export interface AddedVectors {
  readonly keys: readonly string[]
  /** The vectors in the same order; asked for once. */
  readonly vectors: Iterable<DenseVector>
}

/**
 * Makes the rows of an index. With the same vectors and header the bytes are the same.
 *
 * @throws EsplanadeError as {@link DenseRowsWriter} does
 */
export function writeDenseRows(
  { keys, vectors }: AddedVectors,
  header: DenseHeader,
  metadata: SegmentMetadata,
  kernel: KernelChoice
): DenseRows {
  const writer = new DenseRowsWriter(keys, header, metadata, kernel)
  for (const vector of vectors) writer.add(vector)
  return writer.finish()
}

/** Makes the rows of an index whose vectors come one after the other. */
export class DenseRowsWriter {
  readonly #rows: DenseRows
  readonly #keys: readonly string[]
  #numAdded = 0

  /**
   * @param keys - of all vectors that will be added, in their order; as many as the header says
   * @throws EsplanadeError `INVALID_ARGUMENT` where all of it does not fit in 4 GiB
   */
  constructor(
    keys: readonly string[],
    header: DenseHeader,
    metadata: SegmentMetadata,
    kernel: KernelChoice
  ) {
    const encoded = encodeKeys(keys)
    const notes = new TextEncoder().encode(JSON.stringify(metadata))
    const { sections, fileBytes } = layOut({
      ...fixedLengths(header),
      metadata: notes.length,
      keys: encoded.bytes.length
    })
    const memory = allocate(scanScratch(header, fileBytes).end, kernel)
    const { u8 } = memory.views
    u8.set(notes, FILE_BASE + sections.metadata.offset)
    u8.set(new Uint8Array(encoded.offsets.buffer), FILE_BASE + sections.keyOffsets.offset)
    u8.set(encoded.bytes, FILE_BASE + sections.keys.offset)
    this.#rows = new DenseRows({ header, metadata, memory, fileBytes, sections })
    this.#keys = keys
  }

  /** @throws EsplanadeError `INVALID_VECTOR` for a vector of zeros under cosine */
  add(vector: DenseVector): void {
    const id = this.#numAdded++
    writeVector(this.#rows, id, vector, `document ${quoteKey(this.#keys[id]!)}`)
  }

  /** The rows, once all vectors are there. */
  finish(): DenseRows {
    writeHeader(this.#rows, this.#rows.sections)
    return this.#rows
  }
}

function writeVector(rows: DenseRows, id: number, vector: DenseVector, place: string): void {
  const { header, norms, scales, errors, views } = rows
  const { dimensions, metric, precision } = header
  views.f32.set(vector, (rows.rows + id * rowBytes(dimensions)) / 4)
  const norm = denseNorm(vector)
  refuseZero(metric === 'cosine' && norm === 0, place)
  norms[id] = norm
  if (precision === 'float32') return
  const at = rows.codes + id * codeBytes(dimensions)
  const { scale, error } = quantizeRow(vector, norm, views.i8.subarray(at, at + dimensions))
  scales[id] = scale
  errors[id] = error
}

function allocate(bytes: number, choice: KernelChoice): DenseMemory {
  if (bytes <= MAX_MEMORY_BYTES) return new DenseMemory(bytes, choice)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    problem: `the index needs ${bytes} bytes of memory`,
    expected: 'at most 4 GiB',
    remedy: 'Build several indexes, or leave int8 out, which takes a quarter more'
  })
}

/** Header and section table, with the checksums of what was written. */
function writeHeader(
  { header, memory, fileBytes }: DenseRows,
  sections: Readonly<Record<SectionName, Extent>>
): void {
  const view = new DataView(memory.views.u8.buffer, FILE_BASE, HEADER_CHECKSUM + 4)
  memory.views.u8.set(MAGIC, FILE_BASE + HEADER.magic)
  const field = (name: keyof typeof HEADER, value: number): void =>
    view.setUint32(HEADER[name], value, true)
  field('version', FORMAT_VERSION)
  field('numSections', SECTIONS.length)
  view.setBigUint64(HEADER.fileBytes, BigInt(fileBytes), true)
  field('metric', METRICS.indexOf(header.metric))
  field('precision', PRECISIONS.indexOf(header.precision))
  field('numVectors', header.numVectors)
  field('dimensions', header.dimensions)
  for (const [i, { name, elements }] of SECTIONS.entries()) {
    const entry = HEADER.table + i * ENTRY.bytes
    const { offset, length } = sections[name]
    view.setUint32(entry + ENTRY.id, i + 1, true)
    view.setUint32(entry + ENTRY.elementType, ELEMENT_TYPES[elements].code, true)
    view.setBigUint64(entry + ENTRY.offset, BigInt(offset), true)
    view.setBigUint64(entry + ENTRY.length, BigInt(length), true)
    const checksum = memory.kernel.xxh32(FILE_BASE + offset, length)
    view.setUint32(entry + ENTRY.checksum, checksum, true)
  }
  const checksum = memory.kernel.xxh32(FILE_BASE, HEADER_CHECKSUM)
  view.setUint32(HEADER_CHECKSUM, checksum, true)
}
