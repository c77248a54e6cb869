/** A vector for each token of a text, as late interaction compares them. */
export interface TokenVectors {
  readonly dimensions: number
  /** Row-major `[tokens, dimensions]`, all finite. */
  readonly vectors: Float32Array
}
