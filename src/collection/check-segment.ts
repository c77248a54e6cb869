import { columnFingerprints, metadataFingerprint } from '../filter/column-fingerprints.ts'
import type { ColumnTable } from '../filter/column-table.ts'
import { fromHalf } from '../kernel/document-score.ts'
import { toHalf } from '../segment/float16.ts'
import { documentVector } from '../segment/forward-index.ts'
import type { Segment } from '../segment/segment.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import type { DenseEntries } from './build-dense.ts'
import type { Findings } from './check.ts'
import type { EntrySeqs } from './entry-key.ts'
import type { Pace } from './pace.ts'
import { unpackDense } from './passage-dense.ts'
import type { StoredDocument, StoredVectors, StoreSnapshot } from './store.ts'

/** A segment that was opened to be compared with the store. */
export interface CheckedSegment {
  /** Where its vectors lie, for messages. */
  readonly file: string
  /** Where its columns lie. */
  readonly columnsFile: string
  /** Where its dense vectors lie, if it has any. */
  readonly denseFile: string
  /** Of its dense vectors; undefined where they are not searched. */
  readonly dimensions: number | undefined
  readonly segment: Segment
  readonly seqs: EntrySeqs
  /** Undefined where no entry has a dense vector. */
  readonly dense: DenseEntries | undefined
  readonly table: ColumnTable
}

/**
 * Compares a segment with the documents of its range, both in ascending order: each that is there must
 * have its entries, with the same vectors to the bit and the same metadata, and each that the segment
 * has beyond that must have been removed since it was built.
 *
 * @param firstSeq - documents from here on are due in this segment
 * @param lastSeq - up to here
 * @param removed - documents that were removed since segments were built
 * @param tick - called for each document
 * @throws EsplanadeError `ABORTED`
 */
export async function checkSegment(
  checked: CheckedSegment,
  range: { readonly firstSeq: number; readonly lastSeq: number },
  snapshot: StoreSnapshot,
  removed: ReadonlySet<number>,
  findings: Findings,
  pace: Pace,
  tick: () => void
): Promise<void> {
  const { file, seqs, segment, columnsFile } = checked
  const fingerprints = await fingerprintsOf(checked.table, pace)
  const dense = new DenseComparison(checked)
  let entry = 0
  const passExtra = (before: number): void => {
    while (entry < seqs.seqs.length && seqs.seqs[entry]! < before) {
      const seq = seqs.seqs[entry]!
      while (seqs.seqs[entry] === seq) entry++
      if (removed.has(seq)) continue
      findings.error('segment-extra', `it has document ${seq}, which is not in the store`, { file })
    }
  }
  for (const seq of snapshot.seqs(range.firstSeq, range.lastSeq)) {
    passExtra(seq)
    const [first, end] = seqs.entriesOf(seq)
    entry = Math.max(entry, end)
    const stored = storedOf(snapshot, seq)
    // What is wrong with the record itself is found where the store is checked.
    if (stored === undefined) continue
    const { document, vectors } = stored
    const { namespace, key, metadata } = document
    const where = { file, namespace, key }
    if (first === end) {
      findings.error('segment-missing', `it lacks document ${seq}`, where)
    } else if (!hasVectors(segment, first, end, vectors)) {
      findings.error('segment-vector', `document ${seq} has another vector in it`, where)
    } else if (!dense.hasVectors(first, end, vectors)) {
      const problem = `document ${seq} has another dense vector in it`
      findings.error('segment-vector', problem, { ...where, file: checked.denseFile })
    } else {
      const due = metadataFingerprint(namespace, metadata)
      for (let i = first; i < end; i++) {
        if (fingerprints[segment.docId(i)] === due) continue
        const problem = `document ${seq} has other metadata in it`
        findings.error('segment-metadata', problem, { ...where, file: columnsFile })
        break
      }
    }
    tick()
    if (pace.isDue()) await pace.turn()
  }
  passExtra(Number.POSITIVE_INFINITY)
}

async function fingerprintsOf(table: ColumnTable, pace: Pace): Promise<Uint32Array> {
  const steps = columnFingerprints(table)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (pace.isDue()) await pace.turn()
  }
}

function storedOf(
  snapshot: StoreSnapshot,
  seq: number
): { readonly document: StoredDocument; readonly vectors: StoredVectors } | undefined {
  try {
    const [document, vectors] = [snapshot.document(seq), snapshot.vectors(seq)]
    return document && vectors && { document, vectors }
  } catch {
    return undefined
  }
}

function hasVectors(
  segment: Segment,
  first: number,
  end: number,
  { passages }: StoredVectors
): boolean {
  if (passages.length !== end - first) return false
  const round = segment.header.precision === 'float16' ? halved : identity
  return passages.every((passage, i) =>
    isSame(documentVector(segment, segment.docId(first + i)), passage, round)
  )
}

/** Compares the dense vectors of a segment, whose entries are asked for in ascending order. */
class DenseComparison {
  readonly #dimensions: number | undefined
  readonly #dense: DenseEntries | undefined
  #row = 0

  constructor({ dimensions, dense }: Pick<CheckedSegment, 'dimensions' | 'dense'>) {
    this.#dimensions = dimensions
    this.#dense = dense
  }

  /** Whether entries have exactly the dense vectors of a document, to the bit. */
  hasVectors(first: number, end: number, { dense }: StoredVectors): boolean {
    if (this.#dimensions === undefined) return true
    const due = unpackedOr(dense, end - first, this.#dimensions)
    if (due === undefined) return false
    const { entryOf = NO_ENTRIES, rows } = this.#dense ?? {}
    // Those of documents that are no more are passed over.
    while (this.#row < entryOf.length && entryOf[this.#row]! < first) this.#row++
    for (let entry = first; entry < end; entry++) {
      const vector = due[entry - first]
      const isThere = entryOf[this.#row] === entry
      if (isThere !== (vector !== undefined)) return false
      if (vector !== undefined && !isSameDense(rows!.vector(this.#row++), vector)) return false
    }
    return true
  }
}

const NO_ENTRIES = new Uint32Array()

/** Undefined where the store has an array of another length than it could have written. */
function unpackedOr(dense: Float32Array | undefined, numPassages: number, dimensions: number) {
  try {
    return unpackDense(dense, numPassages, dimensions, () => 'document')
  } catch {
    return undefined
  }
}

function isSameDense(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]))
}

/** Weights are above zero and finite, so equal numbers are equal bits. */
function isSame(a: SparseVector, b: SparseVector, round: (weight: number) => number): boolean {
  if (a.terms.length !== b.terms.length) return false
  for (let i = 0; i < a.terms.length; i++) {
    if (a.terms[i] !== b.terms[i] || a.weights[i] !== round(b.weights[i]!)) return false
  }
  return true
}

const identity = (weight: number): number => weight
const halved = (weight: number): number => fromHalf(toHalf(weight))
