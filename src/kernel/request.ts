/**
 * What a search kernel is given and what it answers: fields in the memory that holds the segment.
 * `kernels/request.ts` declares the same for AssemblyScript. An address is a byte position in that
 * memory. Integers are u32 unless said otherwise; all are little-endian.
 *
 * A *contribution* is what a term adds to a document that holds it, in integers:
 * `((impact · multiplier + 128) >> 8) + surcharge`. One unit is worth `1 / scale` of a score; all
 * contributions of a query sum to at most 65,535. The surcharge is at least the error of quantisation
 * and rounding, so a document's contributions sum to no less than its score.
 */
export const REQUEST = {
  /** Query terms that the segment knows, and where their {@link TERM} entries are. */
  numTerms: 0,
  terms: 4,
  /** Documents of a window: a power of two from 512. */
  windowDocuments: 8,
  numWindows: 12,
  /** Documents of the last window, rounded up to a multiple of 512. */
  lastWindowDocuments: 16,
  numDocuments: 20,
  /** Sections of the segment. */
  postings: 24,
  documentOffsets: 28,
  documents: 32,
  lexiconSize: 36,
  /** {@link FLAGS}. */
  flags: 40,
  k: 44,
  /** i32: how far a sum of contributions may lie below the score times `scale`, at most. */
  slack: 48,
  /** A bit a document (by document id) that may be a hit, or 0 for all documents. */
  filter: 52,
  /** So many windows of the largest bounds are searched with all terms, to raise the threshold. */
  numSeeds: 56,
  /** Windows searched at most; for `documentSearch`, documents in the list. */
  numVisits: 60,
  /** Documents scored together, at least 32. */
  batch: 64,
  /** f64[k] and u32[k]: the heap, then the hits, best first: scores and insertion ids. */
  heapScores: 68,
  heapIds: 72,
  /** Scratch: u16[windowDocuments], zero before and after. */
  accumulator: 76,
  /** Scratch: u16, one a block of a window (`windowSearch`) or of the segment (`blockMaxSearch`). */
  limits: 80,
  /**
   * Scratch: u32[numWindows · numTerms] (`windowSearch`), u32 one a block (`blockMaxSearch`), or the
   * list of `documentSearch`.
   */
  plan: 84,
  /** Scratch: u32[numWindows]. */
  bounds: 88,
  /** Scratch: u64[batch + 1]. */
  pending: 92,
  /** Scratch: u32[4097]. */
  histogram: 96,
  /** u8[lexiconSize]: 4 for a term of the query, else 0; u16 term indexes need 65,536. */
  isQueryTerm: 100,
  /** f32[lexiconSize]: weights of the query's terms. */
  queryWeights: 104,
  /** Scratch: u32[numTerms + 4]. */
  matches: 108,
  /** Scratch: 8 bytes a query term. */
  order: 112,
  /** i32: only documents whose upper bound reaches this are wanted. */
  threshold: 116,
  /** Insertion id of the hit after which to go on. */
  afterId: 120,
  /** i32: a document is sure to stand after that hit if its upper bound is at most this. */
  countable: 124,
  /** So many windows are searched by descending bound, the others in their order. */
  numOrdered: 128,
  /** i32: how far a sum of contributions may lie above the score times `scale`, at most. */
  spread: 132,
  /** f64 from here. Units of a contribution in a score of 1. */
  scale: 136,
  /** The bounds of the terms that are left out sum to at most this share of the threshold. */
  leaveOut: 144,
  /** Share of those bounds that is believed: 1 is exact. */
  overestimate: 152,
  /** For cosine: Euclidean length of the query. */
  queryLength: 160,
  afterScore: 168,
  minScore: 176,
  /** The answer. */
  numHits: 184,
  numPostings: 188,
  numBlocks: 192,
  numScored: 196
} as const

/** Bytes of a request. */
export const REQUEST_BYTES = 200

/** Fields of a query term; `bound` to `data` are the kernel's own, for the window at hand. */
export const TERM = {
  /** Its runs: 8 bytes each, u16 window, u16 number of postings − 1, u32 place in the postings. */
  runs: 0,
  runsEnd: 4,
  /** u8, one a run: the largest impact. */
  maxima: 8,
  /** 128 to 32,767, so that an impact of 1 contributes at least 1. */
  multiplier: 12,
  surcharge: 16,
  bound: 20,
  numPostings: 24,
  data: 28
} as const

/** Bytes of a term entry. */
export const TERM_BYTES = 32

/** Bits of the request's flags. */
export const FLAGS = {
  /** Term indexes of the forward index are u32, else u16. */
  wideTerms: 1,
  /** Its weights are f16, else f32. */
  halfWeights: 2,
  /** A score is a cosine, else a dot product. */
  cosine: 4,
  /** Only documents after `afterScore` and `afterId` are wanted. */
  hasAfter: 8
} as const

/** Documents of a block. */
export const BLOCK_DOCUMENTS = 64

/** Bins of the histogram, and how a contribution becomes a bin. */
export const NUM_BINS = 4096
export const BIN_SHIFT = 4

/** From this many postings on a run begins with the largest impact of each block. */
export function blockTableMin(windowDocuments: number): number {
  return windowDocuments >>> 5
}

/**
 * From this many postings on (20 %) a run stands as one impact a document: it takes no more room
 * than 5/3 of a sparse run, and is added 16 documents at a time.
 */
export function denseMin(windowDocuments: number): number {
  return (windowDocuments * 13) >>> 6
}
