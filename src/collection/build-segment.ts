import { EsplanadeError } from '../errors.ts'
import { type KernelChoice, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import type { Segment } from '../segment/segment.ts'
import { SegmentBuilder } from '../segment/segment-builder.ts'
import type { SegmentHeader } from '../segment/segment-format.ts'
import { writeSegments } from '../segment/segment-writer.ts'
import type { Metric } from '../vector/similarity.ts'
import { entryKey } from './entry-key.ts'
import type { StoreSnapshot } from './store.ts'

/** How a segment is made; all but the signal is the collection's own choice. */
export interface BuildSegmentOptions {
  readonly metric: Metric
  readonly precision: SegmentHeader['precision']
  /**
   * Whether entries with the same terms are stored together. Default: where there are at least
   * {@link REORDER_ENTRIES}.
   */
  readonly reorder?: boolean | undefined
  /** Default `'auto'`. */
  readonly kernel?: KernelChoice | undefined
  readonly signal?: AbortSignal | undefined
}

/** A segment and the columns of its documents, made of the live documents of a range. */
export interface BuiltSegment {
  readonly segment: Segment
  /** The content of the `.columns` file, in a buffer of its own. */
  readonly columns: Uint8Array<ArrayBuffer>
  readonly numDocuments: number
  /** Passages of the documents. */
  readonly numEntries: number
  /** The number of the first document that is in it. */
  readonly firstSeq: number
  /** The number of the last document that is in it. */
  readonly lastSeq: number
}

/**
 * Entries from which on they are reordered: below, a search reads so little that the order does not
 * show, and the segment will soon be merged into a larger one anyway.
 */
export const REORDER_ENTRIES = 100_000

/** As in `SparseIndexBuilder`. */
const WINDOW_DOCUMENTS = 16_384

/** What is left below WebAssembly's 4 GiB is for the tables and for the scratch of searches. */
const MAX_SEGMENT_BYTES = (MAX_MEMORY_BYTES / 8) * 7

/**
 * Builds the segment of a range of documents from what the store holds of them now. Flush, merge,
 * repair and compaction are all this: it leaves out what was deleted, and gives the same bytes for
 * the same documents.
 *
 * @param first - the least number of a document
 * @param last - the greatest number, itself included
 * @returns undefined where no document of the range is alive
 * @throws EsplanadeError `COLLECTION_CORRUPT` when a record of the store is damaged; `ABORTED`;
 *   `INVALID_ARGUMENT` when the range is too large for one segment
 */
export async function buildSegment(
  snapshot: StoreSnapshot,
  first: number,
  last: number,
  options: BuildSegmentOptions
): Promise<BuiltSegment | undefined> {
  const pace = new Pace(options.signal)
  const builder = new SegmentBuilder()
  const seqs: number[] = []
  for (const seq of snapshot.seqs(first, last)) {
    const { passages } = snapshot.vectors(seq) ?? missing(seq, 'vectors')
    for (const [i, vector] of passages.entries()) builder.add(entryKey(seq, i), vector)
    seqs.push(seq)
    if (pace.isDue()) await pace.turn()
  }
  if (seqs.length === 0) return undefined
  const numEntries = builder.numDocuments
  const segments = await writeSegments(builder.finish(), {
    metric: options.metric,
    precision: options.precision,
    metadata: {},
    windowDocuments: WINDOW_DOCUMENTS,
    maxSegmentBytes: MAX_SEGMENT_BYTES,
    kernel: options.kernel ?? 'auto',
    reorder: options.reorder ?? numEntries >= REORDER_ENTRIES,
    signal: options.signal
  })
  if (segments.length > 1) throw tooLarge(first, last, numEntries)
  const segment = segments[0]!
  await pace.turn()
  return {
    segment,
    columns: await buildColumns(snapshot, segment, pace),
    numDocuments: seqs.length,
    numEntries,
    firstSeq: seqs[0]!,
    lastSeq: seqs.at(-1)!
  }
}

async function buildColumns(
  _snapshot: StoreSnapshot,
  _segment: Segment,
  _pace: Pace
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(0)
}

/** Milliseconds of work between two looks at the signal. */
const TURN_MS = 25

/** Lets other tasks of the thread have a turn now and then: the one that fires the signal is one. */
class Pace {
  readonly #signal: AbortSignal | undefined
  #begun = performance.now()

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  isDue(): boolean {
    return performance.now() - this.#begun >= TURN_MS
  }

  /** @throws EsplanadeError `ABORTED` */
  async turn(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve))
    this.#begun = performance.now()
    if (!this.#signal?.aborted) return
    throw new EsplanadeError('ABORTED', {
      problem: 'the building of a segment was stopped by its signal',
      cause: this.#signal.reason
    })
  }
}

function missing(seq: number, what: string): never {
  throw new EsplanadeError('COLLECTION_CORRUPT', {
    problem: `the store lists document ${seq} but has no ${what} of it`,
    remedy: 'Restore the collection from a backup'
  })
}

function tooLarge(first: number, last: number, numEntries: number): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    problem: `documents ${first} to ${last}, ${numEntries} entries, are more than one segment holds`,
    expected: `at most ${MAX_SEGMENT_BYTES} bytes`,
    remedy: 'Build them as several segments'
  })
}
