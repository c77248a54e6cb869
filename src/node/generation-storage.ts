import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { OpenSegment } from '../collection/open-segment.ts'
import {
  type SegmentManifest,
  type SegmentRecord,
  segmentFileName
} from '../collection/segment-manifest.ts'
import type { SegmentRequest, SegmentStorage } from '../collection/segment-storage.ts'
import type { CollectionSettings } from '../collection/settings.ts'
import {
  type GenerationPaths,
  openSegmentFiles,
  readManifest,
  segmentPaths,
  writeManifest
} from './collection-files.ts'
import { fileError } from './file-error.ts'
import { SegmentJobs } from './segment-jobs.ts'

/** The segments of a generation in its folder. */
export class GenerationStorage implements SegmentStorage {
  readonly #paths: GenerationPaths
  readonly #settings: CollectionSettings
  /**
   * A flush does not wait for a merge, which may take minutes, and goes first: until it is done, its
   * documents are searched in memory.
   */
  readonly #jobs = {
    flush: new SegmentJobs({ niceness: 4 }),
    merge: new SegmentJobs({ niceness: 15 })
  }
  /** What tells the manifest file that was read last from another. */
  #manifestStamp = ''

  constructor(paths: GenerationPaths, settings: CollectionSettings) {
    this.#paths = paths
    this.#settings = settings
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
    const parts = await openSegmentFiles(this.#paths, record, this.#settings.dense)
    return new OpenSegment(record, parts)
  }

  async build(
    request: SegmentRequest,
    purpose: 'flush' | 'merge'
  ): Promise<OpenSegment | undefined> {
    const { firstSeq, lastSeq, file, reorder, signal } = request
    const { metric, precision, dense } = this.#settings
    const job = {
      paths: this.#paths,
      file: segmentFileName(file),
      first: firstSeq,
      last: lastSeq,
      build: { metric, precision, dense, reorder }
    }
    const { made } = await this.#jobs[purpose].run(job, signal)
    return made && new OpenSegment(made.record, made)
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

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#jobs).map(jobs => jobs.close()))
  }
}

/** Changes whenever the file is replaced. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`
}
