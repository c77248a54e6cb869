import { EsplanadeError } from '../errors.ts'
import type { CollectionState } from './collection-state.ts'
import { planMerge } from './merge-policy.ts'
import type { OpenSegment } from './open-segment.ts'
import type { SegmentManifest, SegmentRecord } from './segment-manifest.ts'
import type { SegmentStorage } from './segment-storage.ts'
import type { DocumentStore } from './store.ts'
import { numDead } from './view.ts'
import type { Writer } from './writer.ts'

/** When documents in memory become a segment. */
export interface FlushLimits {
  readonly maxEntries: number
  readonly maxPostings: number
}

/** One window of a segment, and some 25 MB of memory. */
const FLUSH_LIMITS: FlushLimits = { maxEntries: 16_384, maxPostings: 4_000_000 }

/** Bytes of the dense vectors of documents in memory. */
const MAX_DENSE_BYTES = 2 ** 27

/** Writes wait while so many deltas wait to become segments. */
const MAX_FROZEN = 3

/** Bytes of the segments of one merge. */
const MAX_MERGE_BYTES = 2 ** 31

interface Range {
  readonly firstSeq: number
  readonly lastSeq: number
}

/**
 * Keeps the segments in shape beside the writing and searching: makes segments of deltas, merges
 * neighbours, and forgets what nothing needs any more. All of it is derived from the store: whatever
 * is stopped or fails on the way is done again later, and nothing is lost.
 */
export class Maintenance {
  readonly #state: CollectionState
  readonly #store: DocumentStore
  readonly #storage: SegmentStorage
  readonly #writer: Writer
  readonly #limits: FlushLimits
  readonly #abort = new AbortController()
  #flushing: Promise<void> | undefined
  #merging: Promise<void> | undefined
  /** Resolves when the last one who asked for room has it. */
  #lastTurn: Promise<void> = Promise.resolve()
  /** Called when the next manifest is in place. */
  readonly #onInstall: (() => void)[] = []
  /** Compactions that were asked for and have not ended. */
  #numCompactions = 0
  /** Of the manifest that was tried last. */
  #generation: number
  /** Manifests are replaced one after the other. */
  #installing: Promise<unknown> = Promise.resolve()

  constructor(parts: {
    state: CollectionState
    store: DocumentStore
    storage: SegmentStorage
    writer: Writer
    limits?: FlushLimits | undefined
  }) {
    this.#state = parts.state
    this.#store = parts.store
    this.#storage = parts.storage
    this.#writer = parts.writer
    this.#limits = parts.limits ?? FLUSH_LIMITS
    this.#generation = parts.state.manifest.generation
  }

  /** Begins in the background what is due after a write. */
  afterWrite(): void {
    const { delta } = this.#state
    const { maxEntries, maxPostings } = this.#limits
    const isFull =
      delta.numEntries >= maxEntries ||
      delta.numPostings >= maxPostings ||
      delta.denseBytes >= MAX_DENSE_BYTES
    if (isFull) {
      this.#state.freeze()
      this.#flushInBackground()
    } else this.#mergeInBackground()
  }

  /**
   * Resolves when there is room in memory for more documents, for one caller after the other.
   *
   * @throws what a flush throws
   */
  room(): Promise<void> {
    const turn = this.#lastTurn.then(() => this.#makeRoom())
    this.#lastTurn = turn.catch(() => undefined)
    return turn
  }

  async #makeRoom(): Promise<void> {
    while (this.#state.frozen.length >= MAX_FROZEN) {
      const installed = new Promise<void>(resolve => this.#onInstall.push(resolve))
      // The first that becomes a segment makes room; the others need not be waited for.
      await Promise.race([this.#flushFrozen(), installed])
    }
  }

  /** Makes segments of all documents that are in none. @throws EsplanadeError `FILE_UNWRITABLE` */
  async flush(): Promise<void> {
    await this.#writer.write({ kind: 'barrier', run: () => this.#state.freeze() })
    const wanted = this.#state.frozen.at(-1)
    while (wanted !== undefined && this.#state.frozen.includes(wanted)) await this.#flushFrozen()
  }

  /** Waits until no merge is due. */
  async settle(): Promise<void> {
    this.#mergeInBackground()
    while (this.#flushing || this.#merging) {
      await this.#flushing?.catch(() => undefined)
      await this.#merging
    }
  }

  /** Merges all segments into as few as can be, without the dead, in an order that suits searches. */
  async compact(signal?: AbortSignal): Promise<void> {
    // No more merges begin in the background: two must not share a segment.
    this.#numCompactions++
    try {
      await this.flush()
      while (this.#merging !== undefined) await this.#merging
      const compacting = this.#compact(signal).finally(() => {
        this.#merging = undefined
      })
      this.#merging = compacting.catch(() => undefined)
      await compacting
    } finally {
      this.#numCompactions--
      this.#mergeInBackground()
    }
  }

  async #compact(signal: AbortSignal | undefined): Promise<void> {
    for (const run of compactRuns(this.#state)) await this.#merge(run, true, signal)
  }

  /** Runs a task during which neither manifest nor segments are replaced. */
  async whileManifestStays(task: (manifest: SegmentManifest) => Promise<void>): Promise<void> {
    const done = this.#installing.then(() => task(this.#state.manifest))
    this.#installing = done.catch(() => undefined)
    await done
  }

  /** Stops what is under way. */
  async close(): Promise<void> {
    this.#abort.abort()
    await this.#flushing?.catch(() => undefined)
    await this.#merging
    await this.#installing.catch(() => undefined)
  }

  #flushInBackground(): void {
    if (this.#abort.signal.aborted) return
    // What failed is tried again by the next write or flush, which then hears of it.
    this.#flushFrozen().then(
      () => {
        // One may have been frozen in the turn in which the last flush ended.
        if (this.#state.frozen.length > 0) this.#flushInBackground()
        else this.#mergeInBackground()
      },
      () => undefined
    )
  }

  /** Makes segments of the deltas that wait for it; one task for all who ask. */
  #flushFrozen(): Promise<void> {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #flushAll(): Promise<void> {
    for (let [delta] = this.#state.frozen; delta !== undefined; [delta] = this.#state.frozen) {
      const range = { firstSeq: this.#state.manifest.flushedSeq + 1, lastSeq: delta.lastSeq }
      await this.#replace(range, [], 'flush', undefined)
    }
  }

  #mergeInBackground(): void {
    if (this.#abort.signal.aborted || this.#merging !== undefined) return
    if (this.#numCompactions > 0) return
    const run = this.#plan()
    if (run === undefined) return
    this.#merging = this.#merge(run, undefined)
      // Nothing is lost by a merge that fails: the segments that it was to join are there.
      .catch(() => undefined)
      .finally(() => {
        this.#merging = undefined
      })
      .then(() => this.#mergeInBackground())
  }

  #plan(): readonly SegmentRecord[] | undefined {
    const { segments } = this.#state.view
    const run = planMerge(
      segments.map(state => ({
        numEntries: state.segment.record.numEntries,
        numDead: numDead(state),
        bytes: bytesOf(state.segment.record)
      }))
    )
    return run && segments.slice(run.first, run.end).map(({ segment }) => segment.record)
  }

  async #merge(
    run: readonly SegmentRecord[],
    reorder: boolean | undefined,
    signal?: AbortSignal
  ): Promise<void> {
    const range = { firstSeq: run[0]!.firstSeq, lastSeq: run.at(-1)!.lastSeq }
    await this.#replace(range, run, 'merge', reorder, signal)
  }

  /** Builds the segment of a range, and lets it take the place of others. */
  async #replace(
    range: Range,
    replaced: readonly SegmentRecord[],
    purpose: 'flush' | 'merge',
    reorder: boolean | undefined,
    signal?: AbortSignal
  ): Promise<void> {
    const own = this.#abort.signal
    const file = this.#nextFile++
    const added = await this.#storage.build(
      {
        ...range,
        file,
        ...(reorder !== undefined && { reorder }),
        signal: signal ? AbortSignal.any([own, signal]) : own
      },
      purpose
    )
    const installed = this.#installing.then(() => this.#install(range, replaced, added))
    this.#installing = installed.catch(() => undefined)
    await installed
    await this.#storage.remove(replaced)
  }

  async #install(
    range: Range,
    replaced: readonly SegmentRecord[],
    added: OpenSegment | undefined
  ): Promise<void> {
    if (this.#abort.signal.aborted) throw stopped()
    const before = this.#state.manifest
    const gone = new Set(replaced.map(({ file }) => file))
    const kept = before.segments.filter(({ file }) => !gone.has(file))
    const segments = added === undefined ? kept : [...kept, added.record]
    const manifest: SegmentManifest = {
      ...before,
      // A manifest that could not be written for certain may be on the disk all the same.
      generation: ++this.#generation,
      flushedSeq: Math.max(before.flushedSeq, range.lastSeq),
      nextFile: this.#nextFile,
      segments: segments.sort((a, b) => a.firstSeq - b.firstSeq)
    }
    // No segment may hold, or lack, a document because of what a power cut could take from the store.
    await this.#store.flush()
    await this.#storage.writeManifest(manifest)
    // The segment may know of removals in a batch that is not acknowledged yet, which would neither
    // show as removed nor be found: such a batch is waited for.
    const run = (): void => this.forget(this.#state.install(manifest, range, added))
    await this.#writer.write({ kind: 'barrier', run })
    for (const resolve of this.#onInstall.splice(0)) resolve()
  }

  /** Removes tombstones that nothing needs from the store, in the background. */
  forget(tombstones: readonly number[]): void {
    if (tombstones.length === 0) return
    const { generation } = this.#state.manifest
    // Those that stay are found when the collection is opened next.
    this.#writer.write({ kind: 'forget', tombstones, generation }).catch(() => undefined)
  }

  #nextFileNumber = 0

  /** File numbers are never used twice, not even by two jobs at once. */
  get #nextFile(): number {
    return Math.max(this.#nextFileNumber, this.#state.manifest.nextFile)
  }

  set #nextFile(number: number) {
    this.#nextFileNumber = number
  }
}

/** Runs of neighbours that are worth joining, each below the limit of a segment. */
function compactRuns({ view }: CollectionState): SegmentRecord[][] {
  const runs: { records: SegmentRecord[]; bytes: number; numDead: number }[] = []
  for (const state of view.segments) {
    const { record } = state.segment
    const last = runs.at(-1)
    const bytes = bytesOf(record)
    if (last !== undefined && last.bytes + bytes <= MAX_MERGE_BYTES) {
      last.records.push(record)
      last.bytes += bytes
      last.numDead += numDead(state)
    } else runs.push({ records: [record], bytes, numDead: numDead(state) })
  }
  return runs
    .filter(({ records, numDead: dead }) => records.length > 1 || dead > 0)
    .map(({ records }) => records)
}

/** Bytes of the vectors of a segment. */
function bytesOf({ fileBytes, dense }: SegmentRecord): number {
  return fileBytes + (dense?.bytes ?? 0)
}

function stopped(): EsplanadeError {
  return new EsplanadeError('ABORTED', { problem: 'the collection was closed' })
}
