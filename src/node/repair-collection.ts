import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CheckReport, Finding } from '../collection/check.ts'
import { Pace } from '../collection/pace.ts'
import {
  emptySegmentManifest,
  type SegmentManifest,
  type SegmentRecord,
  segmentFileName,
  segmentFileNumber
} from '../collection/segment-manifest.ts'
import { type SeqRange, segmentRanges } from '../collection/segment-ranges.ts'
import type { CollectionSettings } from '../collection/settings.ts'
import { EsplanadeError } from '../errors.ts'
import type { Progress, TaskOptions } from '../progress.ts'
import { checkCollection, type Inspection, inspectCollection } from './check-collection.ts'
import {
  collectionFilePath,
  type GenerationPaths,
  removeOrphans,
  segmentPaths,
  writeCollectionFile,
  writeManifest
} from './collection-files.ts'
import { LmdbStore } from './lmdb-store.ts'
import { runSegmentJob } from './segment-jobs.ts'
import { WriterLock } from './writer-lock.ts'

/** One thing that a repair did. */
export interface RepairStep {
  /** The file that is whole now, or is gone. */
  readonly file: string
  /** What was done, in words. */
  readonly done: string
}

/** What a repair did. */
export interface RepairResult {
  readonly directory: string
  /** What was done, in its order; empty where nothing was wrong. */
  readonly steps: readonly RepairStep[]
  /** The collection as it is now. */
  readonly report: CheckReport
}

/** `done` counts documents that were looked at. */
export type RepairOptions = TaskOptions<Progress>

/**
 * Builds what is damaged anew from the documents: `collection.json`, the manifest, and of the segments
 * those that are missing, damaged or not what the documents say. The documents themselves, in LMDB,
 * are only read. Nobody may write to the collection meanwhile; readers need not stop.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT` where the documents or the settings are damaged: it names
 *   the keys, and nothing was changed; `COLLECTION_LOCKED`, `COLLECTION_NOT_FOUND`,
 *   `COLLECTION_VERSION`, `FILE_UNREADABLE`, `FILE_UNWRITABLE`, `ABORTED`
 */
export async function repairCollection(
  directory: string,
  options: RepairOptions = {}
): Promise<RepairResult> {
  const path = resolve(directory)
  if (!existsSync(path)) {
    throw new EsplanadeError('COLLECTION_NOT_FOUND', {
      place: path,
      problem: 'there is no such directory',
      remedy: 'Check the path'
    })
  }
  const lock = await WriterLock.acquire(join(path, 'writer.lock'))
  try {
    const inspection = await inspectCollection(path, options)
    refuseDamagedDocuments(path, inspection)
    const repair = new Repair(path, inspection, options)
    await repair.run()
    const { steps } = repair
    const report = steps.length === 0 ? inspection.report : await checkCollection(path, options)
    return { directory: path, steps, report }
  } finally {
    await lock.release()
  }
}

/** Keys that a message names. */
const SHOWN_KEYS = 10

function refuseDamagedDocuments(path: string, { report }: Inspection): void {
  if (report.isClean || report.isRepairable) return
  const found = report.findings.filter(({ severity, code }) => {
    const isDerived =
      code.startsWith('segment') || code === 'manifest' || code === 'collection-file'
    return severity === 'error' && !isDerived
  })
  const keys = new Set(found.flatMap(({ key }) => (key === undefined ? [] : [JSON.stringify(key)])))
  const shown = [...keys].slice(0, SHOWN_KEYS).join(', ')
  const more = keys.size > SHOWN_KEYS ? ` and ${keys.size - SHOWN_KEYS} more` : ''
  const about = keys.size > 0 ? `; the keys of damaged documents: ${shown}${more}` : ''
  const [{ problem, file }] = found as [Finding]
  throw new EsplanadeError('COLLECTION_CORRUPT', {
    place: file ?? path,
    problem: `what everything else is built from is damaged: ${problem}${about}`,
    remedy: `Restore the collection from a backup: esplanade restore BACKUP ${path}`
  })
}

class Repair {
  readonly steps: RepairStep[] = []
  readonly #path: string
  readonly #inspection: Inspection
  readonly #paths: GenerationPaths
  readonly #options: RepairOptions
  readonly #pace: Pace
  #nextFile = 1

  constructor(path: string, inspection: Inspection, options: RepairOptions) {
    this.#path = path
    this.#inspection = inspection
    this.#paths = inspection.paths
    this.#options = options
    this.#pace = new Pace('the repair', options.signal)
  }

  async run(): Promise<void> {
    const { report, manifest, generation } = this.#inspection
    const hasError = (code: Finding['code']): boolean =>
      report.findings.some(finding => finding.code === code && finding.severity === 'error')
    const isOfSegments = report.findings.some(
      ({ code }) => code === 'manifest' || code.startsWith('segment')
    )
    if (isOfSegments) await this.#repairSegments()
    else if (manifest !== undefined) await this.#removeOrphans(manifest)
    // Last: until then the collection cannot be opened.
    if (hasError('collection-file')) {
      await writeCollectionFile(this.#path, { active: generation })
      this.#did(collectionFilePath(this.#path), `written anew; it names ${generation}`)
    }
  }

  async #repairSegments(): Promise<void> {
    const { manifest, settings, badSegments } = this.#inspection
    const store = await LmdbStore.open(this.#paths.store, { readOnly: true })
    try {
      this.#nextFile = await this.#firstFreeFile()
      const snapshot = store.snapshot()
      const { lastSeq, forgottenFor } = snapshot.state
      const before = manifest ?? emptySegmentManifest()
      const segments = before.segments.filter(({ file }) => !badSegments.has(file))
      try {
        for (const range of this.#damagedRanges(lastSeq)) {
          for await (const part of segmentRanges(snapshot, range, this.#pace)) {
            const built = await this.#build(store, settings!, part)
            if (built !== undefined) segments.push(built)
          }
        }
      } finally {
        snapshot.close()
      }
      const repaired: SegmentManifest = {
        ...before,
        // Readers take no manifest that is older than what was forgotten.
        generation: Math.max(before.generation, forgottenFor) + 1,
        flushedSeq: manifest ? Math.min(manifest.flushedSeq, lastSeq) : lastSeq,
        nextFile: this.#nextFile,
        segments: segments.sort((a, b) => a.firstSeq - b.firstSeq)
      }
      await writeManifest(this.#paths, repaired)
      this.#did(this.#paths.manifest, `written anew; it names ${segments.length} segments`)
      await this.#removeOrphans(repaired)
    } finally {
      await store.close()
    }
  }

  /** The ranges of which there is no good segment, up to the last document that the store has. */
  #damagedRanges(lastSeq: number): SeqRange[] {
    const { manifest, badSegments, gaps } = this.#inspection
    if (manifest === undefined) return lastSeq > 0 ? [{ firstSeq: 1, lastSeq }] : []
    const ranges: SeqRange[] = [...gaps]
    for (const { file, firstSeq, lastSeq: last } of manifest.segments) {
      if (badSegments.has(file) && firstSeq <= lastSeq) {
        ranges.push({ firstSeq, lastSeq: Math.min(last, lastSeq) })
      }
    }
    return ranges
  }

  /** No name of a file is used twice: a reader may have the other one open. */
  async #firstFreeFile(): Promise<number> {
    const names = await readdir(this.#paths.segments).catch(() => [])
    const used = names.map(name => segmentFileNumber(name.split('.')[0]) ?? 0)
    return Math.max(this.#inspection.manifest?.nextFile ?? 1, ...used.map(number => number + 1))
  }

  async #build(
    store: LmdbStore,
    { metric, precision, dense }: CollectionSettings,
    { firstSeq, lastSeq }: SeqRange
  ): Promise<SegmentRecord | undefined> {
    const file = segmentFileName(this.#nextFile++)
    const { made } = await runSegmentJob(
      store,
      {
        paths: this.#paths,
        file,
        first: firstSeq,
        last: lastSeq,
        build: { metric, precision, dense }
      },
      this.#options.signal
    )
    if (made === undefined) return undefined
    const { vectors } = segmentPaths(this.#paths, file)
    this.#did(vectors, `built anew of the documents ${firstSeq} to ${lastSeq}`)
    return made.record
  }

  async #removeOrphans(manifest: SegmentManifest): Promise<void> {
    if (!existsSync(this.#paths.segments)) return
    for (const name of await removeOrphans(this.#paths, manifest)) {
      this.#did(join(this.#paths.segments, name), 'removed; nothing names it any more')
    }
  }

  #did(file: string, done: string): void {
    this.steps.push({ file, done })
  }
}
