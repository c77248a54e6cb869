import { begin, consider, finish, threshold } from './candidates'
import { accumulateBlocks, blockTableMin, contribution } from './postings'
import { BLOCK, BLOCK_SHIFT, Request, TERM_BYTES, Term } from './request'

/**
 * Bounds every block of documents, then scores blocks from the largest bound down until no bound
 * reaches the threshold; `src/kernel/block-max-pruning.ts` is the same in TypeScript.
 */

const NUM_BINS: u32 = 4096
const BIN_SHIFT: u32 = 4

/** Adds the largest contribution of each block of a run that has no table. */
function boundSparse(ids: usize, n: u32, multiplier: u32, surcharge: u32, bounds: usize): void {
  const impacts = ids + ((<usize>n) << 1)
  let i: usize = 0
  while (i < <usize>n) {
    const block = <usize>load<u16>(ids + (i << 1)) >> BLOCK_SHIFT
    let largest: u32 = 0
    for (; i < <usize>n && <usize>load<u16>(ids + (i << 1)) >> BLOCK_SHIFT == block; i++) {
      largest = max(largest, <u32>load<u8>(impacts + i))
    }
    const bound = bounds + (block << 1)
    store<u16>(bound, load<u16>(bound) + <u16>contribution(largest, multiplier, surcharge))
  }
}

/** u16 bounds of all blocks, at `request.limits`. */
function boundBlocks(request: Request, blocksPerWindow: u32, numBlocks: u32): void {
  const bounds: usize = request.limits
  memory.fill(bounds, 0, (<usize>numBlocks) << 1)
  for (let i: u32 = 0; i < request.numTerms; i++) {
    const term = changetype<Term>(<usize>request.terms + <usize>i * TERM_BYTES)
    for (let run: usize = term.runs; run < <usize>term.runsEnd; run += 8) {
      const window = <u32>load<u16>(run)
      const isLast = window == request.numWindows - 1
      const documents = isLast ? request.lastWindowDocuments : request.windowDocuments
      const n = <u32>load<u16>(run, 2) + 1
      const data = <usize>request.postings + <usize>load<u32>(run, 4)
      const at = bounds + ((<usize>(window * blocksPerWindow)) << 1)
      if (n >= blockTableMin(documents)) {
        accumulateBlocks(data, <usize>documents >> BLOCK_SHIFT, term.multiplier, term.surcharge, at)
      } else boundSparse(data, n, term.multiplier, term.surcharge, at)
    }
  }
  request.numBlocks += numBlocks
}

/** Block numbers by descending bound, by a counting sort in steps of 16: u32 at `request.plan`. */
function orderBlocks(request: Request, numBlocks: u32): void {
  const bounds: usize = request.limits
  const starts: usize = request.histogram
  memory.fill(starts, 0, (NUM_BINS + 1) * 4)
  for (let block: u32 = 0; block < numBlocks; block++) {
    const bin = NUM_BINS - (<u32>load<u16>(bounds + ((<usize>block) << 1)) >> BIN_SHIFT)
    store<u32>(starts + ((<usize>bin) << 2), load<u32>(starts + ((<usize>bin) << 2)) + 1)
  }
  for (let bin: u32 = 1; bin <= NUM_BINS; bin++) {
    const at = starts + ((<usize>bin) << 2)
    store<u32>(at, load<u32>(at) + load<u32>(at - 4))
  }
  for (let block: u32 = 0; block < numBlocks; block++) {
    const bin = NUM_BINS - 1 - (<u32>load<u16>(bounds + ((<usize>block) << 1)) >> BIN_SHIFT)
    const at = starts + ((<usize>bin) << 2)
    const place = load<u32>(at)
    store<u32>(at, place + 1)
    store<u32>(<usize>request.plan + ((<usize>place) << 2), block)
  }
}

/** Whether the filter, if there is one, holds the document. */
@inline
function isWanted(request: Request, docId: u32): bool {
  if (!request.filter) return true
  const bits = <u32>load<u8>(<usize>request.filter + <usize>(docId >> 3))
  return ((bits >> (docId & 7)) & 1) != 0
}

/** Searches a segment by block-max pruning. Returns the number of hits. */
export function blockMaxSearch(address: usize): u32 {
  const request = changetype<Request>(address)
  const blocksPerWindow = request.windowDocuments >> <u32>BLOCK_SHIFT
  const lastBlocks = request.lastWindowDocuments >> <u32>BLOCK_SHIFT
  const numBlocks = (request.numWindows - 1) * blocksPerWindow + lastBlocks
  boundBlocks(request, blocksPerWindow, numBlocks)
  orderBlocks(request, numBlocks)
  begin(request)
  for (let i: u32 = 0; i < numBlocks; i++) {
    const block = load<u32>(<usize>request.plan + ((<usize>i) << 2))
    const bound = <i32>load<u16>(<usize>request.limits + ((<usize>block) << 1))
    // Bounds of one step of the order differ by less than a step.
    if (bound + (1 << BIN_SHIFT) + request.slack < threshold) break
    if (bound == 0) continue
    const end = min((block + 1) * BLOCK, request.numDocuments)
    for (let docId = block * BLOCK; docId < end; docId++) {
      if (isWanted(request, docId)) consider(request, docId, 0, bound)
    }
  }
  return finish(request)
}
