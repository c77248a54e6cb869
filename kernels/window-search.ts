import { begin, consider, finish, threshold } from './candidates'
import {
  accumulateBlocks,
  accumulateDense,
  accumulateSparse,
  blockTableMin,
  contribution,
  denseMin
} from './postings'
import { BLOCK, BLOCK_SHIFT, Request, TERM_BYTES, Term } from './request'

/**
 * The best k documents of a segment, window after window; `src/kernel/window-search.ts` is the same
 * in TypeScript and explains the method and why its result is exact.
 */

const VISITED: u32 = 0x8000_0000

/** Bytes of a cache line, and of the beginning of a run that is brought into the cache. */
const LINE: usize = 64
const TOUCHED_BYTES: u32 = 1024

/** Takes what is read only to bring it into the cache, so that no compiler leaves it out. */
let touched: u32 = 0

/** Where the runs of each window are, and the bound of each window. */
export function planWindows(request: Request): void {
  const n = request.numTerms
  const plan: usize = request.plan
  const bounds: usize = request.bounds
  memory.fill(plan, 0, <usize>request.numWindows * n * 4)
  memory.fill(bounds, 0, <usize>request.numWindows * 4)
  for (let i: u32 = 0; i < n; i++) {
    const term = changetype<Term>(<usize>request.terms + <usize>i * TERM_BYTES)
    let maximum: usize = term.maxima
    for (let run: usize = term.runs; run < <usize>term.runsEnd; run += 8) {
      const window = <usize>load<u16>(run)
      store<u32>(plan + ((window * n + i) << 2), <u32>run)
      const bound = bounds + (window << 2)
      store<u32>(bound, load<u32>(bound) + contribution(load<u8>(maximum), term.multiplier, term.surcharge))
      maximum++
    }
  }
}

/** The window of the largest bound that was not visited. */
function bestWindow(request: Request): u32 {
  const bounds: usize = request.bounds
  let best: u32 = 0
  let bestBound: u32 = 0
  for (let w: u32 = 0; w < request.numWindows; w++) {
    const bound = load<u32>(bounds + (<usize>w << 2))
    if (bound > bestBound && bound < VISITED) {
      bestBound = bound
      best = w
    }
  }
  return best
}

/**
 * Puts the terms that occur in the window in the order of their cost per unit of bound, cheapest
 * first; returns how many there are.
 */
export function orderTerms(request: Request, window: u32, windowDocuments: u32): u32 {
  const n = request.numTerms
  const order: usize = request.order
  const row = <usize>request.plan + ((<usize>window * n) << 2)
  let present: u32 = 0
  for (let i: u32 = 0; i < n; i++) {
    const run: usize = load<u32>(row + (<usize>i << 2))
    if (run == 0) continue
    const address = <usize>request.terms + <usize>i * TERM_BYTES
    const term = changetype<Term>(address)
    const postings = <u32>load<u16>(run, 2) + 1
    term.numPostings = postings
    term.data = request.postings + load<u32>(run, 4)
    const maximum = <usize>term.maxima + ((run - <usize>term.runs) >> 3)
    term.bound = contribution(load<u8>(maximum), term.multiplier, term.surcharge)
    const cost = postings >= denseMin(windowDocuments) ? windowDocuments >> 3 : postings + 32
    const costPerBound = <f32>cost / <f32>(term.bound + 1)
    let at = present++
    for (; at > 0; at--) {
      const before = order + (<usize>(at - 1) << 3)
      if (load<f32>(before) <= costPerBound) break
      store<u64>(before + 8, load<u64>(before))
    }
    store<f32>(order + (<usize>at << 3), costPerBound)
    store<u32>(order + (<usize>at << 3), <u32>address, 4)
  }
  return present
}

@inline
export function orderedTerm(request: Request, at: u32): Term {
  return changetype<Term>(<usize>load<u32>(<usize>request.order + (<usize>at << 3), 4))
}

/**
 * Reads a byte of each cache line at the beginning of what will be read of each run, so that their
 * misses overlap: runs are short, and each lies on a page of its own.
 */
export function touch(request: Request, kept: u32, present: u32, windowDocuments: u32): void {
  const tableMin = blockTableMin(windowDocuments)
  const tableBytes = windowDocuments >> <u32>BLOCK_SHIFT
  let sum: u32 = 0
  for (let t: u32 = 0; t < present; t++) {
    const term = orderedTerm(request, t)
    const n = term.numPostings
    let at: usize = term.data
    let bytes = n >= tableMin ? tableBytes : 0
    if (t < kept) {
      at += bytes
      bytes = min(3 * n, TOUCHED_BYTES)
      // Where the impacts of a sparse run begin, as well as its ids.
      if (n < denseMin(windowDocuments)) sum += load<u8>(at + (<usize>n << 1))
    }
    for (const end = at + bytes; at < end; at += LINE) sum += load<u8>(at)
  }
  touched += sum
}

/** Adds what one term contributes to the documents of a window. */
@inline
export function accumulate(request: Request, term: Term, windowDocuments: u32): void {
  const n = term.numPostings
  let data: usize = term.data
  if (n >= blockTableMin(windowDocuments)) data += <usize>windowDocuments >> BLOCK_SHIFT
  if (n >= denseMin(windowDocuments)) {
    accumulateDense(data, windowDocuments, term.multiplier, term.surcharge, request.accumulator)
  } else {
    accumulateSparse(data, n, term.multiplier, term.surcharge, request.accumulator)
  }
  request.numPostings += n
}

/**
 * The least sum with which a document of each block can still enter, when the terms from `kept` on
 * are left out: u16 `limits[block]`, at least 1.
 */
function limitBlocks(
  request: Request,
  kept: u32,
  present: u32,
  windowDocuments: u32,
  base: i32
): void {
  const limits: usize = request.limits
  const numBlocks = <usize>windowDocuments >> BLOCK_SHIFT
  memory.fill(limits, 0, numBlocks << 1)
  let everywhere: i32 = 0
  for (let t = kept; t < present; t++) {
    const term = orderedTerm(request, t)
    if (term.numPostings < blockTableMin(windowDocuments)) {
      everywhere += term.bound
      continue
    }
    accumulateBlocks(term.data, numBlocks, term.multiplier, term.surcharge, limits)
    request.numBlocks += <u32>numBlocks
  }
  const share = request.overestimate
  if (share < 1) everywhere = <i32>(share * <f64>everywhere)
  const most = i16x8.splat(<i16>max(min(base - everywhere, 0xffff), 1))
  const factor = i16x8.splat(<i16>(share * 32767))
  for (let at = limits; at < limits + (numBlocks << 1); at += 16) {
    let leftOut = v128.load(at)
    if (share < 1) leftOut = shareOf(leftOut, factor)
    v128.store(at, i16x8.max_u(i16x8.splat(1), i16x8.sub_sat_u(most, leftOut)))
  }
}

/** u16 numbers times a factor of 2^15; the numbers are halved first to count as signed. */
@inline
function shareOf(numbers: v128, factor: v128): v128 {
  return i16x8.shl(i16x8.q15mulr_sat_s(i16x8.shr_u(numbers, 1), factor), 1)
}

/** Considers every document of the window whose sum reaches the limit of its block; clears the sums. */
function collect(
  request: Request,
  window: u32,
  windowDocuments: u32,
  isComplete: bool,
  base: i32
): void {
  const numBlocks = windowDocuments >> <u32>BLOCK_SHIFT
  const zero = i16x8.splat(0)
  let at: usize = request.accumulator
  let firstDocId = window * request.windowDocuments
  for (let block: u32 = 0; block < numBlocks; block++) {
    let limit: i32
    let leftOut: i32 = 0
    if (isComplete) limit = max(min(threshold - request.slack, 0xffff), 1)
    else {
      limit = <i32>load<u16>(<usize>request.limits + (<usize>block << 1))
      // A limit of 1 may stand for less.
      leftOut = limit == 1 ? 0xffff : base - limit
    }
    const limits = i16x8.splat(<i16>limit)
    const a = i16x8.max_u(v128.load(at), v128.load(at, 16))
    const b = i16x8.max_u(v128.load(at, 32), v128.load(at, 48))
    const c = i16x8.max_u(v128.load(at, 64), v128.load(at, 80))
    const d = i16x8.max_u(v128.load(at, 96), v128.load(at, 112))
    const largest = i16x8.max_u(i16x8.max_u(a, b), i16x8.max_u(c, d))
    if (v128.any_true(i16x8.ge_u(largest, limits))) {
      const wanted = request.filter
        ? load<u64>(<usize>request.filter + <usize>(firstDocId >> 3))
        : ~(<u64>0)
      if (wanted) collectBlock(request, at, limits, leftOut, firstDocId, wanted)
    }
    v128.store(at, zero)
    v128.store(at, zero, 16)
    v128.store(at, zero, 32)
    v128.store(at, zero, 48)
    v128.store(at, zero, 64)
    v128.store(at, zero, 80)
    v128.store(at, zero, 96)
    v128.store(at, zero, 112)
    at += BLOCK << 1
    firstDocId += BLOCK
  }
}

/** @param wanted - a bit a document of the block: those of the filter */
function collectBlock(
  request: Request,
  sums: usize,
  limits: v128,
  leftOut: i32,
  firstDocId: u32,
  wanted: u64
): void {
  for (let eight: u32 = 0; eight < <u32>BLOCK; eight += 8, wanted >>= 8) {
    if (!(wanted & 0xff)) continue
    const at = sums + (<usize>eight << 1)
    let mask = i16x8.bitmask(i16x8.ge_u(v128.load(at), limits)) & <i32>(wanted & 0xff)
    while (mask) {
      const lane = ctz(mask)
      mask &= mask - 1
      const lower = <u32>load<u16>(at + (<usize>lane << 1))
      consider(request, firstDocId + eight + <u32>lane, lower, <i32>lower + leftOut)
    }
  }
}

/** Searches one window. */
function visit(request: Request, window: u32, isSeed: bool): void {
  const isLast = window == request.numWindows - 1
  const windowDocuments = isLast ? request.lastWindowDocuments : request.windowDocuments
  const present = orderTerms(request, window, windowDocuments)
  let kept = present
  if (!isSeed) {
    const safe = <i32>(<f64>(threshold - request.slack - 1) / request.overestimate)
    const budget = min(<i32>(request.leaveOut * <f64>max(threshold, 0)), safe)
    let left: i32 = 0
    while (kept > 1) {
      left += orderedTerm(request, kept - 1).bound
      if (left > budget) break
      kept--
    }
  }
  touch(request, kept, present, windowDocuments)
  for (let t: u32 = 0; t < kept; t++) accumulate(request, orderedTerm(request, t), windowDocuments)
  const base = threshold - request.slack
  const isComplete = kept == present
  if (!isComplete) limitBlocks(request, kept, present, windowDocuments, base)
  collect(request, window, windowDocuments, isComplete, base)
}

/** Searches a segment, at most `numVisits` windows of it. Returns the number of hits. */
export function windowSearch(address: usize): u32 {
  const request = changetype<Request>(address)
  begin(request)
  planWindows(request)
  const bounds: usize = request.bounds
  let next: u32 = 0
  for (let step: u32 = 0; step < request.numVisits; step++) {
    let window: u32
    if (step < request.numOrdered) window = bestWindow(request)
    else {
      while (load<u32>(bounds + (<usize>next << 2)) >= VISITED) next++
      window = next
    }
    const bound = load<u32>(bounds + (<usize>window << 2))
    if (bound >= VISITED) break
    store<u32>(bounds + (<usize>window << 2), VISITED)
    if (bound == 0 || <i32>bound + request.slack < threshold) continue
    visit(request, window, step < request.numSeeds)
  }
  return finish(request)
}
