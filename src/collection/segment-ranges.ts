import type { Pace } from './pace.ts'
import type { StoreSnapshot } from './store.ts'

/** Neighbouring documents. */
export interface SeqRange {
  readonly firstSeq: number
  readonly lastSeq: number
}

/**
 * What a segment that is built of many documents at once has at most: some 300 MB, and less than
 * three times that of memory while it is built.
 */
const RANGE_LIMITS: RangeLimits = {
  maxEntries: 2 ** 20,
  maxPostings: 2 ** 25,
  maxDenseNumbers: 2 ** 28
}

/** Where documents are cut into segments. */
export interface RangeLimits {
  readonly maxEntries: number
  readonly maxPostings: number
  /** Numbers of dense vectors: each takes five bytes. */
  readonly maxDenseNumbers: number
}

/**
 * Cuts a range of documents into those of segments of a good size. Together they cover the range; what
 * is damaged in it is met by whoever builds them.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `ABORTED`
 */
export async function* segmentRanges(
  snapshot: StoreSnapshot,
  { firstSeq, lastSeq }: SeqRange,
  pace: Pace,
  { maxEntries, maxPostings, maxDenseNumbers }: RangeLimits = RANGE_LIMITS
): AsyncGenerator<SeqRange, void, undefined> {
  let first = firstSeq
  let numEntries = 0
  let numPostings = 0
  let numDense = 0
  for (const seq of snapshot.seqs(firstSeq, lastSeq)) {
    const { passages = [], dense } = snapshot.vectors(seq) ?? {}
    numEntries += passages.length
    for (const { terms } of passages) numPostings += terms.length
    numDense += dense?.length ?? 0
    const isFull =
      numEntries >= maxEntries || numPostings >= maxPostings || numDense >= maxDenseNumbers
    if (isFull) {
      yield { firstSeq: first, lastSeq: seq }
      first = seq + 1
      numEntries = 0
      numPostings = 0
      numDense = 0
    }
    if (pace.isDue()) await pace.turn()
  }
  if (first <= lastSeq) yield { firstSeq: first, lastSeq }
}
