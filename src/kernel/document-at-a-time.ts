import { Candidates } from './candidates.ts'
import type { RequestFields } from './memory-views.ts'

/**
 * Scores the documents of a list, one after the other, from the forward index: for filters of few
 * documents, where looking at the postings of all would be in vain. The list is `numVisits` document
 * ids (u32) at `plan`.
 */
export function documentSearch(request: RequestFields): number {
  const candidates = new Candidates(request)
  const first = request.u32('plan') >>> 2
  const docIds = request.memory.u32.subarray(first, first + request.u32('numVisits'))
  for (const docId of docIds) candidates.consider(docId, 0, 0xffff)
  return candidates.finish()
}
