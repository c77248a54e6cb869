/**
 * What the host writes before a call. `src/kernel/request.ts` declares the same fields at the same
 * places and says what each means.
 */

@unmanaged
export class Request {
  numTerms: u32
  terms: u32
  windowDocuments: u32
  numWindows: u32
  lastWindowDocuments: u32
  numDocuments: u32
  postings: u32
  documentOffsets: u32
  documents: u32
  lexiconSize: u32
  flags: u32
  k: u32
  slack: i32
  filter: u32
  numSeeds: u32
  numVisits: u32
  batch: u32
  heapScores: u32
  heapIds: u32
  accumulator: u32
  limits: u32
  plan: u32
  bounds: u32
  pending: u32
  histogram: u32
  isQueryTerm: u32
  queryWeights: u32
  matches: u32
  order: u32
  threshold: i32
  afterId: u32
  countable: i32
  numOrdered: u32
  spread: i32
  scale: f64
  leaveOut: f64
  overestimate: f64
  queryLength: f64
  afterScore: f64
  minScore: f64
  // What the kernel answers.
  numHits: u32
  numPostings: u32
  numBlocks: u32
  numScored: u32
}

@unmanaged
export class Term {
  runs: u32
  runsEnd: u32
  maxima: u32
  multiplier: u32
  surcharge: u32
  bound: u32
  numPostings: u32
  data: u32
}

/** Bytes of a {@link Term}. */
export const TERM_BYTES: usize = offsetof<Term>()

/** Bits of `Request.flags`. */
export const WIDE_TERMS: u32 = 1
export const HALF_WEIGHTS: u32 = 2
export const COSINE: u32 = 4
export const HAS_AFTER: u32 = 8

/** Documents of a block. */
export const BLOCK: i32 = 64
export const BLOCK_SHIFT: usize = 6
