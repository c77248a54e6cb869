/** The named tensors of a checkpoint, whatever kind of file holds them. */
export interface Weights {
  has(name: string): boolean
  /** The shape of a tensor, or undefined where there is none of this name. */
  shapeOf(name: string): readonly number[] | undefined
  /**
   * The elements of a tensor as float32, row-major, in an array of its own.
   *
   * @throws EsplanadeError `MODEL_MISMATCH` where it is missing or not of shape `dims`,
   * `MODEL_UNSUPPORTED` where its elements are of a type that is not read
   */
  floats(name: string, dims: readonly number[]): Float32Array
}

/** The tensors of one file: a whole checkpoint, or one shard of it. */
export interface WeightsFile extends Weights {
  /** The names of all tensors. */
  readonly names: readonly string[]
}
