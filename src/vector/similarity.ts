import type { SparseVector } from './sparse-vector.ts'

/** How two vectors are compared: dot product, or dot product over the product of their lengths. */
export type Metric = 'dot' | 'cosine'

/**
 * Dot product of two sparse vectors: products of the float32 weights, summed in float64 by
 * ascending term id. This is the definition of an exact score throughout the package.
 */
export function dotProduct(a: SparseVector, b: SparseVector): number {
  let i = 0
  let j = 0
  let sum = 0
  while (i < a.terms.length && j < b.terms.length) {
    const left = a.terms[i]!
    const right = b.terms[j]!
    if (left === right) sum += a.weights[i++]! * b.weights[j++]!
    else if (left < right) i++
    else j++
  }
  return sum
}

/** Euclidean length of a sparse vector, in float64. */
export function norm(vector: SparseVector): number {
  let sum = 0
  for (const weight of vector.weights) sum += weight * weight
  return Math.sqrt(sum)
}

/**
 * Similarity of two sparse vectors by `metric` (default `'dot'`). The cosine with an empty vector is
 * 0, as sentence-transformers has it.
 */
export function similarity(a: SparseVector, b: SparseVector, metric: Metric = 'dot'): number {
  const dot = dotProduct(a, b)
  if (metric === 'dot' || dot === 0) return dot
  return dot / (norm(a) * norm(b))
}

/** `matrix[i][j]` is the {@link similarity} of `rows[i]` and `columns[j]` (default: of `rows`). */
export function similarityMatrix(
  rows: readonly SparseVector[],
  columns: readonly SparseVector[] = rows,
  metric: Metric = 'cosine'
): number[][] {
  return rows.map(row => columns.map(column => similarity(row, column, metric)))
}
