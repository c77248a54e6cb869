/**
 * `esplanade` in browsers: the plain values that pass between the steps, and what compares them.
 * Collections are directories, and need Node.
 */

export type { JsonValue, Metadata } from '../corpus/metadata.ts'
export { type ErrorCode, type ErrorDetails, EsplanadeError } from '../errors.ts'
export type { Progress, TaskOptions } from '../progress.ts'
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
