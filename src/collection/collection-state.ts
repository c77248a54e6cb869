import { EsplanadeError } from '../errors.ts'
import { Delta } from './delta.ts'
import type { DenseSettings } from './dense-settings.ts'
import type { OpenSegment } from './open-segment.ts'
import type { SegmentManifest, SegmentRecord } from './segment-manifest.ts'
import type { SegmentStorage } from './segment-storage.ts'
import type { DocumentStore, Removal, StoreSnapshot, Tombstone } from './store.ts'
import {
  type DeltaState,
  type SegmentState,
  SharedSnapshot,
  View,
  type ViewParts,
  withDead
} from './view.ts'

/** A reader that finds its manifest replaced while it reads begins again, so many times at most. */
const MAX_ATTEMPTS = 20

/**
 * What a process knows of a collection: the manifest, the open segments, the documents that are in
 * none, and the view of all of it that searches use. Whatever changes makes a new view; searches and
 * snapshots that hold the old one are not disturbed.
 */
export class CollectionState {
  readonly #store: DocumentStore
  readonly #dense: DenseSettings | undefined
  #manifest: SegmentManifest
  #view: View
  /** The last one takes new documents; those before wait to become segments. */
  #deltas: readonly Delta[]
  /** Entries of the last delta that show: those that follow are being written. */
  #numShown: number
  /** Removals that are not forgotten yet, by ascending number. */
  #tombstones: Tombstone[]

  private constructor(
    store: DocumentStore,
    dense: DenseSettings | undefined,
    manifest: SegmentManifest,
    view: View,
    delta: Delta,
    tombstones: Tombstone[]
  ) {
    this.#store = store
    this.#dense = dense
    this.#manifest = manifest
    this.#view = view
    this.#deltas = [delta]
    settleAll(delta)
    this.#numShown = delta.numEntries
    this.#tombstones = tombstones
  }

  /**
   * Reads the manifest, opens its segments and loads the documents that are in none.
   *
   * @param dense - undefined where dense vectors are not searched
   * @param known - segments that are open already
   * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`, `FILE_UNREADABLE`
   */
  static async load(
    store: DocumentStore,
    storage: SegmentStorage,
    dense?: DenseSettings,
    known: readonly OpenSegment[] = []
  ): Promise<CollectionState> {
    for (let attempt = 1; ; attempt++) {
      const manifest = await storage.readManifest()
      let segments: OpenSegment[]
      try {
        segments = await openSegments(manifest, storage, known)
      } catch (error) {
        // The writer may have put another manifest in place, and removed what this one named.
        if (attempt === MAX_ATTEMPTS || !storage.hasNewManifest()) throw error
        continue
      }
      const snapshot = store.snapshot()
      try {
        const { forgottenFor, lastSeq } = snapshot.state
        if (forgottenFor > manifest.generation) {
          // The writer has forgotten tombstones that these segments need.
          if (attempt === MAX_ATTEMPTS) throw manifestBehind(manifest.generation, forgottenFor)
          snapshot.close()
          continue
        }
        if (manifest.flushedSeq > lastSeq) throw storeBehind(manifest.flushedSeq, lastSeq)
        const tombstones = [...snapshot.tombstones(0)]
        const delta = new Delta(dense)
        addDocuments(delta, snapshot, manifest.flushedSeq)
        const states = segments.map(segment => stateOf(segment, tombstones))
        const parts = { segments: states, deltas: [{ delta, numEntries: delta.numEntries }] }
        const view = new View(parts, new SharedSnapshot(snapshot))
        return new CollectionState(store, dense, manifest, view, delta, tombstones)
      } catch (error) {
        snapshot.close()
        throw error
      }
    }
  }

  /** What is searched now. Whoever keeps it beyond the turn holds it. */
  get view(): View {
    return this.#view
  }

  get manifest(): SegmentManifest {
    return this.#manifest
  }

  /** Takes new documents. */
  get delta(): Delta {
    return this.#deltas.at(-1)!
  }

  /** Deltas that take no more documents and are not segments yet, oldest first. */
  get frozen(): readonly Delta[] {
    return this.#deltas.slice(0, -1)
  }

  /** Lets a batch show that the store has taken. */
  publish(removed: readonly Removal[]): void {
    const snapshot = this.#store.snapshot()
    const { lastTombstone } = snapshot.state
    const fresh = removed.map(({ seq }, i) => ({
      number: lastTombstone - removed.length + 1 + i,
      seq
    }))
    this.#apply(fresh, new SharedSnapshot(snapshot))
  }

  /**
   * Catches up with what another process has written.
   *
   * @returns false where that needs a newer manifest, since tombstones were forgotten after this one
   */
  follow(): boolean {
    const snapshot = this.#store.snapshot()
    const { state } = this.#view.store
    const { commit, forgottenFor } = snapshot.state
    const isUpToDate = commit === state.commit
    if (isUpToDate || forgottenFor > this.#manifest.generation) {
      snapshot.close()
      return isUpToDate
    }
    const { numDocuments } = this.delta
    try {
      addDocuments(this.delta, snapshot, state.lastSeq)
      this.#apply([...snapshot.tombstones(state.lastTombstone)], new SharedSnapshot(snapshot))
    } catch (error) {
      this.delta.truncate(numDocuments)
      snapshot.close()
      throw error
    }
    settleAll(this.delta)
    return true
  }

  /**
   * New documents go to a new delta; the one until now is to become a segment. No batch may be under
   * way.
   */
  freeze(): void {
    if (this.delta.numDocuments === 0) return
    this.#deltas = [...this.#deltas, new Delta(this.#dense)]
    this.#numShown = 0
    this.#show(this.#view.segments)
  }

  /**
   * A manifest that was written takes effect: a segment of the range, unless the range is empty, takes
   * the place of those that the manifest names no more, and of deltas up to its `flushedSeq`.
   *
   * @returns the numbers of tombstones that nothing needs any more
   */
  install(
    manifest: SegmentManifest,
    range: { readonly firstSeq: number; readonly lastSeq: number },
    added: OpenSegment | undefined
  ): number[] {
    const states = new Map(this.#view.segments.map(state => [state.segment.record.file, state]))
    if (added !== undefined) states.set(added.record.file, stateOf(added, this.#tombstones))
    this.#manifest = manifest
    this.#deltas = this.#deltas.filter(
      delta => delta === this.delta || delta.lastSeq > manifest.flushedSeq
    )
    this.#show(manifest.segments.map(({ file }) => states.get(file)!))
    return this.#forget(
      ({ seq }) => seq >= range.firstSeq && seq <= range.lastSeq && !added?.has(seq)
    )
  }

  /** Numbers of tombstones that a process before this one left though nothing needs them. */
  forgettable(): number[] {
    const { segments } = this.#view
    return this.#forget(({ seq }) => {
      if (seq > this.#manifest.flushedSeq) return false
      return !segments.some(({ segment }) => {
        const { firstSeq, lastSeq } = segment.record
        return seq >= firstSeq && seq <= lastSeq && segment.has(seq)
      })
    })
  }

  /** Lets everything go; snapshots that hold a view keep it. */
  close(): void {
    this.#view.release()
  }

  #forget(isNeedless: (tombstone: Tombstone) => boolean): number[] {
    const needed: Tombstone[] = []
    const forgotten: number[] = []
    for (const tombstone of this.#tombstones) {
      if (isNeedless(tombstone)) forgotten.push(tombstone.number)
      else needed.push(tombstone)
    }
    this.#tombstones = needed
    return forgotten
  }

  #apply(tombstones: readonly Tombstone[], shared: SharedSnapshot): void {
    const { commit } = shared.snapshot.state
    for (const tombstone of tombstones) this.#tombstones.push(tombstone)
    const dead: number[] = []
    for (const { seq } of tombstones) {
      if (!this.#deltas.some(delta => delta.kill(seq, commit))) dead.push(seq)
    }
    const segments =
      dead.length === 0
        ? this.#view.segments
        : this.#view.segments.map(state => withDead(state, within(dead, state.segment.record)))
    this.#numShown = this.delta.numEntries
    const before = this.#view
    this.#view = new View({ segments, deltas: this.#deltaStates() }, shared)
    before.release()
  }

  /** The same documents, with other segments. */
  #show(segments: ViewParts['segments']): void {
    const before = this.#view
    this.#view = before.withParts({ segments, deltas: this.#deltaStates() })
    before.release()
  }

  #deltaStates(): DeltaState[] {
    return this.#deltas.map(delta => ({
      delta,
      numEntries: delta === this.delta ? this.#numShown : delta.numEntries
    }))
  }
}

/** The documents after a number, as far as the snapshot has them. */
function addDocuments(delta: Delta, snapshot: StoreSnapshot, after: number): void {
  for (const seq of snapshot.seqs(after + 1, snapshot.state.lastSeq)) {
    const { namespace, metadata } = snapshot.document(seq)!
    const { passages, dense } = snapshot.vectors(seq)!
    delta.add({ seq, namespace, metadata }, passages, dense)
  }
}

function settleAll(delta: Delta): void {
  let isMore = true
  while (isMore) isMore = delta.settle()
}

async function openSegments(
  { segments }: SegmentManifest,
  storage: SegmentStorage,
  known: readonly OpenSegment[]
): Promise<OpenSegment[]> {
  const opened: OpenSegment[] = []
  for (const record of segments) {
    const same = known.find(({ record: { file } }) => file === record.file)
    opened.push(same ?? (await storage.open(record)))
  }
  return opened
}

function stateOf(segment: OpenSegment, tombstones: readonly Tombstone[]): SegmentState {
  const seqs = within(
    tombstones.map(({ seq }) => seq),
    segment.record
  )
  return withDead({ segment, live: undefined }, seqs)
}

function within(seqs: readonly number[], { firstSeq, lastSeq }: SegmentRecord): number[] {
  return seqs.filter(seq => seq >= firstSeq && seq <= lastSeq)
}

function storeBehind(flushedSeq: number, lastSeq: number): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', {
    problem: `the segments hold documents up to number ${flushedSeq}, the store only up to ${lastSeq}`,
    remedy: 'esplanade repair DIR builds the segments anew from the store'
  })
}

function manifestBehind(generation: number, forgottenFor: number): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', {
    problem: `the manifest has generation ${generation}, the store had ${forgottenFor} or a later one`,
    remedy: 'esplanade repair DIR builds the segments anew from the store'
  })
}
