/**
 * Which segments are merged next. Tiered, as in "The Log-Structured Merge-Tree" (O'Neil, Cheng,
 * Gawlick, O'Neil, Acta Informatica 33, 1996) and Lucene's `TieredMergePolicy`, but neighbours only:
 * the order of hits of one score is that of the segments.
 *
 * The tier of a segment is the logarithm of its entries to the base `factor`; one of at least half
 * the largest size is full and stays as it is. Three rules, in this order:
 *
 * 1. Tiers never rise from left to right, between full segments. A flush larger than what stands
 *    before it is merged with that.
 * 2. `factor` segments of one tier become one of a higher tier.
 * 3. A segment with more than a third of its entries dead is built anew, alone.
 *
 * A merge takes in the neighbours on the left whose tier is below that of the result, so it never
 * breaks rule 1. So, but for what was deleted: an entry that is written again rises a tier, except
 * once at most, after its flush, by rule 1; and no tier has as many as `factor` segments.
 */

/** What the policy asks of a segment. */
export interface MergeCandidate {
  /** Entries, the dead among them. */
  readonly numEntries: number
  readonly numDead: number
  /** Bytes of its files. */
  readonly bytes: number
}

/** Limits of {@link planMerge}. */
export interface MergeOptions {
  /** Segments of one tier that are merged, and how much larger a tier is than the one below. Default 8. */
  readonly factor?: number
  /** Bytes that a merged segment has at most. Default 2 GiB. */
  readonly maxBytes?: number
  /** Entries that a merged segment has at most. Default 2^24. */
  readonly maxEntries?: number
  /** A segment of which more than this share is dead is built anew. Default 1/3. */
  readonly maxDeadShare?: number
}

/** Segments that become one: those from `first` up to, not including, `end`. */
export interface MergePlan {
  readonly first: number
  readonly end: number
}

const FULL = Number.POSITIVE_INFINITY

/** The most useful merge of a list of segments in the order of their documents, if there is one. */
export function planMerge(
  segments: readonly MergeCandidate[],
  options: MergeOptions = {}
): MergePlan | undefined {
  const { factor = 8, maxBytes = 2 ** 31, maxEntries = 2 ** 24, maxDeadShare = 1 / 3 } = options
  const tierOf = ({ numEntries, bytes }: Size): number => {
    if (2 * numEntries >= maxEntries || 2 * bytes >= maxBytes) return FULL
    let tier = 0
    for (let least = factor; numEntries >= least; least *= factor) tier++
    return tier
  }
  const tiers = segments.map(tierOf)
  const run = risingRun(tiers) ?? equalRun(tiers, factor)
  if (run !== undefined) {
    const fits = ({ numEntries, bytes }: Size): boolean =>
      numEntries <= maxEntries && bytes <= maxBytes
    return fitted(segments, extended(segments, tiers, run, tierOf), fits)
  }
  const first = segments.findIndex(({ numDead, numEntries }) => numDead > maxDeadShare * numEntries)
  return first < 0 ? undefined : { first, end: first + 1 }
}

/** What is left of segments once they are merged. */
interface Size {
  readonly numEntries: number
  readonly bytes: number
}

function liveSize(segments: readonly MergeCandidate[], { first, end }: MergePlan): Size {
  let numLive = 0
  let liveBytes = 0
  for (const { numEntries, numDead, bytes } of segments.slice(first, end)) {
    numLive += numEntries - numDead
    liveBytes += numEntries === 0 ? 0 : (bytes * (numEntries - numDead)) / numEntries
  }
  return { numEntries: numLive, bytes: liveBytes }
}

/** Rule 1: the segment of the highest tier above its left neighbour's, and all lower ones before it. */
function risingRun(tiers: readonly number[]): MergePlan | undefined {
  let last = -1
  for (let i = 1; i < tiers.length; i++) {
    if (tiers[i] === FULL || tiers[i]! <= tiers[i - 1]!) continue
    if (last < 0 || tiers[i]! > tiers[last]!) last = i
  }
  if (last < 0) return undefined
  let first = last
  while (first > 0 && tiers[first - 1]! < tiers[last]!) first--
  return { first, end: last + 1 }
}

/** Rule 2: neighbours of one tier, as many as `factor`; of the lowest such tier. */
function equalRun(tiers: readonly number[], factor: number): MergePlan | undefined {
  let lowest: MergePlan | undefined
  for (let first = 0, end = 0; first < tiers.length; first = end) {
    while (end < tiers.length && tiers[end] === tiers[first]) end++
    if (tiers[first] === FULL || end - first < factor) continue
    if (lowest === undefined || tiers[first]! < tiers[lowest.first]!) lowest = { first, end }
  }
  return lowest
}

/** With the neighbours on the left that are of a lower tier than what comes out. */
function extended(
  segments: readonly MergeCandidate[],
  tiers: readonly number[],
  run: MergePlan,
  tierOf: (size: Size) => number
): MergePlan {
  let { first } = run
  const { end } = run
  while (first > 0 && tiers[first - 1]! < tierOf(liveSize(segments, { first, end }))) first--
  return { first, end }
}

/**
 * As many of a run, from the left, as make a segment within the limits. Any two that are not full do;
 * and a run that is cut makes a full one, for the next would have passed a limit.
 */
function fitted(
  segments: readonly MergeCandidate[],
  { first, end }: MergePlan,
  fits: (size: Size) => boolean
): MergePlan {
  let last = end
  while (last > first + 2 && !fits(liveSize(segments, { first, end: last }))) last--
  return { first, end: last }
}
