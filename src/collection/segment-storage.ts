import type { OpenSegment } from './open-segment.ts'
import type { SegmentManifest, SegmentRecord } from './segment-manifest.ts'

/** What is to be built: a segment of the live documents of a range of numbers. */
export interface SegmentRequest {
  readonly firstSeq: number
  readonly lastSeq: number
  /** The number of the segment's files. */
  readonly file: number
  /** Whether documents are put in order first; default: where there are many. */
  readonly reorder?: boolean
  readonly signal: AbortSignal
}

/**
 * The segments of a collection as files, and the building of them. Declared here; the platform
 * implements it (`src/node/segment-files.ts`).
 */
export interface SegmentStorage {
  /** @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE` */
  readManifest(): Promise<SegmentManifest>
  /** Puts a manifest in the place of the one before, at once and for good. */
  writeManifest(manifest: SegmentManifest): Promise<void>
  /** @throws EsplanadeError `COLLECTION_CORRUPT` where a file is missing, damaged or another one */
  open(record: SegmentRecord): Promise<OpenSegment>
  /** Builds a segment beside the caller's thread and writes its files; undefined when it is empty. */
  build(request: SegmentRequest, purpose: 'flush' | 'merge'): Promise<OpenSegment | undefined>
  /** Removes the files of segments that no manifest names any more. */
  remove(records: readonly SegmentRecord[]): Promise<void>
  /** Says whether the manifest may have changed since it was read last; costs next to nothing. */
  hasNewManifest(): boolean
  close(): Promise<void>
}
