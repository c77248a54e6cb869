import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { buildSegment } from '../collection/build-segment.ts'
import { EntrySeqs } from '../collection/entry-key.ts'
import { OpenSegment } from '../collection/open-segment.ts'
import {
  type SegmentManifest,
  type SegmentRecord,
  segmentFileName
} from '../collection/segment-manifest.ts'
import type { SegmentRequest, SegmentStorage } from '../collection/segment-storage.ts'
import type { CollectionSettings } from '../collection/settings.ts'
import type { DocumentStore } from '../collection/store.ts'
import { Columns } from '../filter/columns.ts'
import {
  type GenerationPaths,
  openSegmentFiles,
  readManifest,
  segmentPaths,
  writeManifest,
  writeSegmentFiles
} from './collection-files.ts'
import { fileError } from './file-error.ts'

/** The segments of a generation in its folder. */
export class GenerationStorage implements SegmentStorage {
  readonly #paths: GenerationPaths
  readonly #settings: CollectionSettings
  readonly #store: DocumentStore
  /** What tells the manifest file that was read last from another. */
  #manifestStamp = ''

  constructor(paths: GenerationPaths, settings: CollectionSettings, store: DocumentStore) {
    this.#paths = paths
    this.#settings = settings
    this.#store = store
  }

  async readManifest(): Promise<SegmentManifest> {
    // Taken before: a manifest that is replaced meanwhile is read once more rather than missed.
    this.#manifestStamp = stampOf(this.#paths.manifest)
    return readManifest(this.#paths)
  }

  async writeManifest(manifest: SegmentManifest): Promise<void> {
    await writeManifest(this.#paths, manifest)
  }

  hasNewManifest(): boolean {
    return stampOf(this.#paths.manifest) !== this.#manifestStamp
  }

  async open(record: SegmentRecord): Promise<OpenSegment> {
    const { segment, seqs, columns } = await openSegmentFiles(this.#paths, record)
    return new OpenSegment(record, segment, seqs, columns)
  }

  async build(request: SegmentRequest): Promise<OpenSegment | undefined> {
    const { firstSeq, lastSeq, file, reorder, signal } = request
    const { metric, precision } = this.#settings
    const snapshot = this.#store.snapshot()
    try {
      const built = await buildSegment(snapshot, firstSeq, lastSeq, {
        metric,
        precision,
        reorder,
        signal
      })
      if (built === undefined) return undefined
      const record = await writeSegmentFiles(this.#paths, segmentFileName(file), built)
      const seqs = EntrySeqs.of(built.segment)
      return new OpenSegment(record, built.segment, seqs, Columns.open(built.columns))
    } finally {
      snapshot.close()
    }
  }

  async remove(records: readonly SegmentRecord[]): Promise<void> {
    for (const { file } of records) {
      for (const path of Object.values(segmentPaths(this.#paths, file))) {
        await rm(path, { force: true }).catch(cause => {
          throw fileError(cause, path, 'write')
        })
      }
    }
  }

  async close(): Promise<void> {}
}

/** Changes whenever the file is replaced. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`
}
