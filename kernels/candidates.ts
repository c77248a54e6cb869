import { documentScore, recordOf } from './document-score'
import { HAS_AFTER, Request } from './request'
import { drain, isWorse, push, replaceWorst } from './top-k'

/**
 * What the ways to search have in common: documents that may be hits wait here with their upper
 * bounds until they are scored exactly, and the threshold tells which bounds are still worth it.
 */

let hits: u32 = 0
let numPending: u32 = 0
/** Below this, in units of a contribution, no upper bound leads to a hit. */
export let threshold: i32 = 0
let numCounted: u32 = 0
let lowestBin: u32 = 0
/** Takes what is read only to bring it into the cache, so that no compiler leaves it out. */
let touched: u32 = 0

const NUM_BINS: u32 = 4096
const BIN_SHIFT: u32 = 4
/** Documents whose records are brought into the cache together. */
const TOGETHER: u32 = 32
const LINE: usize = 64

/** Forgets the search before. */
export function begin(request: Request): void {
  hits = 0
  numPending = 0
  numCounted = 0
  lowestBin = 0
  threshold = request.threshold
  memory.fill(request.histogram, 0, NUM_BINS * 4)
}

/** Takes a document of the filter that may be a hit: its sum so far and its upper bound. */
export function consider(request: Request, docId: u32, lower: u32, upper: i32): void {
  if (upper + request.slack < threshold || docId >= request.numDocuments) return
  if (upper <= request.countable) count(request, lower)
  const entry = (<u64>(<u32>upper) << 32) | <u64>docId
  store<u64>(<usize>request.pending + (<usize>numPending << 3), entry)
  if (++numPending >= request.batch) scorePending(request, false)
}

/** Scores what is left; the hits lie in the heap's place, best first. Returns their number. */
export function finish(request: Request): u32 {
  scorePending(request, true)
  drain(request.heapScores, request.heapIds, hits)
  request.numHits = hits
  return hits
}

/** Counts a document that is certain to be a hit of at least `lower`; raises the threshold. */
@inline
function count(request: Request, lower: u32): void {
  const histogram: usize = request.histogram
  const bin = lower >> BIN_SHIFT
  if (bin < lowestBin) return
  const at = histogram + (<usize>bin << 2)
  store<u32>(at, load<u32>(at) + 1)
  numCounted++
  let moved = false
  for (;;) {
    const lowest = load<u32>(histogram + (<usize>lowestBin << 2))
    if (numCounted - lowest < request.k) break
    numCounted -= lowest
    lowestBin++
    moved = true
  }
  if (moved) threshold = max(threshold, <i32>(lowestBin << BIN_SHIFT) - request.spread)
}

/** Scores the pending documents that can still enter, exactly. */
function scorePending(request: Request, isLast: bool): void {
  const pending: usize = request.pending
  let n: u32 = 0
  for (let i: u32 = 0; i < numPending; i++) {
    const entry = load<u64>(pending + (<usize>i << 3))
    if (<i32>(entry >> 32) + request.slack < threshold) continue
    store<u64>(pending + (<usize>n << 3), entry)
    n++
  }
  numPending = n
  // As long as there is room, the threshold may yet rise and spare some of them.
  if (!isLast && n << 1 <= request.batch) return
  for (let first: u32 = 0; first < n; first += TOGETHER) {
    const end = min(first + TOGETHER, n)
    touch(request, first, end)
    for (let i = first; i < end; i++) {
      offer(request, load<u32>(pending + (<usize>i << 3)))
    }
  }
  numPending = 0
}

/** Reads a byte of each cache line of the records, so that their misses overlap. */
@inline
function touch(request: Request, first: u32, end: u32): void {
  const pending: usize = request.pending
  let sum: u32 = 0
  for (let i = first; i < end; i++) {
    const docId = load<u32>(pending + (<usize>i << 3))
    sum += load<u32>(<usize>request.documentOffsets + (<usize>docId << 2))
  }
  for (let i = first; i < end; i++) {
    const docId = load<u32>(pending + (<usize>i << 3))
    const recordEnd = recordOf(request, docId + 1)
    for (let at = recordOf(request, docId); at < recordEnd; at += LINE) sum += load<u8>(at)
  }
  touched += sum
}

/** Scores a document and keeps it if it is among the best. */
function offer(request: Request, docId: u32): void {
  const record = recordOf(request, docId)
  const score = documentScore(request, record, recordOf(request, docId + 1))
  request.numScored++
  if (!(score > 0) || score < request.minScore) return
  const id = load<u32>(record)
  if (request.flags & HAS_AFTER) {
    if (!isWorse(score, id, request.afterScore, request.afterId)) return
  }
  const scores: usize = request.heapScores
  const ids: usize = request.heapIds
  if (hits < request.k) {
    push(scores, ids, hits, score, id)
    hits++
  } else if (isWorse(load<f64>(scores), load<u32>(ids), score, id)) {
    replaceWorst(scores, ids, hits, score, id)
  } else return
  if (hits == request.k) threshold = max(threshold, <i32>(load<f64>(scores) * request.scale))
}
