import type { Decoder } from './masked-language-model.ts'

/**
 * The last layer in whole numbers: row v of the matrix is about `steps[v] · matrix[v]`. Each term has
 * a step of its own, so a term with small weights is as exact as one with large ones.
 */
export interface Int8Decoder {
  readonly hiddenSize: number
  /** Row-major `[vocabulary, hidden]`, from -127 to 127. */
  readonly matrix: Int8Array
  /** What one unit of a row is worth, `[vocabulary]`; 0 for a row of zeros. */
  readonly steps: Float32Array
  /** The Euclidean length of each row before it was rounded, `[vocabulary]`. */
  readonly norms: Float32Array
  /** `[vocabulary]`, as it was. */
  readonly bias: Float32Array
}

/** The largest whole number of a row; symmetric, so that a row needs no zero point. */
const LARGEST = 127

/** Rounds the matrix of a decoder, row by row. */
export function quantizeDecoder({ matrix, bias }: Decoder): Int8Decoder {
  const numTerms = bias.length
  const hiddenSize = matrix.length / numTerms
  const rounded = new Int8Array(matrix.length)
  const steps = new Float32Array(numTerms)
  const norms = new Float32Array(numTerms)
  for (let termId = 0; termId < numTerms; termId++) {
    const start = termId * hiddenSize
    let largest = 0
    let squares = 0
    for (let i = start; i < start + hiddenSize; i++) {
      const weight = matrix[i]!
      largest = Math.max(largest, Math.abs(weight))
      squares += weight * weight
    }
    norms[termId] = Math.sqrt(squares)
    if (largest === 0) continue
    steps[termId] = largest / LARGEST
    const perUnit = LARGEST / largest
    for (let i = start; i < start + hiddenSize; i++) rounded[i] = Math.round(matrix[i]! * perUnit)
  }
  return { hiddenSize, matrix: rounded, steps, norms, bias }
}
