import { MAX_HITS, MAX_QUERY_TERMS } from '../kernel/scratch.ts'

/** What the choice depends on. */
export interface Situation {
  readonly numWindows: number
  /** Postings of the query's terms; 0 where there is no filter, since then it does not matter. */
  readonly numPostings: number
  readonly k: number
  /** Documents of the filter; undefined without one, or with one too large for a list. */
  readonly filterSize: number | undefined
}

/**
 * What scoring one document by its record costs, in postings: more in a large segment, whose records
 * come from memory one by one, while postings come in streams.
 */
function documentCost(numWindows: number): number {
  return numWindows >= 16 ? 600 : 300
}

/** Below this, most windows are searched with all terms anyway, to raise the threshold. */
const MAX_SCORE_WINDOWS = 4

/** Beyond this, too many documents would be scored one by one before the threshold stands. */
const MAX_SCORE_K = 100

/**
 * The exact strategy that is fastest. `npm run bench -- planner` measures what it rests on; medians in
 * milliseconds, of queries of 18 and of 80 terms:
 *
 *     documents  k     windowed       max-score        filter of  windowed       one by one
 *     30,000     10    .067 / .235    .070 / .225      150        .115 / .287    .037 / .059
 *     30,000     100   .132 / .360    .146 / .342      600        .098 / .311    .113 / .190
 *     100,000    10    .172 / .539    .158 / .464      500        .249 / .733    .088 / .114
 *     100,000    100   .276 / .783    .268 / .671      2,000      .206 / .690    .354 / .409
 *     100,000    1000  .994 / 3.81    1.10 / 4.09
 */
export function choose({
  numWindows,
  numPostings,
  k,
  filterSize
}: Situation): 'document-at-a-time' | 'max-score' | 'windowed' {
  if (filterSize !== undefined && filterSize * documentCost(numWindows) < numPostings) {
    return 'document-at-a-time'
  }
  return numWindows >= MAX_SCORE_WINDOWS && k <= MAX_SCORE_K ? 'max-score' : 'windowed'
}

/** Whether a kernel takes a query of so many terms for so many hits. */
export function fitsKernel(numTerms: number, k: number): boolean {
  return numTerms <= MAX_QUERY_TERMS && k <= MAX_HITS
}
