import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type CheckOptions, type CheckReport, Findings } from '../collection/check.ts'
import { checkSegment } from '../collection/check-segment.ts'
import { Pace } from '../collection/pace.ts'
import type { SegmentManifest, SegmentRecord } from '../collection/segment-manifest.ts'
import type { CollectionSettings } from '../collection/settings.ts'
import type { StoreSnapshot } from '../collection/store.ts'
import { EsplanadeError } from '../errors.ts'
import { openColumns } from '../filter/columns-reader.ts'
import { graphShape } from '../search/hnsw-build.ts'
import { checkStore } from './check-store.ts'
import {
  collectionFilePath,
  type GenerationPaths,
  generationPaths,
  openSegmentFiles,
  readManifest,
  readSettings,
  segmentPaths
} from './collection-files.ts'
import { findGeneration } from './find-generation.ts'
import type { LmdbSnapshot } from './lmdb-snapshot.ts'
import { LmdbStore } from './lmdb-store.ts'
import { checkLinks } from './usearch-links.ts'

/**
 * Checks a collection: every checksum of every file and record, that documents, vectors, keys and
 * counters agree, and every segment against the documents. Writes nothing, and works beside a process
 * that writes, and on a collection that `open` refuses. Takes memory for one segment at a time.
 *
 * @throws EsplanadeError `COLLECTION_NOT_FOUND`, `COLLECTION_VERSION`, `FILE_UNREADABLE`, `ABORTED`;
 *   `COLLECTION_CORRUPT` only where no generation can be found at all
 */
export async function checkCollection(
  directory: string,
  options: CheckOptions = {}
): Promise<CheckReport> {
  return (await inspectCollection(directory, options)).report
}

/** What a check found, and what a repair needs to know. */
export interface Inspection {
  readonly report: CheckReport
  readonly paths: GenerationPaths
  readonly generation: string
  readonly settings: CollectionSettings | undefined
  /** Undefined where it is damaged. */
  readonly manifest: SegmentManifest | undefined
  /** Names of segments that are not what the documents say. */
  readonly badSegments: ReadonlySet<string>
  /** Ranges of documents that are in no segment, and should be. */
  readonly gaps: readonly Range[]
}

interface Range {
  readonly firstSeq: number
  readonly lastSeq: number
}

/** {@link checkCollection}, for a repair. */
export async function inspectCollection(
  directory: string,
  options: CheckOptions
): Promise<Inspection> {
  const path = resolve(directory)
  const { generation, problem } = await findGeneration(path)
  const check = new CollectionCheck(path, generation, options)
  if (problem !== undefined) {
    check.findings.error('collection-file', problem.problem, { file: collectionFilePath(path) })
  }
  return check.run()
}

/** The manifest may be replaced so often while the segments are checked. */
const MAX_ROUNDS = 20

class CollectionCheck {
  readonly findings = new Findings()
  readonly #path: string
  readonly #generation: string
  readonly #paths: GenerationPaths
  readonly #options: CheckOptions
  readonly #pace: Pace
  readonly #badSegments = new Set<string>()
  readonly #checkedFiles = new Set<string>()
  readonly #gaps: Range[] = []
  #settings: CollectionSettings | undefined
  #manifest: SegmentManifest | undefined
  #numDocuments = 0
  #done = 0

  constructor(path: string, generation: string, options: CheckOptions) {
    this.#path = path
    this.#generation = generation
    this.#paths = generationPaths(path, generation)
    this.#options = options
    this.#pace = new Pace('the check', options.signal)
  }

  async run(): Promise<Inspection> {
    this.#settings = await this.#reading('settings', this.#paths.settings, () =>
      readSettings(this.#paths)
    )
    const store = await this.#reading('store', this.#paths.store, () =>
      LmdbStore.open(this.#paths.store, { readOnly: true, checkPages: true })
    )
    try {
      if (store !== undefined) {
        await this.#reading('store', this.#paths.store, () => this.#checkStore(store))
      }
      await this.#checkSegments(store)
    } finally {
      await store?.close()
    }
    await this.#noteOrphans()
    this.#report()
    const numSegments = this.#manifest?.segments.length ?? 0
    return {
      report: this.findings.report(this.#path, this.#numDocuments, numSegments),
      paths: this.#paths,
      generation: this.#generation,
      settings: this.#settings,
      manifest: this.#manifest,
      badSegments: this.#badSegments,
      gaps: this.#gaps
    }
  }

  /** Reads a part; damage is a finding, and undefined. */
  async #reading<T>(
    code: 'settings' | 'store' | 'manifest' | 'segment-file',
    file: string,
    read: () => Promise<T>
  ): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      if (!isDamage(error)) throw error
      this.findings.error(code, error.problem, { file: error.place ?? file })
      return undefined
    }
  }

  async #checkStore(store: LmdbStore): Promise<void> {
    const snapshot = store.snapshot()
    try {
      this.#numDocuments = snapshot.state.numDocuments
      await checkStore(snapshot, this.findings, this.#pace, () => this.#tick())
    } finally {
      snapshot.close()
    }
  }

  /**
   * Checks the segments of the manifest; where it was replaced meanwhile, those that are new in it, until
   * it stays.
   */
  async #checkSegments(store: LmdbStore | undefined): Promise<void> {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const manifest = await this.#reading('manifest', this.#paths.manifest, () =>
        readManifest(this.#paths)
      )
      if (manifest === undefined) {
        this.#manifest = undefined
        return
      }
      if (manifest.generation === this.#manifest?.generation) return
      // The manifest first: what it names, a later store knows of.
      const snapshot = this.#snapshotOf(store)
      try {
        const isReplaced = snapshot && snapshot.state.forgottenFor > manifest.generation
        if (isReplaced && round < MAX_ROUNDS) continue
        this.#manifest = manifest
        await this.#checkRound(manifest, snapshot)
      } finally {
        snapshot?.close()
      }
    }
  }

  /** Undefined where the store cannot be read, which was said by then. */
  #snapshotOf(store: LmdbStore | undefined): LmdbSnapshot | undefined {
    try {
      return store?.snapshot()
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }

  async #checkRound(manifest: SegmentManifest, snapshot: LmdbSnapshot | undefined): Promise<void> {
    const { segments, flushedSeq } = manifest
    const removed = new Set<number>()
    if (snapshot !== undefined) {
      for (const { seq } of snapshot.tombstones(0)) removed.add(seq)
      const { lastSeq } = snapshot.state
      if (flushedSeq > lastSeq) {
        const problem = `the segments hold documents up to ${flushedSeq}, the store up to ${lastSeq}`
        this.findings.error('manifest', problem, { file: this.#paths.manifest })
      }
    }
    let next = 1
    for (const record of segments) {
      if (snapshot) await this.#checkGap(next, record.firstSeq - 1, snapshot)
      next = record.lastSeq + 1
      if (this.#checkedFiles.has(record.file)) continue
      const numErrors = this.findings.numErrors
      await this.#checkSegment(record, snapshot, removed)
      this.#checkedFiles.add(record.file)
      if (this.findings.numErrors > numErrors) this.#badSegments.add(record.file)
      await this.#pace.turn()
    }
    if (snapshot) await this.#checkGap(next, flushedSeq, snapshot)
  }

  async #checkSegment(
    record: SegmentRecord,
    snapshot: StoreSnapshot | undefined,
    removed: ReadonlySet<number>
  ): Promise<void> {
    const place = segmentPaths(this.#paths, record.file)
    let files: Awaited<ReturnType<typeof openSegmentFiles>>
    let columns: Uint8Array
    try {
      files = await openSegmentFiles(this.#paths, record, this.#settings?.dense)
      columns = await readFile(place.columns)
      const graph = files.dense?.graph
      if (graph !== undefined) {
        checkLinks(graph.links, graphShape(files.dense!.rows, graph.settings), place.graph)
      }
    } catch (error) {
      // A merge has taken its place meanwhile, and what it became is checked next.
      if (await this.#isGone(record)) return
      if (!isDamage(error)) throw error
      const { problem, place: file } = error
      this.findings.error('segment-file', problem, { file: file ?? place.vectors })
      return
    }
    const { metric } = files.segment.header
    if (this.#settings !== undefined && metric !== this.#settings.metric) {
      const problem = `it is made for ${metric}, the collection for ${this.#settings.metric}`
      this.findings.error('segment-file', problem, { file: place.vectors })
    }
    if (snapshot === undefined) return
    const checked = {
      ...files,
      file: place.vectors,
      columnsFile: place.columns,
      denseFile: place.dense,
      dimensions: this.#settings?.dense?.dimensions,
      table: openColumns(columns, place.columns)
    }
    await checkSegment(checked, record, snapshot, removed, this.findings, this.#pace, () =>
      this.#tick()
    )
  }

  async #isGone({ file }: SegmentRecord): Promise<boolean> {
    const manifest = await readManifest(this.#paths).catch(() => undefined)
    return manifest?.segments.every(segment => segment.file !== file) ?? false
  }

  /** No document may lie between the segments. */
  async #checkGap(firstSeq: number, lastSeq: number, snapshot: StoreSnapshot): Promise<void> {
    let isEmpty = true
    for (const seq of snapshot.seqs(firstSeq, lastSeq)) {
      isEmpty = false
      const problem = `document ${seq} is in no segment`
      this.findings.error('segment-missing', problem, { file: this.#paths.manifest })
      if (this.#pace.isDue()) await this.#pace.turn()
    }
    if (!isEmpty) this.#gaps.push({ firstSeq, lastSeq })
  }

  /** What a kill left, or what is just being written. */
  async #noteOrphans(): Promise<void> {
    const note = (file: string): void =>
      this.findings.add({
        severity: 'note',
        code: 'orphan',
        file,
        problem: 'nothing names it; the next writer removes it'
      })
    const named = new Set(
      this.#manifest?.segments.flatMap(({ file, dense }) => {
        const names = [`${file}.esp`, `${file}.columns`]
        return dense !== undefined && dense.numVectors > 0 ? [...names, `${file}.dense`] : names
      })
    )
    for (const name of await readdir(this.#paths.segments).catch(() => [])) {
      if (!named.has(name)) note(join(this.#paths.segments, name))
    }
    for (const name of await readdir(this.#path)) {
      const isGeneration = /^g\d+(\.partial)?$/.test(name)
      if (isGeneration && name !== this.#generation) note(join(this.#path, name))
    }
  }

  #tick(): void {
    this.#done++
    if (this.#done % 1000 === 0) this.#report()
  }

  #report(): void {
    this.#options.onProgress?.({ done: this.#done })
  }
}

/** Whether an error says that something is damaged or missing, and not that it may not be read. */
function isDamage(error: unknown): error is EsplanadeError {
  const codes = ['COLLECTION_CORRUPT', 'COLLECTION_NOT_FOUND', 'INDEX_CORRUPT', 'FILE_NOT_FOUND']
  return error instanceof EsplanadeError && codes.includes(error.code)
}
