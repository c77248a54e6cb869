import { graphBisection } from './graph-bisection.ts'
import type { AddedDocuments } from './segment-builder.ts'

/** Whether and how documents are reordered. */
export interface ReorderOptions {
  readonly reorder: boolean
  /** Milliseconds for it; default: no limit. */
  readonly reorderBudgetMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Share of the reordering that is done, 0 to 1. */
  readonly onReorder?: ((share: number) => void) | undefined
}

/**
 * Terms of a document that count when documents are put in order: its heaviest, which carry the
 * bounds. With 16 the order was made a little faster, and searches read a few more postings.
 */
const ORDER_TERMS = 32

/** A place that no term takes. */
const UNUSED = 0xffff_ffff

/**
 * The order of documents `first` to `end − 1` in their segment: those with the same heavy terms
 * stand together, window by window. `order[docId]` counts from 0 at `first`.
 */
export async function documentOrder(
  added: AddedDocuments,
  first: number,
  end: number,
  windowDocuments: number,
  options: ReorderOptions
): Promise<Uint32Array> {
  const n = end - first
  if (!options.reorder || n <= windowDocuments) {
    return Uint32Array.from({ length: n }, (_, i) => i)
  }
  const { signal, reorderBudgetMs, onReorder } = options
  return graphBisection(heavyTerms(added, first, end), ORDER_TERMS, added.lexicon.length, {
    leafDocuments: windowDocuments,
    ...(reorderBudgetMs !== undefined && { budgetMs: reorderBudgetMs }),
    ...(signal && { signal }),
    ...(onReorder && { onProgress: onReorder })
  })
}

/** The heaviest terms of each document, {@link ORDER_TERMS} places a document. */
function heavyTerms(added: AddedDocuments, first: number, end: number): Uint32Array {
  const rows = new Uint32Array((end - first) * ORDER_TERMS).fill(UNUSED)
  for (let document = first; document < end; document++) {
    const { termIndexes, weights } = added.chunks[added.chunkOf[document]!]!
    const start = added.starts[document]!
    const length = added.lengths[document]!
    const row = (document - first) * ORDER_TERMS
    const least =
      length <= ORDER_TERMS ? 0 : weights.slice(start, start + length).sort()[length - ORDER_TERMS]!
    let used = 0
    for (let i = start; i < start + length && used < ORDER_TERMS; i++) {
      if (weights[i]! >= least) rows[row + used++] = termIndexes[i]!
    }
  }
  return rows
}
