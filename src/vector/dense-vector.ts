import { EsplanadeError } from '../errors.ts'

/** A vector of one number a dimension, as a {@link DenseEncoder} gives it; all finite. */
export type DenseVector = Float32Array

/**
 * How dense vectors are compared; higher is better for all.
 *
 * - `cosine`: dot product over the product of their lengths. A vector of zeros has no direction, and is
 *   refused.
 * - `dot`: dot product.
 * - `euclidean`: the distance of the two points, below zero: 0 is best, and there is no worst.
 */
export type DenseMetric = 'cosine' | 'dot' | 'euclidean'

export const DENSE_METRICS: readonly DenseMetric[] = ['cosine', 'dot', 'euclidean']

/** The most dimensions that a vector may have. */
export const MAX_DIMENSIONS = 65_536

/**
 * A vector that keeps its contract, whoever made it; an array that is none of float32 is rounded to it.
 *
 * @param place - what to call it in errors
 * @throws EsplanadeError `INVALID_VECTOR` for another number of dimensions, and for numbers that are not
 * finite as float32
 */
export function checkedDenseVector(
  vector: ArrayLike<number>,
  dimensions: number,
  place: string
): DenseVector {
  if (typeof vector !== 'object' || vector === null || typeof vector.length !== 'number') {
    throw invalid(place, 'not a dense vector', 'a Float32Array, or an array of numbers')
  }
  if (vector.length !== dimensions) {
    throw invalid(place, `it has ${vector.length} dimensions`, `${dimensions}`)
  }
  const floats = vector instanceof Float32Array ? vector : Float32Array.from(vector)
  for (let i = 0; i < dimensions; i++) {
    if (Number.isFinite(floats[i])) continue
    const given = typeof vector[i] === 'number' ? vector[i] : typeof vector[i]
    throw invalid(place, `dimension ${i} is ${given}`, 'finite numbers of float32')
  }
  return floats
}

/**
 * Dot product of two dense vectors. This is the definition of an exact score: products of the float32
 * numbers in float64, in four sums, the first of the dimensions 0, 4, 8 ..., the second of 1, 5, 9 ...;
 * then first + third, second + fourth, and the two together. (Four sums, as that is what SIMD adds.)
 */
function denseDotProduct(a: DenseVector, b: DenseVector): number {
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) sums[i & 3]! += a[i]! * b[i]!
  return sums[0]! + sums[2]! + (sums[1]! + sums[3]!)
}

/** Euclidean length, in float64. */
export function denseNorm(vector: DenseVector): number {
  return Math.sqrt(denseDotProduct(vector, vector))
}

/** Square of the distance, summed as {@link denseDotProduct} sums. */
function squaredDistance(a: DenseVector, b: DenseVector): number {
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!
    sums[i & 3]! += difference * difference
  }
  return sums[0]! + sums[2]! + (sums[1]! + sums[3]!)
}

/** The score of two vectors of the same length by a metric; for cosine neither is all zeros. */
export function denseScore(a: DenseVector, b: DenseVector, metric: DenseMetric): number {
  switch (metric) {
    case 'dot':
      return denseDotProduct(a, b)
    case 'cosine':
      return denseDotProduct(a, b) / (denseNorm(a) * denseNorm(b))
    case 'euclidean':
      return 0 - Math.sqrt(squaredDistance(a, b))
  }
}

/** @throws EsplanadeError `INVALID_VECTOR` for a vector of zeros */
export function refuseZero(isZero: boolean, place: string): void {
  if (!isZero) return
  throw invalid(
    place,
    'all of its numbers are 0, so it has no direction',
    'a number other than 0, or another metric than cosine'
  )
}

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_VECTOR', { place, problem, expected })
}
