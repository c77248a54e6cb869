import { Candidates } from './candidates.ts'
import type { RequestFields } from './memory-views.ts'
import { BIN_SHIFT, BLOCK_DOCUMENTS, blockTableMin } from './request.ts'
import { contribution } from './window-search.ts'

/**
 * Block-max pruning (Mallia, Suel & Tonellotto, "Faster Learned Sparse Retrieval with Block-Max
 * Pruning", SIGIR 2024): bounds every block of 64 documents, then scores blocks from the largest bound
 * down until no bound reaches the threshold. It differs from the paper in that it is exact over the
 * real weights: bounds count with the slack, and documents are scored from the forward index.
 *
 * It is here to be compared with: on SPLADE vectors too many blocks keep a bound above the threshold
 * (`docs/benchmarks.md`).
 */
export function blockMaxSearch(request: RequestFields): number {
  const bounds = blockBounds(request)
  request.setU32('numBlocks', bounds.length)
  // In steps of 16, as a counting sort gives them.
  const order = Uint32Array.from(bounds.keys()).sort(
    (a, b) => (bounds[b]! >>> BIN_SHIFT) - (bounds[a]! >>> BIN_SHIFT) || a - b
  )
  const candidates = new Candidates(request)
  const numDocuments = request.u32('numDocuments')
  for (const block of order) {
    const bound = bounds[block]!
    if (bound + (1 << BIN_SHIFT) + request.i32('slack') < candidates.threshold) break
    if (bound === 0) continue
    const end = Math.min((block + 1) * BLOCK_DOCUMENTS, numDocuments)
    for (let docId = block * BLOCK_DOCUMENTS; docId < end; docId++) {
      candidates.consider(docId, 0, bound)
    }
  }
  return candidates.finish()
}

/** The bound of each block of the segment. */
function blockBounds(request: RequestFields): Uint16Array {
  const { u8, u16, u32 } = request.memory
  const windowDocuments = request.u32('windowDocuments')
  const lastDocuments = request.u32('lastWindowDocuments')
  const numWindows = request.u32('numWindows')
  const blocksPerWindow = windowDocuments / BLOCK_DOCUMENTS
  const lastBlocks = lastDocuments / BLOCK_DOCUMENTS
  const bounds = new Uint16Array((numWindows - 1) * blocksPerWindow + lastBlocks)
  for (let t = 0; t < request.u32('numTerms'); t++) {
    const multiplier = request.term(t, 'multiplier')
    const surcharge = request.term(t, 'surcharge')
    const add = (block: number, impact: number): void => {
      bounds[block]! += contribution(impact, multiplier, surcharge)
    }
    for (let run = request.term(t, 'runs'); run < request.term(t, 'runsEnd'); run += 8) {
      const window = u16[run >>> 1]!
      const numPostings = u16[(run >>> 1) + 1]! + 1
      const data = request.u32('postings') + u32[(run >>> 2) + 1]!
      const documents = window === numWindows - 1 ? lastDocuments : windowDocuments
      const firstBlock = window * blocksPerWindow
      if (numPostings >= blockTableMin(documents)) {
        for (let b = 0; b < documents / BLOCK_DOCUMENTS; b++) add(firstBlock + b, u8[data + b]!)
        continue
      }
      const impacts = data + 2 * numPostings
      const largest = new Map<number, number>()
      for (let i = 0; i < numPostings; i++) {
        const block = firstBlock + Math.floor(u16[(data >>> 1) + i]! / BLOCK_DOCUMENTS)
        largest.set(block, Math.max(largest.get(block) ?? 0, u8[impacts + i]!))
      }
      for (const [block, impact] of largest) add(block, impact)
    }
  }
  return bounds
}
