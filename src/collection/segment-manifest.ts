import {
  type CheckedFormat,
  formatCheckedJson,
  parseCheckedJson,
  type RefuseFile,
  refuseFile
} from './checked-json.ts'

/** The format that this version writes; `docs/formats/collection-v1.md` describes it. */
const SEGMENT_MANIFEST_VERSION = 1

/** One segment of a generation, and how its files are told from any others. */
export interface SegmentRecord {
  /** Six digits or more; `.esp`, `.columns`, `.dense` and `.hnsw` follow in the names of its files. */
  readonly file: string
  /** The number of its first document. */
  readonly firstSeq: number
  /** The number of its last document. */
  readonly lastSeq: number
  readonly numDocuments: number
  /** Passages of its documents. */
  readonly numEntries: number
  readonly numPostings: number
  /** Bytes of the `.esp` file. */
  readonly fileBytes: number
  /** The checksum at the end of its header, which covers the checksums of all sections. */
  readonly fileChecksum: number
  /** Bytes of the `.columns` file. */
  readonly columnsBytes: number
  /** The checksum at the end of its header, likewise. */
  readonly columnsChecksum: number
  /**
   * Of the `.dense` file, which is there if it has a vector; absent where dense vectors are not searched.
   */
  readonly dense?: DenseFileRecord
}

/** How the dense vectors of a segment are told from any others. */
export interface DenseFileRecord {
  /** Entries that have a vector. Where it is 0 there is no file, and the rest is 0. */
  readonly numVectors: number
  readonly bytes: number
  /** The checksum at the end of the file's header, which covers those of all sections. */
  readonly checksum: number
  /** Of the `.hnsw` file, the graph of the vectors; absent where they have none. */
  readonly graph?: GraphFileRecord
}

/** How the graph of a segment's dense vectors is told from any other. */
export interface GraphFileRecord {
  readonly bytes: number
  /** The checksum at the end of the file's header, which covers that of the links. */
  readonly checksum: number
}

/** Which segments a generation consists of: `manifest.json`, replaced in one step. */
export interface SegmentManifest {
  readonly format: 'esplanade-segments'
  readonly version: number
  /** Counted from 1, one more in every manifest that replaces another. */
  readonly generation: number
  /** Documents of a greater number are in no segment. */
  readonly flushedSeq: number
  /** The number of the next segment's files: greater than all that were used. */
  readonly nextFile: number
  /** By ascending, disjoint ranges of numbers. */
  readonly segments: readonly SegmentRecord[]
}

/** The manifest of a generation that nothing was written to. */
export function emptySegmentManifest(): SegmentManifest {
  return {
    format: 'esplanade-segments',
    version: SEGMENT_MANIFEST_VERSION,
    generation: 1,
    flushedSeq: 0,
    nextFile: 1,
    segments: []
  }
}

/** The name of segment files by their number, without an extension. */
export function segmentFileName(number: number): string {
  return String(number).padStart(6, '0')
}

const FILE_NAME = /^(\d{6}|[1-9]\d{6,14})$/

/** The number in the name of segment files; undefined for a name that is none. */
export function segmentFileNumber(name: unknown): number | undefined {
  return typeof name === 'string' && FILE_NAME.test(name) ? Number(name) : undefined
}

const REMEDY = 'Rebuild the segments from the documents: esplanade repair DIR'

const FORMAT: CheckedFormat = {
  format: 'esplanade-segments',
  version: SEGMENT_MANIFEST_VERSION,
  what: 'the manifest of a generation',
  remedy: REMEDY
}

/** The text of `manifest.json`. */
export function formatSegmentManifest(manifest: SegmentManifest): string {
  return formatCheckedJson(manifest)
}

/**
 * Reads and checks the text of `manifest.json`.
 *
 * @param place - the file's path
 * @param remedy - what to do where it is damaged
 * @throws EsplanadeError `COLLECTION_CORRUPT`; `COLLECTION_VERSION` where a newer version wrote it
 */
export function parseSegmentManifest(
  json: string,
  place: string,
  remedy: string = REMEDY
): SegmentManifest {
  const refuse: RefuseFile = refuseFile(place, remedy)
  const fields = parseCheckedJson(json, place, { ...FORMAT, remedy })
  const { segments } = fields
  if (!Array.isArray(segments)) refuse('segments is no list')
  const manifest: SegmentManifest = {
    format: 'esplanade-segments',
    version: fields.version as number,
    generation: count(fields, 'generation', 1, refuse),
    flushedSeq: count(fields, 'flushedSeq', 0, refuse),
    nextFile: count(fields, 'nextFile', 1, refuse),
    segments: segments.map(record => parseRecord(record, refuse))
  }
  checkSegments(manifest, refuse)
  return manifest
}

function parseRecord(value: unknown, refuse: RefuseFile): SegmentRecord {
  const record = (value ?? {}) as Record<string, unknown>
  const { file } = record
  if (segmentFileNumber(file) === undefined) {
    refuse(`the file of a segment is ${JSON.stringify(file)}`, 'six digits or more')
  }
  return {
    file: file as string,
    firstSeq: count(record, 'firstSeq', 1, refuse),
    lastSeq: count(record, 'lastSeq', 1, refuse),
    numDocuments: count(record, 'numDocuments', 1, refuse),
    numEntries: count(record, 'numEntries', 1, refuse),
    numPostings: count(record, 'numPostings', 0, refuse),
    fileBytes: count(record, 'fileBytes', 1, refuse),
    fileChecksum: count(record, 'fileChecksum', 0, refuse),
    columnsBytes: count(record, 'columnsBytes', 1, refuse),
    columnsChecksum: count(record, 'columnsChecksum', 0, refuse),
    ...(record.dense !== undefined && { dense: parseDenseRecord(record.dense, refuse) })
  }
}

function parseDenseRecord(value: unknown, refuse: RefuseFile): DenseFileRecord {
  const record = (value ?? {}) as Record<string, unknown>
  const numVectors = count(record, 'numVectors', 0, refuse)
  const least = numVectors === 0 ? 0 : 1
  return {
    numVectors,
    bytes: count(record, 'bytes', least, refuse),
    checksum: count(record, 'checksum', 0, refuse),
    ...(record.graph !== undefined && { graph: parseGraphRecord(record.graph, refuse) })
  }
}

function parseGraphRecord(value: unknown, refuse: RefuseFile): GraphFileRecord {
  const record = (value ?? {}) as Record<string, unknown>
  return {
    bytes: count(record, 'bytes', 1, refuse),
    checksum: count(record, 'checksum', 0, refuse)
  }
}

function count(
  fields: Record<string, unknown>,
  name: string,
  least: number,
  refuse: RefuseFile
): number {
  const value = fields[name]
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  return refuse(`${name} is ${JSON.stringify(value)}`, `a whole number from ${least}`)
}

/** What must hold between the numbers of a manifest. */
function checkSegments(
  { segments, flushedSeq, nextFile }: SegmentManifest,
  refuse: RefuseFile
): void {
  const files = new Set<number>()
  let last = 0
  for (const { file, firstSeq, lastSeq, numDocuments, numEntries, dense } of segments) {
    const number = segmentFileNumber(file)!
    if (files.has(number)) refuse(`two segments have the file ${file}`)
    if (number >= nextFile) refuse(`nextFile is ${nextFile}`, `more than ${number}`)
    if (firstSeq <= last || lastSeq < firstSeq) {
      refuse(`segment ${file} is of the documents ${firstSeq} to ${lastSeq}, after ${last}`)
    }
    if (numDocuments > lastSeq - firstSeq + 1 || numEntries < numDocuments) {
      refuse(`segment ${file} has ${numDocuments} documents and ${numEntries} entries`)
    }
    if (dense !== undefined && dense.numVectors > numEntries) {
      refuse(`segment ${file} has ${dense.numVectors} dense vectors`, `at most ${numEntries}`)
    }
    files.add(number)
    last = lastSeq
  }
  if (flushedSeq < last) refuse(`flushedSeq is ${flushedSeq}`, `at least ${last}`)
}
