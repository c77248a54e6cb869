import type { DenseVector } from '../vector/dense-vector.ts'

/**
 * How the states of a text's tokens become one vector (Reimers and Gurevych 2019, arXiv:1908.10084).
 * Special tokens are tokens like all others.
 *
 * - `mean`: the mean of all tokens.
 * - `cls`: the state of the first token, `[CLS]` in BERT.
 * - `max`: the largest number of each dimension.
 */
export type DensePooling = 'mean' | 'cls' | 'max'

export const DENSE_POOLINGS: readonly DensePooling[] = ['mean', 'cls', 'max']

/** What makes a vector of states. */
export interface DenseHead {
  readonly pooling: DensePooling
  /** Whether vectors are brought to length 1. */
  readonly normalize: boolean
}

/**
 * Pools the states of one text.
 *
 * @param states - `[numTokens, size]`, row-major, without padding
 */
export function poolStates(
  states: Float32Array,
  size: number,
  { pooling, normalize }: DenseHead
): DenseVector {
  const sums =
    pooling === 'mean'
      ? meanOf(states, size)
      : pooling === 'max'
        ? maxOf(states, size)
        : Float64Array.from(states.subarray(0, size))
  return normalize ? unit(sums) : Float32Array.from(sums)
}

/** The vector brought to length 1; one of zeros stays as it is, as PyTorch's `normalize` has it. */
export function unit(vector: Float64Array): DenseVector {
  let squares = 0
  for (const value of vector) squares += value * value
  const length = Math.sqrt(squares)
  return Float32Array.from(vector, value => (length > 0 ? value / length : value))
}

function meanOf(states: Float32Array, size: number): Float64Array {
  const sums = new Float64Array(size)
  for (let start = 0; start < states.length; start += size) {
    for (let i = 0; i < size; i++) sums[i]! += states[start + i]!
  }
  const numTokens = states.length / size
  return sums.map(sum => sum / numTokens)
}

/** NaN where there is one. */
function maxOf(states: Float32Array, size: number): Float64Array {
  const largest = Float64Array.from(states.subarray(0, size))
  for (let start = size; start < states.length; start += size) {
    for (let i = 0; i < size; i++) largest[i] = Math.max(largest[i]!, states[start + i]!)
  }
  return largest
}
