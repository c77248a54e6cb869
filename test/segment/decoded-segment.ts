/**
 * A second reader of format version 1, written from `docs/formats/segment-v1.md` alone: it shares no
 * code with the library, takes every number from its place in bytes, and checks nothing.
 */

/** The postings of a term in one window. */
export interface DecodedRun {
  readonly window: number
  readonly shape: 'sparse' | 'sparse with table' | 'dense'
  /** The largest impact of each block of 64 documents, where there is a table. */
  readonly table: readonly number[]
  readonly largest: number
  /** Document ids and impacts, ascending. */
  readonly postings: readonly (readonly [docId: number, impact: number])[]
}

/** What stands in a segment. */
export interface DecodedSegment {
  readonly header: Readonly<Record<(typeof FIELDS)[number], number>>
  readonly metadata: string
  readonly lexicon: readonly number[]
  readonly maxWeights: readonly number[]
  readonly maxErrors: readonly number[]
  /** `runs[t]` are those of term `lexicon[t]`. */
  readonly runs: readonly (readonly DecodedRun[])[]
  /** By document id. */
  readonly records: readonly DecodedRecord[]
  /** By insertion id. */
  readonly keys: readonly string[]
  /** Where the segment ends in the file. */
  readonly end: number
}

export interface DecodedRecord {
  readonly insertionId: number
  readonly termIndexes: readonly number[]
  readonly weights: readonly number[]
}

const FIELDS = [
  'metric',
  'precision',
  'termIndexBytes',
  'windowDocuments',
  'numDocuments',
  'numTerms',
  'numPostings',
  'numRuns',
  'segmentIndex',
  'numSegments',
  'isReordered'
] as const

/** Decodes the segment that begins at `start` of the file. */
export function decodeSegment(file: Uint8Array, start = 0): DecodedSegment {
  const head = new DataView(file.buffer, file.byteOffset + start)
  const header = Object.fromEntries(
    FIELDS.map((name, i) => [name, head.getUint32(24 + 4 * i, true)])
  ) as DecodedSegment['header']
  const sections = Array.from({ length: 12 }, (_, i) => {
    const offset = Number(head.getBigUint64(72 + 32 * i + 8, true))
    const length = Number(head.getBigUint64(72 + 32 * i + 16, true))
    return new DataView(head.buffer, head.byteOffset + offset, length)
  })
  const [metadata, lexicon, maxWeights, maxErrors, ...tables] = sections
  const [runOffsets, runs, runMaxima, postings, ...perDocument] = tables
  const [documentOffsets, documents, keyOffsets, keys] = perDocument
  const runTable = uint32s(runOffsets!)
  const numTerms = header.numTerms
  return {
    header,
    metadata: textOf(metadata!),
    lexicon: uint32s(lexicon!),
    maxWeights: float32s(maxWeights!),
    maxErrors: float32s(maxErrors!),
    runs: Array.from({ length: numTerms }, (_, t) =>
      Array.from({ length: runTable[t + 1]! - runTable[t]! }, (_, i) => {
        const run = runTable[t]! + i
        return decodeRun(header, runs!, 8 * run, runMaxima!.getUint8(run), postings!)
      })
    ),
    records: pairs(uint32s(documentOffsets!)).map(([from, to]) =>
      decodeRecord(header, documents!, 4 * from, 4 * to)
    ),
    keys: pairs(uint32s(keyOffsets!)).map(([from, to]) =>
      textOf(new DataView(keys!.buffer, keys!.byteOffset + from, to - from))
    ),
    end: start + Number(head.getBigUint64(16, true))
  }
}

/** The run whose entry stands at `at` of the runs. */
function decodeRun(
  { windowDocuments, numDocuments }: DecodedSegment['header'],
  runs: DataView,
  at: number,
  largest: number,
  postings: DataView
): DecodedRun {
  const window = runs.getUint16(at, true)
  const numPostings = runs.getUint16(at + 2, true) + 1
  const firstDocId = window * windowDocuments
  // The last window is as large as it must be, in steps of 512.
  const documents = Math.min(windowDocuments, 512 * Math.ceil((numDocuments - firstDocId) / 512))
  const hasTable = numPostings >= documents >> 5
  const isDense = numPostings >= (documents * 13) >> 6
  let place = runs.getUint32(at + 4, true)
  const table = Array.from({ length: hasTable ? documents / 64 : 0 }, () =>
    postings.getUint8(place++)
  )
  const decoded: [number, number][] = []
  if (isDense) {
    for (let i = 0; i < documents; i++) {
      const impact = postings.getUint8(place + i)
      if (impact > 0) decoded.push([firstDocId + i, impact])
    }
  } else {
    for (let i = 0; i < numPostings; i++) {
      const localId = postings.getUint16(place + 2 * i, true)
      decoded.push([firstDocId + localId, postings.getUint8(place + 2 * numPostings + i)])
    }
  }
  const shape = isDense ? 'dense' : hasTable ? 'sparse with table' : 'sparse'
  return { window, shape, table, largest, postings: decoded }
}

function decodeRecord(
  { termIndexBytes, precision }: DecodedSegment['header'],
  documents: DataView,
  from: number,
  to: number
): DecodedRecord {
  const weightBytes = precision === 1 ? 2 : 4
  const n = Math.floor((to - from - 4) / (termIndexBytes + weightBytes))
  const terms = from + 4
  const weights = Math.ceil((terms + n * termIndexBytes) / weightBytes) * weightBytes
  const places = Array.from({ length: n }, (_, i) => i)
  return {
    insertionId: documents.getUint32(from, true),
    termIndexes: places.map(i =>
      termIndexBytes === 2
        ? documents.getUint16(terms + 2 * i, true)
        : documents.getUint32(terms + 4 * i, true)
    ),
    weights: places.map(i =>
      precision === 1
        ? halfOf(documents.getUint16(weights + 2 * i, true))
        : documents.getFloat32(weights + 4 * i, true)
    )
  }
}

/** A binary16 above zero, by its definition. */
function halfOf(bits: number): number {
  const exponent = bits >> 10
  const fraction = (bits & 0x3ff) / 1024
  return exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15)
}

function uint32s(view: DataView): number[] {
  return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true))
}

function float32s(view: DataView): number[] {
  return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

function pairs(values: readonly number[]): [number, number][] {
  return values.slice(1).map((value, i) => [values[i]!, value])
}

function textOf(view: DataView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
