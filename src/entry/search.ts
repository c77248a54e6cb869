/** `esplanade/search`: vectors → index → hits, in memory. */

import { startSearchThreads } from '../node/search-threads.ts'
import { loadUsearch } from '../node/usearch-graph.ts'
import { provideHnsw } from '../search/hnsw-graph.ts'
import { provideThreads } from '../search/threads.ts'

export { openIndexFile, saveIndexFile } from '../node/index-file.ts'
export type { Contribution, ExplainOptions } from '../search/contributions.ts'
export type { DensePrecision } from '../search/dense-format.ts'
export {
  DenseIndex,
  type DenseSearchOptions,
  type DenseSearchResult
} from '../search/dense-index.ts'
export { type DenseFinishOptions, DenseIndexBuilder } from '../search/dense-index-builder.ts'
export { DocumentSet } from '../search/document-set.ts'
export type { HnswOverlap, HnswSettings } from '../search/hnsw-format.ts'
export {
  buildHnsw,
  HnswIndex,
  type HnswOptions,
  type HnswSearchOptions,
  type HnswSearchResult,
  type OverlapOptions
} from '../search/hnsw-index.ts'
export type {
  SearchManyOptions,
  SearchOptions,
  SearchResult,
  SearchStats
} from '../search/search-options.ts'
export { SparseIndex } from '../search/sparse-index.ts'
export { type FinishOptions, SparseIndexBuilder } from '../search/sparse-index-builder.ts'
export type { ApproximateStrategy, ExactStrategy, Strategy } from '../search/strategy.ts'
export {
  type MeasuredSetting,
  type Tunable,
  type TunableResult,
  type TuneOptions,
  type TuneResult,
  type Tuning,
  tuneApproximate
} from '../search/tune.ts'
export type { DenseMetric } from '../vector/dense-vector.ts'

provideThreads(startSearchThreads)
provideHnsw(loadUsearch)
