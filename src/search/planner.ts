import { MAX_HITS, MAX_QUERY_TERMS } from '../kernel/scratch.ts'
import type { ExactStrategy } from './strategy.ts'

/** What the choice depends on. */
export interface Situation {
  readonly numDocuments: number
  readonly numWindows: number
  /** Terms of the query that the index knows. */
  readonly numTerms: number
  /** Postings of those terms. */
  readonly numPostings: number
  readonly k: number
  /** Documents of the filter; undefined without one. */
  readonly filterSize: number | undefined
}

/**
 * What scoring one document by its record costs, in postings: measured with
 * `npm run bench -- planner`, 0.3 µs a document against 0.8 ns a posting.
 */
const DOCUMENT_COST = 400

/** Choices that are exact; which is fastest was measured (`docs/benchmarks.md`). */
export function choose(situation: Situation): Exclude<ExactStrategy, 'auto'> {
  const { numDocuments, numWindows, numTerms, numPostings, k, filterSize } = situation
  if (filterSize !== undefined && filterSize * DOCUMENT_COST < numPostings) {
    return 'document-at-a-time'
  }
  if (!fitsKernel(numTerms, Math.min(k, numDocuments))) return 'exhaustive'
  return numWindows >= MAX_SCORE_WINDOWS && k <= MAX_SCORE_K ? 'max-score' : 'windowed'
}

/** With fewer, most windows are searched with all terms anyway, to raise the threshold. */
const MAX_SCORE_WINDOWS = 4

/** Beyond this, too many documents would be scored one by one before the threshold stands. */
const MAX_SCORE_K = 100

/** Whether a kernel takes a query of so many terms for so many hits. */
export function fitsKernel(numTerms: number, k: number): boolean {
  return numTerms <= MAX_QUERY_TERMS && k <= MAX_HITS
}
