/**
 * `esplanade/search` in browsers: without files of an index (`SparseIndex.fromBytes` opens what was
 * fetched), without worker threads and without graphs over dense vectors.
 */

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
