import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DenseEntries, denseEntries } from '../collection/build-dense.ts'
import type { BuiltSegment } from '../collection/build-segment.ts'
import type { DenseSettings } from '../collection/dense-settings.ts'
import { EntrySeqs } from '../collection/entry-key.ts'
import type { SegmentParts } from '../collection/open-segment.ts'
import {
  type DenseFileRecord,
  formatSegmentManifest,
  parseSegmentManifest,
  type SegmentManifest,
  type SegmentRecord,
  segmentFileNumber
} from '../collection/segment-manifest.ts'
import {
  type CollectionFile,
  type CollectionSettings,
  formatCollectionFile,
  formatSettings,
  parseCollectionFile,
  parseSettings
} from '../collection/settings.ts'
import { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
import { Columns } from '../filter/columns.ts'
import { HEADER_CHECKSUM as COLUMNS_CHECKSUM } from '../filter/columns-format.ts'
import { HEADER_CHECKSUM as DENSE_CHECKSUM } from '../search/dense-format.ts'
import { readDenseRows } from '../search/dense-reader.ts'
import type { DenseRows } from '../search/dense-rows.ts'
import { HNSW_CHECKSUM, type HnswFile, readHnswFile, writeHnswFile } from '../search/hnsw-format.ts'
import type { Segment } from '../segment/segment.ts'
import { HEADER_CHECKSUM } from '../segment/segment-format.ts'
import { removePartials, writeAtomically } from './atomic-file.ts'
import { fileError } from './file-error.ts'
import { readSegmentsFile } from './index-file.ts'

/** Where the files of a generation lie; plain strings, so that a worker can be told. */
export interface GenerationPaths {
  /** The directory of the collection. */
  readonly collection: string
  /** The folder of the generation in it. */
  readonly folder: string
  readonly settings: string
  readonly manifest: string
  readonly store: string
  readonly segments: string
}

/** @param generation - `g1`, as `collection.json` names it */
export function generationPaths(collection: string, generation: string): GenerationPaths {
  const folder = join(collection, generation)
  return {
    collection,
    folder,
    settings: join(folder, 'settings.json'),
    manifest: join(folder, 'manifest.json'),
    store: join(folder, 'store'),
    segments: join(folder, 'segments')
  }
}

/** Where `collection.json` lies. */
export function collectionFilePath(collection: string): string {
  return join(collection, 'collection.json')
}

/**
 * What a directory says of itself.
 *
 * @throws EsplanadeError `COLLECTION_NOT_FOUND` where it has no `collection.json`;
 *   `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE`
 */
export async function readCollectionFile(collection: string): Promise<CollectionFile> {
  const path = collectionFilePath(collection)
  let json: string
  try {
    json = await readFile(path, 'utf8')
  } catch (cause) {
    const error = fileError(cause, path, 'read')
    if (error.code !== 'FILE_NOT_FOUND') throw error
    throw new EsplanadeError('COLLECTION_NOT_FOUND', {
      place: collection,
      problem: 'there is no collection: it has no collection.json',
      remedy: 'Check the path',
      cause
    })
  }
  return parseCollectionFile(json, path, `Write it anew: ${repairCommand(collection)}`)
}

/** Names the generation that is read and written from now on. @throws EsplanadeError `FILE_UNWRITABLE` */
export async function writeCollectionFile(collection: string, file: CollectionFile): Promise<void> {
  await writeAtomically(collectionFilePath(collection), formatCollectionFile(file))
}

/** @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE` */
export async function readSettings(paths: GenerationPaths): Promise<CollectionSettings> {
  const remedy = 'Restore the collection from a backup'
  return parseSettings(await readPart(paths.settings, remedy), paths.settings, remedy)
}

/** @throws EsplanadeError `FILE_UNWRITABLE` */
export async function writeSettings(
  paths: GenerationPaths,
  settings: CollectionSettings
): Promise<void> {
  await writeAtomically(paths.settings, formatSettings(settings))
}

/** @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE` */
export async function readManifest(paths: GenerationPaths): Promise<SegmentManifest> {
  const remedy = repairRemedy(paths)
  return parseSegmentManifest(await readPart(paths.manifest, remedy), paths.manifest, remedy)
}

/**
 * Replaces the manifest. After an error the disk may have either one, so the segments of both must
 * be kept.
 *
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function writeManifest(
  paths: GenerationPaths,
  manifest: SegmentManifest
): Promise<void> {
  await writeAtomically(paths.manifest, formatSegmentManifest(manifest))
}

/** The text of a file without which the generation is not whole. */
async function readPart(path: string, remedy: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw damaged(fileError(cause, path, 'read'), path, remedy)
  }
}

/** Where the files of a segment lie; dense vectors and their graph are there only if it has them. */
export function segmentPaths(
  { segments }: GenerationPaths,
  file: string
): Readonly<Record<'vectors' | 'columns' | 'dense' | 'graph', string>> {
  return {
    vectors: join(segments, `${file}.esp`),
    columns: join(segments, `${file}.columns`),
    dense: join(segments, `${file}.dense`),
    graph: join(segments, `${file}.hnsw`)
  }
}

/**
 * Writes the files of a segment, which the disk has when the promise resolves. Nothing knows of them
 * until a manifest names them.
 *
 * @param file - a name that no segment has had
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function writeSegmentFiles(
  paths: GenerationPaths,
  file: string,
  { segment, seqs, columns, dense }: BuiltSegment
): Promise<SegmentRecord> {
  const place = segmentPaths(paths, file)
  await mkdir(paths.segments, { recursive: true }).catch(cause => {
    throw fileError(cause, paths.segments, 'write')
  })
  await writeAtomically(place.vectors, segment.bytes())
  await writeAtomically(place.columns, columns)
  const rows = dense?.rows
  const hasDense = rows !== undefined && rows.header.numVectors > 0
  if (hasDense) await writeAtomically(place.dense, rows.bytes())
  const graph = hasDense && dense?.graph && writeHnswFile(dense.graph, rows)
  if (graph) await writeAtomically(place.graph, graph)
  return {
    file,
    firstSeq: seqs.firstSeq,
    lastSeq: seqs.lastSeq,
    numDocuments: seqs.numDocuments,
    numEntries: seqs.numEntries,
    numPostings: segment.header.numPostings,
    fileBytes: segment.fileBytes,
    fileChecksum: uint32(segment.bytes(), HEADER_CHECKSUM),
    columnsBytes: columns.length,
    columnsChecksum: uint32(columns, COLUMNS_CHECKSUM),
    ...(rows && { dense: hasDense ? denseRecord(rows, graph || undefined) : NO_DENSE })
  }
}

const NO_DENSE: DenseFileRecord = { numVectors: 0, bytes: 0, checksum: 0 }

function denseRecord(rows: DenseRows, graph: Uint8Array | undefined): DenseFileRecord {
  return {
    numVectors: rows.header.numVectors,
    bytes: rows.fileBytes,
    checksum: uint32(rows.bytes(), DENSE_CHECKSUM),
    ...(graph && { graph: { bytes: graph.length, checksum: uint32(graph, HNSW_CHECKSUM) } })
  }
}

/**
 * Reads the files of a segment and checks them against the manifest, so that none that is missing,
 * cut short, changed, or another segment's is searched.
 *
 * @param dense - undefined where dense vectors are not searched
 * @throws EsplanadeError `COLLECTION_CORRUPT`, which names the file; `FILE_UNREADABLE` (no permission,
 *   I/O error)
 */
export async function openSegmentFiles(
  paths: GenerationPaths,
  record: SegmentRecord,
  dense?: DenseSettings
): Promise<SegmentParts> {
  const remedy = repairRemedy(paths)
  const place = segmentPaths(paths, record.file)
  const [segment, columns, rows] = await Promise.all([
    readVectors(place.vectors, record, remedy),
    readColumns(place.columns, record, remedy),
    dense && readDense(paths, record, dense, remedy)
  ])
  const seqs = readSeqs(segment, place.vectors, remedy)
  checkFigures(
    {
      documents: [seqs.numDocuments, record.numDocuments],
      'first document': [seqs.firstSeq, record.firstSeq],
      'last document': [seqs.lastSeq, record.lastSeq]
    },
    place.vectors,
    remedy
  )
  const graph = rows && (await readGraph(place.graph, record, rows, remedy))
  const entries = rows && readEntries(segment, rows, graph, place.dense, remedy)
  return { segment, seqs, columns, dense: entries }
}

async function readVectors(path: string, record: SegmentRecord, remedy: string): Promise<Segment> {
  let segments: Segment[]
  try {
    segments = await readSegmentsFile(path)
  } catch (error) {
    throw damaged(error, path, remedy)
  }
  const segment = segments[0]!
  const { numDocuments, numPostings } = segment.header
  checkFigures(
    {
      segments: [segments.length, 1],
      bytes: [segment.fileBytes, record.fileBytes],
      checksum: [uint32(segment.bytes(), HEADER_CHECKSUM), record.fileChecksum],
      entries: [numDocuments, record.numEntries],
      postings: [numPostings, record.numPostings]
    },
    path,
    remedy
  )
  return segment
}

async function readColumns(
  path: string,
  { columnsBytes, columnsChecksum, numEntries }: SegmentRecord,
  remedy: string
): Promise<Columns> {
  let bytes: Uint8Array
  let columns: Columns
  try {
    bytes = await readFile(path)
    columns = Columns.open(bytes, path)
  } catch (cause) {
    throw damaged(fileError(cause, path, 'read'), path, remedy)
  }
  checkFigures(
    {
      bytes: [bytes.length, columnsBytes],
      checksum: [uint32(bytes, COLUMNS_CHECKSUM), columnsChecksum],
      entries: [columns.numDocuments, numEntries]
    },
    path,
    remedy
  )
  return columns
}

/** The dense vectors of a segment; undefined where it has none. */
async function readDense(
  paths: GenerationPaths,
  { file, dense: record }: SegmentRecord,
  { dimensions, metric }: DenseSettings,
  remedy: string
): Promise<DenseRows | undefined> {
  if (record === undefined) {
    const problem = `it does not say which dense vectors segment ${file} has`
    throw corrupt({ place: paths.manifest, problem, remedy })
  }
  if (record.numVectors === 0) return undefined
  const path = segmentPaths(paths, file).dense
  let rows: DenseRows
  try {
    rows = readDenseRows(await readFile(path), path)
  } catch (cause) {
    throw damaged(fileError(cause, path, 'read'), path, remedy)
  }
  const { header } = rows
  checkFigures(
    {
      bytes: [rows.fileBytes, record.bytes],
      checksum: [uint32(rows.bytes(), DENSE_CHECKSUM), record.checksum],
      vectors: [header.numVectors, record.numVectors],
      dimensions: [header.dimensions, dimensions],
      metric: [header.metric, metric]
    },
    path,
    remedy
  )
  return rows
}

/** The graph of a segment's dense vectors; undefined where they have none. */
async function readGraph(
  path: string,
  { dense }: SegmentRecord,
  rows: DenseRows,
  remedy: string
): Promise<HnswFile | undefined> {
  const record = dense?.graph
  if (record === undefined) return undefined
  let bytes: Uint8Array
  let graph: HnswFile
  try {
    bytes = await readFile(path)
    graph = readHnswFile(bytes, rows, path)
  } catch (cause) {
    throw damaged(fileError(cause, path, 'read'), path, remedy)
  }
  const checksum = uint32(bytes, HNSW_CHECKSUM)
  checkFigures(
    { bytes: [bytes.length, record.bytes], checksum: [checksum, record.checksum] },
    path,
    remedy
  )
  return graph
}

function readEntries(
  segment: Segment,
  rows: DenseRows,
  graph: HnswFile | undefined,
  path: string,
  remedy: string
): DenseEntries {
  try {
    return denseEntries(segment, rows, graph, path)
  } catch (error) {
    throw damaged(error, path, remedy)
  }
}

function readSeqs(segment: Segment, path: string, remedy: string): EntrySeqs {
  try {
    return EntrySeqs.of(segment, path)
  } catch (error) {
    throw damaged(error, path, remedy)
  }
}

function uint32({ buffer, byteOffset }: Uint8Array, at: number): number {
  return new DataView(buffer, byteOffset + at, 4).getUint32(0, true)
}

/** What a file says of itself must be what the manifest says of it. */
function checkFigures(
  figures: Readonly<Record<string, readonly [given: number | string, expected: number | string]>>,
  place: string,
  remedy: string
): void {
  for (const [name, [given, expected]] of Object.entries(figures)) {
    if (given === expected) continue
    const problem = `${name}: ${given}, so it is not the file that the manifest names`
    throw corrupt({ place, problem, expected: `${expected}`, remedy })
  }
}

/** A segment of another version is none that this manifest names. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INDEX_CORRUPT',
  'INDEX_VERSION',
  'COLLECTION_CORRUPT',
  'COLLECTION_VERSION'
])

/** A file of a collection that is missing or wrong is a damage of the collection. */
function damaged(error: unknown, place: string, remedy: string): unknown {
  if (!(error instanceof EsplanadeError)) return error
  const { code, problem, expected } = error
  if (code === 'FILE_NOT_FOUND') {
    return corrupt({ place, problem: 'the file is missing', remedy, cause: error })
  }
  if (!DAMAGE.has(code)) return error
  return corrupt({ place, problem, expected, remedy, cause: error })
}

function corrupt(details: ErrorDetails): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', details)
}

function repairRemedy({ collection }: GenerationPaths): string {
  return `Rebuild what is damaged from the documents: ${repairCommand(collection)}`
}

function repairCommand(collection: string): string {
  return `esplanade repair ${collection}`
}

const SEGMENT_FILE = /^(\d+)\.(?:esp|columns|dense|hnsw)$/

/**
 * Removes segment files that the manifest does not name, and what was left half-written: what a kill
 * leaves behind, and what a merge has replaced. Only for the process that writes, while no flush or
 * merge is under way. Names that are not of segments are left alone.
 *
 * @param keep - names of segment files that are still needed, for instance by a snapshot
 * @returns the names of the files removed
 * @throws EsplanadeError `FILE_UNREADABLE`, `FILE_UNWRITABLE`
 */
export async function removeOrphans(
  paths: GenerationPaths,
  manifest: SegmentManifest,
  keep: Iterable<string> = []
): Promise<string[]> {
  const named = new Set([...manifest.segments.map(({ file }) => file), ...keep])
  const names = await readdir(paths.segments).catch(cause => {
    throw fileError(cause, paths.segments, 'read')
  })
  const orphans = names.filter(name => {
    const file = SEGMENT_FILE.exec(name)?.[1]
    return segmentFileNumber(file) !== undefined && !named.has(file!)
  })
  for (const name of orphans) {
    const path = join(paths.segments, name)
    await rm(path, { force: true }).catch(cause => {
      throw fileError(cause, path, 'write')
    })
  }
  for (const folder of [paths.segments, paths.folder, paths.collection]) {
    await removePartials(folder)
  }
  return orphans
}
