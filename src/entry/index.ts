/**
 * `esplanade`: the whole way from documents to explained hits, and the plain values that pass
 * between its steps. The steps themselves are at `esplanade/corpus`, `/text`, `/encoder`,
 * `/search`, `/explain` and `/eval`.
 */

import { provideEncodeThreads } from '../encoder/threads.ts'
import { startEncodeThreads } from '../node/encode-threads.ts'
import { startSearchThreads } from '../node/search-threads.ts'
import { loadUsearch } from '../node/usearch-graph.ts'
import { provideHnsw } from '../search/hnsw-graph.ts'
import { provideThreads } from '../search/threads.ts'

export type { CheckOptions, CheckReport, Finding, FindingCode } from '../collection/check.ts'
export type { Collection, CompactOptions, DeleteSelection } from '../collection/collection.ts'
export type { CollectionQuery, ReadyQuery } from '../collection/collection-query.ts'
export {
  type CorpusDocumentsOptions,
  type CorpusTarget,
  corpusDocuments
} from '../collection/corpus-documents.ts'
export type { DenseModelRecord, DenseOptions, DenseSettings } from '../collection/dense-settings.ts'
export type { DenseStats, GraphStats } from '../collection/dense-stats.ts'
export type { DenseStrategy } from '../collection/dense-strategy.ts'
export { type ExportOptions, exportLines } from '../collection/export-lines.ts'
export type { CollectionSearchStats } from '../collection/first-stage.ts'
export type { HybridFusion } from '../collection/hybrid-fusion.ts'
export type { ListStats } from '../collection/hybrid-search.ts'
export { type ImportOptions, importLines } from '../collection/import-lines.ts'
export type { QueryVectorOptions } from '../collection/query-vector.ts'
export type { ListName, SearchMode, SparseMode } from '../collection/search-mode.ts'
export type {
  CollectionHit,
  CollectionResult,
  CollectionSearchOptions
} from '../collection/search-request.ts'
export type { CollectionCandidate, RerankFunction } from '../collection/second-stage.ts'
export type { CollectionSettings, ModelRecord } from '../collection/settings.ts'
export type {
  CollectionDocument,
  CollectionSnapshot,
  CollectionStats,
  ExplainOptions,
  GetOptions,
  KeyPage,
  LexicalStats,
  ListOptions,
  RankedListsOptions
} from '../collection/snapshot.ts'
export type { Durability } from '../collection/store.ts'
export type { UpsertOptions, UpsertProgress, UpsertResult } from '../collection/upsert.ts'
export type { UpsertDocument, UpsertPassage } from '../collection/upsert-documents.ts'
export type { CorpusRecord, DocumentRecord, ProblemRecord } from '../corpus/document.ts'
export type { DocumentInput } from '../corpus/from-objects.ts'
export type { JsonValue, Metadata } from '../corpus/metadata.ts'
export type { QueryMode } from '../encoder/query-modes.ts'
export type { LoadOptions, SparseEncoder } from '../encoder/sparse-encoder.ts'
export { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
export type { HitExplanation } from '../explain/explain-hit.ts'
export type { Bm25Options, Bm25Variant } from '../lexical/bm25.ts'
export type { WordTermOptions, WordTermSettings } from '../lexical/word-terms.ts'
export { checkCollection } from '../node/check-collection.ts'
export { type OpenOptions, openCollection as open } from '../node/open-collection.ts'
export {
  type ReencodeOptions,
  type ReencodeProgress,
  type ReencodeResult,
  reencodeCollection
} from '../node/reencode-collection.ts'
export {
  type RepairOptions,
  type RepairResult,
  type RepairStep,
  repairCollection
} from '../node/repair-collection.ts'
export { replaceCollection } from '../node/replace-collection.ts'
export {
  type RestoreOptions,
  type RestoreResult,
  restoreCollection
} from '../node/restore-collection.ts'
export {
  readFusionTuning,
  readTuning,
  saveFusionTuning,
  saveTuning
} from '../node/tuning-file.ts'
export type { Progress, TaskOptions } from '../progress.ts'
export type { QueryLists } from '../tune/judged-queries.ts'
export {
  type FusionFold,
  type MeanOfQueries,
  type TuneFusionOptions,
  type TuneFusionResult,
  tuneFusion
} from '../tune/tune-fusion.ts'
export type { Explanation } from '../vector/explanation.ts'
export type { Hit, RankedList } from '../vector/hit.ts'
export {
  dotProduct,
  type Metric,
  norm,
  similarity,
  similarityMatrix
} from '../vector/similarity.ts'
export {
  MAX_TERM_ID,
  type Pruning,
  pruneVector,
  type SparseVector,
  sparseVector,
  sparseVectorFromEntries
} from '../vector/sparse-vector.ts'

provideThreads(startSearchThreads)
provideHnsw(loadUsearch)
provideEncodeThreads(startEncodeThreads)
