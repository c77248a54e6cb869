import type { DocumentBits } from '../search/document-bits.ts'
import type { Delta } from './delta.ts'
import type { OpenSegment } from './open-segment.ts'
import type { StoreSnapshot } from './store.ts'

/** A segment, and which of its entries are live. */
export interface SegmentState {
  readonly segment: OpenSegment
  /** The live entries by document id; undefined while all are. */
  readonly live: DocumentBits | undefined
}

/** A delta, as far as it had come. */
export interface DeltaState {
  readonly delta: Delta
  readonly numEntries: number
}

/** What a collection is searched in: parts whose numbers ascend from one to the next. */
export interface ViewParts {
  readonly segments: readonly SegmentState[]
  readonly deltas: readonly DeltaState[]
}

/** A snapshot of the store that several views share; the last one lets it go. */
export class SharedSnapshot {
  readonly snapshot: StoreSnapshot
  #numHolders = 0

  constructor(snapshot: StoreSnapshot) {
    this.snapshot = snapshot
  }

  hold(): void {
    this.#numHolders++
  }

  release(): void {
    if (--this.#numHolders === 0) this.snapshot.close()
  }
}

/**
 * A collection at one point in time, after a commit: nothing in it changes. It holds a snapshot of
 * the store until it is released by all who hold it.
 */
export class View implements ViewParts {
  readonly segments: readonly SegmentState[]
  readonly deltas: readonly DeltaState[]
  readonly #shared: SharedSnapshot
  #numHolders = 1

  constructor(parts: ViewParts, shared: SharedSnapshot) {
    this.segments = parts.segments
    this.deltas = parts.deltas
    this.#shared = shared
    shared.hold()
  }

  /** The documents. */
  get store(): StoreSnapshot {
    return this.#shared.snapshot
  }

  /** The same documents in other parts. */
  withParts(parts: ViewParts): View {
    return new View(parts, this.#shared)
  }

  /** The number of the last commit that shows. */
  get commit(): number {
    return this.store.state.commit
  }

  /** Whether any document has more than one passage; may be true where none has by now. */
  get hasPassages(): boolean {
    return (
      this.segments.some(({ segment: { record } }) => record.numEntries > record.numDocuments) ||
      this.deltas.some(({ delta }) => delta.numEntries > delta.numDocuments)
    )
  }

  /** Entries that are searched, the dead among them. */
  get numEntries(): number {
    let sum = 0
    for (const { segment } of this.segments) sum += segment.record.numEntries
    for (const { numEntries } of this.deltas) sum += numEntries
    return sum
  }

  /** Keeps the view until it is released once more. */
  hold(): this {
    this.#numHolders++
    return this
  }

  release(): void {
    if (--this.#numHolders === 0) this.#shared.release()
  }
}

/** The segment with the entries of some documents dead; documents that it lacks are passed over. */
export function withDead(state: SegmentState, seqs: Iterable<number>): SegmentState {
  const { segment, live } = state
  const { numDocuments } = segment.segment.header
  let bits: Uint8Array | undefined
  let size = live?.size ?? numDocuments
  for (const seq of seqs) {
    const [first, end] = segment.seqs.entriesOf(seq)
    if (first === end) continue
    bits ??= live === undefined ? allBits(numDocuments) : live.bits.slice()
    for (let entry = first; entry < end; entry++) {
      const docId = segment.segment.docId(entry)
      const bit = 1 << (docId & 7)
      if ((bits[docId >>> 3]! & bit) === 0) continue
      bits[docId >>> 3]! &= ~bit
      size--
    }
  }
  return bits === undefined ? state : { segment, live: { bits, size } }
}

/** Entries of a segment that are dead. */
export function numDead({ segment, live }: SegmentState): number {
  return live === undefined ? 0 : segment.segment.header.numDocuments - live.size
}

function allBits(numDocuments: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(numDocuments / 8)).fill(0xff)
  const rest = numDocuments & 7
  if (rest > 0) bits[bits.length - 1] = (1 << rest) - 1
  return bits
}
