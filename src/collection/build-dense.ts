import { EsplanadeError } from '../errors.ts'
import type { KernelChoice } from '../kernel/kernel-memory.ts'
import type { DenseRows } from '../search/dense-rows.ts'
import { DenseRowsWriter } from '../search/dense-writer.ts'
import { buildHnswFile } from '../search/hnsw-build.ts'
import type { HnswFile } from '../search/hnsw-format.ts'
import type { Segment } from '../segment/segment.ts'
import type { DenseSettings } from './dense-settings.ts'
import { type EntrySeqs, entryKey } from './entry-key.ts'
import type { Pace } from './pace.ts'
import { unpackDense } from './passage-dense.ts'
import type { StoreSnapshot } from './store.ts'
import { VectorScratch } from './vector-scratch.ts'

/** The dense vectors of a segment's entries: a row for each entry that has one, in entry order. */
export interface DenseEntries {
  /** Their keys are those of the entries. */
  readonly rows: DenseRows
  /** `entryOf[row]`: the entry of a row, ascending. */
  readonly entryOf: Uint32Array<ArrayBuffer>
  /** The graph of the rows; undefined where they are scanned. */
  readonly graph: HnswFile | undefined
}

/** Vectors from which on a segment has a graph: a scan of fewer is as fast. */
const GRAPH_VECTORS = 4096

/**
 * Gathers the dense vectors of a segment from the store. They are read twice, first to know how many
 * there are, so that they are in memory only once.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `ABORTED`; `INVALID_ARGUMENT` where they take over 4 GiB;
 *   `RUNTIME_MISSING` where a graph is to be built and `usearch` is not installed
 */
export async function buildDense(
  snapshot: StoreSnapshot,
  { seqs }: EntrySeqs,
  { dimensions, metric, index }: DenseSettings,
  pace: Pace,
  {
    kernel = 'auto',
    signal
  }: { readonly kernel?: KernelChoice | undefined; readonly signal?: AbortSignal | undefined } = {}
): Promise<DenseEntries> {
  const scratch = new VectorScratch()
  const vectorsOf = (first: number, end: number) => {
    const seq = seqs[first]!
    const packed = snapshot.vectors(seq, scratch)?.dense
    return unpackDense(packed, end - first, dimensions, () => `document ${seq}`)
  }
  const entries: number[] = []
  const keys: string[] = []
  for (const [first, end] of documentsIn(seqs)) {
    for (const [passage, vector] of vectorsOf(first, end).entries()) {
      if (vector === undefined) continue
      entries.push(first + passage)
      keys.push(entryKey(seqs[first]!, passage))
    }
    if (pace.isDue()) await pace.turn()
  }
  const header = { metric, precision: 'int8', numVectors: keys.length, dimensions } as const
  const writer = new DenseRowsWriter(keys, header, {}, kernel)
  for (const [first, end] of documentsIn(seqs)) {
    for (const vector of vectorsOf(first, end)) if (vector !== undefined) writer.add(vector)
    if (pace.isDue()) await pace.turn()
  }
  const rows = writer.finish()
  await pace.turn()
  const hasGraph = index === 'hnsw' && keys.length >= GRAPH_VECTORS
  const graph = hasGraph ? await buildHnswFile(rows, signal) : undefined
  return { rows, entryOf: Uint32Array.from(entries), graph }
}

/** The entries of one document after the other, `[first, end)`. */
function* documentsIn(seqs: Float64Array): Generator<readonly [first: number, end: number]> {
  for (let first = 0, end = 0; first < seqs.length; first = end) {
    while (end < seqs.length && seqs[end] === seqs[first]) end++
    yield [first, end]
  }
}

/**
 * Which entry of a segment each dense vector of its file belongs to: both are in one order, and a key is
 * the same in both.
 *
 * @param graph - that of the rows, if they have one
 * @param place - the dense file, for messages
 * @throws EsplanadeError `COLLECTION_CORRUPT` where a vector has a key that no entry has
 */
export function denseEntries(
  segment: Segment,
  rows: DenseRows,
  graph: HnswFile | undefined,
  place?: string
): DenseEntries {
  const { keyOffsets } = segment
  const keys = segment.section('keys')
  const numEntries = keyOffsets.length - 1
  const { numVectors } = rows.header
  const entryOf = new Uint32Array(numVectors)
  let entry = 0
  for (let row = 0; row < numVectors; row++) {
    const start = rows.keyOffsets[row]!
    const length = rows.keyOffsets[row + 1]! - start
    while (entry < numEntries && !isKey(entry, start, length)) entry++
    if (entry === numEntries) throw foreign(row, place)
    entryOf[row] = entry++
  }
  return { rows, entryOf, graph }

  function isKey(of: number, start: number, length: number): boolean {
    const at = keyOffsets[of]!
    if (keyOffsets[of + 1]! - at !== length) return false
    for (let i = 0; i < length; i++) if (keys[at + i] !== rows.keys[start + i]) return false
    return true
  }
}

function foreign(row: number, place: string | undefined): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', {
    place,
    problem: `the key of vector ${row} is that of no entry, or stands out of order`,
    expected: 'keys of the entries of its segment, in their order',
    remedy: 'Rebuild the segment: esplanade repair DIR'
  })
}
