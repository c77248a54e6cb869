import { documentScore, recordOf } from './document-score.ts'
import type { RequestFields } from './memory-views.ts'

/**
 * The smallest score of all documents of a segment, or of those of the request's filter; 0 for one that
 * matches no term, infinity where there is no document.
 */
export function smallestScore(request: RequestFields): number {
  const { u8 } = request.memory
  const filter = request.u32('filter')
  const numDocuments = request.u32('numDocuments')
  let smallest = Number.POSITIVE_INFINITY
  for (let docId = 0; docId < numDocuments && smallest > 0; docId++) {
    if (filter !== 0 && !((u8[filter + (docId >>> 3)]! >>> (docId & 7)) & 1)) continue
    const record = recordOf(request, docId)
    const score = documentScore(request, record, recordOf(request, docId + 1))
    request.setU32('numScored', request.u32('numScored') + 1)
    smallest = Math.min(smallest, score)
  }
  return smallest
}
