import { BLOCK_DOCUMENTS, NUM_BINS, REQUEST_BYTES, TERM_BYTES } from './request.ts'

/** Query terms of a request at most: beyond it contributions would not fit in 16 bits. */
export const MAX_QUERY_TERMS = 500

/** Hits of a request at most. */
export const MAX_HITS = 16_384

/** What the scratch of a segment depends on. */
export interface ScratchSize {
  readonly numDocuments: number
  readonly numTerms: number
  readonly windowDocuments: number
}

/** Where a request and all that it points to lie, in bytes from the start of the scratch. */
export interface ScratchLayout {
  readonly request: number
  readonly terms: number
  readonly order: number
  readonly matches: number
  readonly histogram: number
  readonly bounds: number
  readonly plan: number
  readonly limits: number
  readonly accumulator: number
  readonly pending: number
  readonly heapScores: number
  readonly heapIds: number
  readonly filter: number
  readonly isQueryTerm: number
  readonly queryWeights: number
  readonly bytes: number
}

/** Documents that wait to be scored, at most, for so many hits. */
export function batchSize(k: number): number {
  return k <= 64 ? 32 : 2 * k + 4096
}

/** Documents that the list of a request holds, at most. */
export function maxListed({ numDocuments, windowDocuments }: ScratchSize): number {
  const numWindows = Math.max(1, Math.ceil(numDocuments / windowDocuments))
  return numWindows * MAX_QUERY_TERMS
}

/** Lays out the scratch of one thread. */
export function scratchLayout({
  numDocuments,
  numTerms,
  windowDocuments
}: ScratchSize): ScratchLayout {
  const numWindows = Math.max(1, Math.ceil(numDocuments / windowDocuments))
  const numBlocks = (numWindows * windowDocuments) / BLOCK_DOCUMENTS
  const maxHits = Math.min(MAX_HITS, Math.max(1, numDocuments))
  const lengths = {
    request: REQUEST_BYTES,
    terms: TERM_BYTES * MAX_QUERY_TERMS,
    order: 8 * MAX_QUERY_TERMS,
    // A place is always written, even after the last.
    matches: 4 * (MAX_QUERY_TERMS + 4),
    histogram: 4 * (NUM_BINS + 1),
    bounds: 4 * numWindows,
    plan: 4 * Math.max(numWindows * MAX_QUERY_TERMS, numBlocks),
    limits: 2 * numBlocks,
    // Room for every 16-bit id, so that a damaged posting harms nothing else.
    accumulator: 2 * 65_536,
    pending: 8 * (batchSize(maxHits) + 1),
    heapScores: 8 * maxHits,
    heapIds: 4 * maxHits,
    filter: Math.ceil(numDocuments / 8),
    isQueryTerm: Math.max(numTerms, 65_536),
    queryWeights: 4 * numTerms
  }
  const places: Record<string, number> = {}
  let end = 0
  for (const [name, length] of Object.entries(lengths)) {
    places[name] = end
    end = Math.ceil((end + length) / 64) * 64
  }
  return { ...places, bytes: end } as unknown as ScratchLayout
}
