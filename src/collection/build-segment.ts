import { EsplanadeError } from '../errors.ts'
import { ColumnsBuilder } from '../filter/columns-builder.ts'
import { type KernelChoice, MAX_MEMORY_BYTES } from '../kernel/kernel-memory.ts'
import type { Segment } from '../segment/segment.ts'
import { SegmentBuilder } from '../segment/segment-builder.ts'
import type { SegmentHeader } from '../segment/segment-format.ts'
import { writeSegments } from '../segment/segment-writer.ts'
import type { Metric } from '../vector/similarity.ts'
import { buildDense, type DenseEntries } from './build-dense.ts'
import type { DenseSettings } from './dense-settings.ts'
import { EntrySeqs, entryKey } from './entry-key.ts'
import { Pace } from './pace.ts'
import type { StoreSnapshot } from './store.ts'
import { VectorScratch } from './vector-scratch.ts'

/** How a segment is made; all but the signal is the collection's own choice. */
export interface BuildSegmentOptions {
  readonly metric: Metric
  readonly precision: SegmentHeader['precision']
  /** Undefined where dense vectors are not searched. */
  readonly dense?: DenseSettings | undefined
  /**
   * Whether entries with the same terms are stored together. Default: where there are at least
   * 100,000.
   */
  readonly reorder?: boolean | undefined
  /** Default `'auto'`. */
  readonly kernel?: KernelChoice | undefined
  readonly signal?: AbortSignal | undefined
}

/** A segment and the columns of its documents, made of the live documents of a range. */
export interface BuiltSegment {
  readonly segment: Segment
  /** Its documents, and the entries of each. */
  readonly seqs: EntrySeqs
  /** The content of the `.columns` file, in a buffer of its own. */
  readonly columns: Uint8Array<ArrayBuffer>
  /** Its dense vectors, of which there may be none; undefined where they are not searched. */
  readonly dense: DenseEntries | undefined
}

/**
 * Entries from which on they are reordered: below, a search reads so little that the order does not
 * show, and the segment will soon be merged into a larger one anyway.
 */
const REORDER_ENTRIES = 200_000

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
  const pace = new Pace('the building of a segment', options.signal)
  const builder = new SegmentBuilder()
  const scratch = new VectorScratch()
  for (const seq of snapshot.seqs(first, last)) {
    const { passages } = snapshot.vectors(seq, scratch) ?? missing(seq, 'vectors')
    for (const [i, vector] of passages.entries()) builder.add(entryKey(seq, i), vector)
    if (pace.isDue()) await pace.turn()
  }
  const numEntries = builder.numDocuments
  if (numEntries === 0) return undefined
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
  const seqs = EntrySeqs.of(segment)
  const columns = await buildColumns(snapshot, segment, seqs, pace)
  const { dense: wanted, kernel, signal } = options
  const dense = wanted && (await buildDense(snapshot, seqs, wanted, pace, { kernel, signal }))
  return { segment, seqs, columns, dense }
}

/** The columns of a segment, by its own order; only one document is in memory at a time. */
async function buildColumns(
  snapshot: StoreSnapshot,
  segment: Segment,
  { seqs }: EntrySeqs,
  pace: Pace
): Promise<Uint8Array<ArrayBuffer>> {
  const builder = new ColumnsBuilder(seqs.length)
  for (let entry = 0; entry < seqs.length; ) {
    const seq = seqs[entry]!
    const { namespace, metadata } = snapshot.document(seq) ?? missing(seq, 'record')
    for (; seqs[entry] === seq; entry++) builder.add(segment.docId(entry), namespace, metadata)
    if (pace.isDue()) await pace.turn()
  }
  const columns = await builder.finish()
  await pace.turn()
  return columns
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
