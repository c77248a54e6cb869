import type { Metric } from '../vector/similarity.ts'

/** The owner's notes in an index: whatever JSON can hold, for instance the model's name. */
export type SegmentMetadata = Readonly<Record<string, unknown>>

/**
 * An immutable inverted index over sparse vectors: for each term of the lexicon the documents that
 * contain it, each with the term's weight.
 *
 * Documents are numbered from 0 in the order they were added. The postings of `lexicon[t]` stand in
 * `docIds` and `weights` from `offsets[t]` up to, but not including, `offsets[t + 1]`.
 *
 * There is no forward index: what a document contains is found by looking its id up in the posting
 * lists (see `forward.ts`), so a posting costs 8 bytes in memory and on disk, not 16. Searching,
 * scoring one document and explaining a hit never need more.
 */
export interface Segment {
  /** How documents are compared with a query. */
  readonly metric: Metric
  /** The owner's notes; `{}` when there are none. */
  readonly metadata: SegmentMetadata
  /** `keys[docId]` is the user's key; unique and not empty. */
  readonly keys: readonly string[]
  /** Term ids that occur in at least one document, strictly ascending. */
  readonly lexicon: Uint32Array
  /** `lexicon.length + 1` positions in the postings, strictly ascending from 0. */
  readonly offsets: Uint32Array
  /** Document ids, strictly ascending within the postings of a term. */
  readonly docIds: Uint32Array
  /** `weights[i]` is the weight in document `docIds[i]`; finite and above zero. */
  readonly weights: Float32Array
}

/**
 * The most documents of one segment: a JavaScript `Map`, which finds a document by its key, holds
 * no more entries.
 */
export const MAX_DOCUMENTS: number = 2 ** 24

/** The most postings of one segment: positions are unsigned 32-bit integers. */
export const MAX_POSTINGS: number = 2 ** 32 - 1
