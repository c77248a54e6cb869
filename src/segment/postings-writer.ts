import { weightsAfter } from '../kernel/document-score.ts'
import { BLOCK_DOCUMENTS, blockTableMin, denseMin } from '../kernel/request.ts'
import type { Metric } from '../vector/similarity.ts'
import { toHalf } from './float16.ts'
import { impactOf, weightOf } from './quantizer.ts'
import type { Segment } from './segment.ts'
import type { AddedDocuments } from './segment-builder.ts'
import { paddedDocuments } from './segment-format.ts'

/**
 * The postings of a segment in two passes over its documents: the first counts the runs (a term's
 * postings of one window), which says where each will lie; the second writes them, and the records of
 * the documents, in place.
 */

/** Documents of one segment: `first + order[docId]`. */
export interface DocumentRange {
  readonly first: number
  readonly order: Uint32Array
}

/** What the first pass found. */
export interface RunTable {
  readonly numPostings: number
  readonly postingsBytes: number
  /** The largest weight of each term, for cosine over the document's length. */
  readonly maxWeights: Float32Array
  readonly runOffsets: Uint32Array
  /** Two a run: window and number of postings − 1 (u16 each), then its place in the postings. */
  readonly entries: Uint32Array
  /** The first run of each window in `inWindows`, and their terms and numbers in that order. */
  readonly windowOffsets: Uint32Array
  readonly termOf: Uint32Array
  readonly runOf: Uint32Array
  readonly maxima: Uint8Array
}

/** The smallest number that float32 holds at full precision: no largest weight is below it. */
const MIN_WEIGHT = 2 ** -126

/** Counts the runs, and finds the largest weight of each term. */
export function countRuns(
  added: AddedDocuments,
  range: DocumentRange,
  windowDocuments: number,
  metric: Metric
): RunTable {
  const numTerms = added.lexicon.length
  const { first, order } = range
  const numWindows = Math.ceil(order.length / windowDocuments)
  const maxWeights = new Float32Array(numTerms)
  const windowOffsets = new Uint32Array(numWindows + 1)
  const terms: Uint32Array[] = []
  const counts: Uint32Array[] = []
  const countOf = new Uint32Array(numTerms)
  let numPostings = 0
  for (let window = 0; window < numWindows; window++) {
    const end = Math.min((window + 1) * windowDocuments, order.length)
    for (let docId = window * windowDocuments; docId < end; docId++) {
      const document = first + order[docId]!
      const length = norm(added, document, metric)
      const { termIndexes, weights } = added.chunks[added.chunkOf[document]!]!
      const start = added.starts[document]!
      const stop = start + added.lengths[document]!
      for (let i = start; i < stop; i++) {
        const term = termIndexes[i]!
        countOf[term]!++
        const weight = weights[i]! / length
        if (weight > maxWeights[term]!) maxWeights[term] = Math.max(weight, MIN_WEIGHT)
      }
      numPostings += stop - start
    }
    const present = countOf.reduce((sum, count) => (count > 0 ? sum + 1 : sum), 0)
    const windowTerms = new Uint32Array(present)
    let at = 0
    for (let term = 0; term < numTerms; term++) if (countOf[term]! > 0) windowTerms[at++] = term
    terms.push(windowTerms)
    counts.push(windowTerms.map(term => countOf[term]!))
    windowOffsets[window + 1] = windowOffsets[window]! + present
    countOf.fill(0)
  }
  const table = placeRuns(terms, counts, windowOffsets, order.length, windowDocuments, numTerms)
  return { ...table, numPostings, maxWeights, windowOffsets }
}

/** Gives each run its number, by term and then window, and its place in the postings. */
function placeRuns(
  terms: readonly Uint32Array[],
  counts: readonly Uint32Array[],
  windowOffsets: Uint32Array,
  numDocuments: number,
  windowDocuments: number,
  numTerms: number
): Pick<RunTable, 'postingsBytes' | 'runOffsets' | 'entries' | 'termOf' | 'runOf' | 'maxima'> {
  const numRuns = windowOffsets.at(-1)!
  const runOffsets = new Uint32Array(numTerms + 1)
  for (const windowTerms of terms) for (const term of windowTerms) runOffsets[term + 1]!++
  for (let term = 0; term < numTerms; term++) runOffsets[term + 1]! += runOffsets[term]!
  const next = runOffsets.slice(0, numTerms)
  const entries = new Uint32Array(2 * numRuns)
  const termOf = new Uint32Array(numRuns)
  const runOf = new Uint32Array(numRuns)
  for (const [window, windowTerms] of terms.entries()) {
    for (const [i, term] of windowTerms.entries()) {
      const run = next[term]!++
      termOf[windowOffsets[window]! + i] = term
      runOf[windowOffsets[window]! + i] = run
      entries[2 * run] = window | ((counts[window]![i]! - 1) << 16)
    }
  }
  let postingsBytes = 0
  for (let run = 0; run < numRuns; run++) {
    const window = entries[2 * run]! & 0xffff
    const documents = windowSize(window, numDocuments, windowDocuments)
    const numPostings = (entries[2 * run]! >>> 16) + 1
    const place = runPlace(postingsBytes, numPostings, documents)
    entries[2 * run + 1] = place
    postingsBytes = place + runBytes(numPostings, documents)
  }
  return { postingsBytes, runOffsets, entries, termOf, runOf, maxima: new Uint8Array(numRuns) }
}

/** Documents of a window, padded. */
function windowSize(window: number, numDocuments: number, windowDocuments: number): number {
  return paddedDocuments(Math.min(windowDocuments, numDocuments - window * windowDocuments))
}

/** Where a run begins after one that ends at `end`: at a multiple of 16 if it has a table or a row. */
export function runPlace(end: number, numPostings: number, windowDocuments: number): number {
  return numPostings >= blockTableMin(windowDocuments) ? Math.ceil(end / 16) * 16 : end
}

/** Bytes of a run: a multiple of 2, since ids begin at one. */
export function runBytes(numPostings: number, windowDocuments: number): number {
  const table =
    numPostings >= blockTableMin(windowDocuments) ? windowDocuments / BLOCK_DOCUMENTS : 0
  const isDense = numPostings >= denseMin(windowDocuments)
  return table + (isDense ? windowDocuments : Math.ceil((3 * numPostings) / 2) * 2)
}

/** What a document's weights are divided by: its length for cosine, else 1. */
function norm(
  { chunks, chunkOf, starts, lengths }: AddedDocuments,
  document: number,
  metric: Metric
): number {
  if (metric === 'dot') return 1
  const { weights } = chunks[chunkOf[document]!]!
  const start = starts[document]!
  let squares = 0
  for (let i = start; i < start + lengths[document]!; i++) squares += weights[i]! * weights[i]!
  return Math.sqrt(squares)
}

/** The second pass. */
export class PostingsWriter {
  readonly #segment: Segment
  readonly #added: AddedDocuments
  readonly #range: DocumentRange
  readonly #runs: RunTable
  /** Of the window at hand, by term: where its table, its next id (or its row) and impact lie. */
  readonly #tables: Uint32Array
  readonly #ids: Uint32Array
  readonly #impacts: Uint32Array
  readonly #largest: Uint8Array
  readonly #errors: Float64Array

  constructor(segment: Segment, added: AddedDocuments, range: DocumentRange, runs: RunTable) {
    const numTerms = added.lexicon.length
    this.#segment = segment
    this.#added = added
    this.#range = range
    this.#runs = runs
    this.#tables = new Uint32Array(numTerms)
    this.#ids = new Uint32Array(numTerms)
    this.#impacts = new Uint32Array(numTerms)
    this.#largest = new Uint8Array(numTerms)
    this.#errors = new Float64Array(numTerms)
  }

  /** Writes postings, records, the largest impacts and the largest errors. */
  write(): void {
    const { windowDocuments } = this.#segment.header
    const { order } = this.#range
    const { windowOffsets, termOf, runOf, maxima } = this.#runs
    for (let window = 0; window < windowOffsets.length - 1; window++) {
      this.#place(window)
      const end = Math.min((window + 1) * windowDocuments, order.length)
      for (let docId = window * windowDocuments; docId < end; docId++) {
        this.#writePostings(docId, docId - window * windowDocuments)
        this.#writeRecord(docId)
      }
      for (let i = windowOffsets[window]!; i < windowOffsets[window + 1]!; i++) {
        maxima[runOf[i]!] = this.#largest[termOf[i]!]!
        this.#largest[termOf[i]!] = 0
      }
    }
    this.#segment.section('runMaxima').set(maxima)
    // Rounded up: the stored number is never below the error.
    const errors = new Float32Array(this.#errors.length)
    for (let t = 0; t < errors.length; t++)
      errors[t] = this.#errors[t]! * (1 + 2 ** -20) + 2 ** -140
    this.#segment.section('maxErrors').set(new Uint8Array(errors.buffer))
  }

  /** Notes where the runs of a window lie. A dense run has no ids: 0. */
  #place(window: number): void {
    const { header } = this.#segment
    const { windowOffsets, termOf, runOf, entries } = this.#runs
    const documents = windowSize(window, header.numDocuments, header.windowDocuments)
    const postings = this.#segment.addressOf('postings')
    for (let i = windowOffsets[window]!; i < windowOffsets[window + 1]!; i++) {
      const term = termOf[i]!
      const run = runOf[i]!
      const numPostings = (entries[2 * run]! >>> 16) + 1
      const place = postings + entries[2 * run + 1]!
      const hasTable = numPostings >= blockTableMin(documents)
      const data = place + (hasTable ? documents / BLOCK_DOCUMENTS : 0)
      const isDense = numPostings >= denseMin(documents)
      this.#tables[term] = hasTable ? place : 0
      this.#ids[term] = isDense ? 0 : data
      this.#impacts[term] = isDense ? data : data + 2 * numPostings
    }
  }

  #writePostings(docId: number, localId: number): void {
    const added = this.#added
    const { u8, u16 } = this.#segment.memory.views
    const { maxWeights } = this.#runs
    const document = this.#range.first + this.#range.order[docId]!
    const length = norm(added, document, this.#segment.header.metric)
    const { termIndexes, weights } = added.chunks[added.chunkOf[document]!]!
    const start = added.starts[document]!
    const stop = start + added.lengths[document]!
    const block = localId >>> 6
    for (let i = start; i < stop; i++) {
      const term = termIndexes[i]!
      const weight = weights[i]! / length
      const maxWeight = maxWeights[term]!
      const impact = impactOf(weight, maxWeight)
      const error = Math.abs(weight - weightOf(impact, maxWeight))
      if (error > this.#errors[term]!) this.#errors[term] = error
      if (impact > this.#largest[term]!) this.#largest[term] = impact
      const table = this.#tables[term]!
      if (table !== 0 && impact > u8[table + block]!) u8[table + block] = impact
      const id = this.#ids[term]!
      if (id === 0) {
        u8[this.#impacts[term]! + localId] = impact
      } else {
        u16[id >>> 1] = localId
        this.#ids[term] = id + 2
        u8[this.#impacts[term]!++] = impact
      }
    }
  }

  #writeRecord(docId: number): void {
    const { header, documentOffsets, memory } = this.#segment
    const { u16, u32, f32 } = memory.views
    const document = this.#range.first + this.#range.order[docId]!
    const { termIndexes, weights } = this.#added.chunks[this.#added.chunkOf[document]!]!
    const start = this.#added.starts[document]!
    const n = this.#added.lengths[document]!
    const record = this.#segment.addressOf('documents') + 4 * documentOffsets[docId]!
    u32[record >>> 2] = this.#range.order[docId]!
    const terms = record + 4
    const isNarrow = header.termIndexBytes === 2
    if (isNarrow) for (let i = 0; i < n; i++) u16[(terms >>> 1) + i] = termIndexes[start + i]!
    else u32.set(termIndexes.subarray(start, start + n), terms >>> 2)
    const stored = weightsAfter(terms + n * header.termIndexBytes, header.precision === 'float16')
    if (header.precision === 'float32') f32.set(weights.subarray(start, start + n), stored >>> 2)
    else for (let i = 0; i < n; i++) u16[(stored >>> 1) + i] = toHalf(weights[start + i]!)
  }
}
