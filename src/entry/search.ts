/** `esplanade/search`: vectors → index → hits, in memory. */

export type { Contribution, ExplainOptions } from '../search/contributions.ts'
export { DocumentSet } from '../search/document-set.ts'
export type { SearchOptions, SearchResult, SearchStats } from '../search/search-options.ts'
export { type FinishOptions, SparseIndex, SparseIndexBuilder } from '../search/sparse-index.ts'
