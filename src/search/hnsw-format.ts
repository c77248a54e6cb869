import { EsplanadeError } from '../errors.ts'
import { xxh32 } from '../kernel/xxh32.ts'
import { refuseAt } from '../segment/segment-reader.ts'
import { ENTRY as DENSE_ENTRY, HEADER as DENSE_HEADER, METRICS, SECTIONS } from './dense-format.ts'
import type { DenseRows } from './dense-rows.ts'

/**
 * The file of a graph, format version 1: a header that says to which vectors it belongs, and the links of
 * the points. `docs/formats/hnsw-v1.md` draws it. All numbers are little-endian.
 */

/** `ESPH`, then the bytes that show a transfer which rewrites line ends or stops at Ctrl-Z. */
const MAGIC = Uint8Array.of(0x45, 0x53, 0x50, 0x48, 0x0d, 0x0a, 0x1a, 0x0a)
const FORMAT_VERSION = 1

/** Where each field of the header stands, in bytes from the start of the file. */
const HEADER = {
  magic: 0,
  version: 8,
  connectivity: 12,
  fileBytes: 16, // uint64
  expansionAdd: 24,
  expansionSearch: 28,
  metric: 32,
  numVectors: 36,
  dimensions: 40,
  vectors: 44, // XXH32 of the rows of the dense index
  overlap: 48, // float64
  sampleSize: 56,
  k: 60,
  links: 64, // XXH32
  checksum: 68, // XXH32 of what stands before it
  bytes: 72
} as const

/** What may be set, from the least to the most. */
export const LIMITS = {
  connectivity: [4, 128],
  expansionAdd: [1, 4096],
  expansionSearch: [1, 4096]
} as const

/** How a graph was made, and how it is searched. */
export interface HnswSettings {
  readonly connectivity: number
  readonly expansionAdd: number
  readonly expansionSearch: number
}

export const HNSW_DEFAULTS: HnswSettings = {
  connectivity: 16,
  expansionAdd: 128,
  expansionSearch: 64
}

/** How much of the exact hits a graph finds. */
export interface HnswOverlap {
  /** Hits compared. */
  readonly k: number
  /** The mean share of the k best of the exact search that was found; 1 where there was no sample. */
  readonly overlap: number
  /** Queries of the sample. */
  readonly sampleSize: number
}

/** What a file of a graph says. */
export interface HnswFile {
  readonly settings: HnswSettings
  readonly measured: HnswOverlap
  readonly links: Uint8Array
}

/** Where the checksum at the end of the header stands, which covers that of the links. */
export const HNSW_CHECKSUM: number = HEADER.checksum

/** The bytes of a graph that belongs to these vectors. */
export function writeHnswFile(
  { settings, measured, links }: HnswFile,
  rows: DenseRows
): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(HEADER.bytes + links.length)
  file.set(MAGIC)
  file.set(links, HEADER.bytes)
  const view = new DataView(file.buffer)
  const fields = { ...settings, ...fieldsOf(rows), version: FORMAT_VERSION }
  for (const [name, value] of Object.entries(fields)) {
    view.setUint32(HEADER[name as keyof typeof fields], value, true)
  }
  view.setBigUint64(HEADER.fileBytes, BigInt(file.length), true)
  view.setFloat64(HEADER.overlap, measured.overlap, true)
  view.setUint32(HEADER.sampleSize, measured.sampleSize, true)
  view.setUint32(HEADER.k, measured.k, true)
  view.setUint32(HEADER.links, xxh32(links), true)
  view.setUint32(HEADER.checksum, xxh32(file.subarray(0, HEADER.checksum)), true)
  return file
}

/** What tells the vectors of a graph from others. */
function fieldsOf(rows: DenseRows) {
  const { metric, numVectors, dimensions } = rows.header
  const entry = SECTIONS.findIndex(({ name }) => name === 'rows') * DENSE_ENTRY.bytes
  const bytes = rows.bytes()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const vectors = view.getUint32(DENSE_HEADER.table + entry + DENSE_ENTRY.checksum, true)
  return { metric: METRICS.indexOf(metric), numVectors, dimensions, vectors }
}

/**
 * Takes the bytes of a graph apart; its links are a view of them. Both checksums are verified.
 *
 * @param place - what to call the bytes in an error message
 * @throws EsplanadeError `INDEX_VERSION` for another format version; `INDEX_CORRUPT` for all else: bytes
 *   that are cut short or changed, and a graph of other vectors
 */
export function readHnswFile(bytes: Uint8Array, rows: DenseRows, place?: string): HnswFile {
  const refuse = refuseAt(place)
  const isCut = bytes.length < HEADER.bytes
  if (isCut || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    refuse(
      `magic: these ${bytes.length} bytes do not begin as a graph of Esplanade does`,
      'a file that Esplanade wrote'
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const version = view.getUint32(HEADER.version, true)
  if (version !== FORMAT_VERSION) refuseVersion(version, place)
  const field = (name: keyof typeof HEADER): number => view.getUint32(HEADER[name], true)
  if (xxh32(bytes.subarray(0, HEADER.checksum)) !== field('checksum')) {
    refuse('header checksum: the header was changed after it was written')
  }
  const fileBytes = view.getBigUint64(HEADER.fileBytes, true)
  if (fileBytes !== BigInt(bytes.length)) {
    refuse(`fileBytes: ${bytes.length} bytes are there`, `${fileBytes} as the header says`)
  }
  for (const [name, own] of Object.entries(fieldsOf(rows))) {
    const given = field(name as keyof typeof HEADER)
    if (given !== own) refuse(`${name}: ${given}; the graph is one of other vectors`, `${own}`)
  }
  const [connectivity, expansionAdd, expansionSearch] = (
    ['connectivity', 'expansionAdd', 'expansionSearch'] as const
  ).map(name => {
    const [least, most] = LIMITS[name]
    const value = field(name)
    return value >= least && value <= most
      ? value
      : refuse(`${name}: ${value}`, `${least} to ${most}`)
  }) as [number, number, number]
  const overlap = view.getFloat64(HEADER.overlap, true)
  if (!(overlap >= 0 && overlap <= 1)) refuse(`overlap: ${overlap}`, '0 to 1')
  const links = bytes.subarray(HEADER.bytes)
  if (xxh32(links) !== field('links')) {
    refuse('links checksum: the links were changed after they were written')
  }
  return {
    settings: { connectivity, expansionAdd, expansionSearch },
    measured: { k: field('k'), overlap, sampleSize: field('sampleSize') },
    links
  }
}

function refuseVersion(version: number, place: string | undefined): never {
  throw new EsplanadeError('INDEX_VERSION', {
    place,
    problem: `format version ${version}`,
    expected: `format version ${FORMAT_VERSION}, the only one that this release reads`,
    remedy: 'Use the release that wrote it, or build the graph again'
  })
}
