import { documentRecord } from '../segment/forward-index.ts'
import type { Segment } from '../segment/segment.ts'
import { Collector, type Ranking, type Selection } from './collector.ts'
import type { DocumentSet } from './document-set.ts'
import { type LookedUpQuery, scoreOf } from './query-terms.ts'

/**
 * Scores the documents of a filter, one after the other, from the forward index: for filters of few
 * documents, where looking at the postings of all would be in vain.
 */
export function documentAtATime(
  segment: Segment,
  query: LookedUpQuery,
  selection: Selection & { readonly filter: DocumentSet }
): Ranking {
  const { metric, numDocuments } = segment.header
  const { first, filter } = selection
  const collector = new Collector(selection)
  for (const member of filter.members(first, first + numDocuments)) {
    const record = documentRecord(segment, segment.docId(member - first))
    const score = scoreOf(query, record, metric)
    if (score > 0) collector.collect(member - first, score)
  }
  return collector.finish()
}
