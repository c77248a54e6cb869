import type { Weights } from './weights.ts'

/** The tensors of a transformer below its head. */
export interface EncoderWeights {
  readonly weights: Weights
  /** What their names begin with. */
  readonly prefix: string
  /** The word embeddings, row-major `[vocabulary, hidden]`. */
  readonly words: Float32Array
}

/**
 * Finds the tensors of a transformer: a base model has them by their own names, one with a head puts
 * the family's name before them (`bert.embeddings…`).
 *
 * @param wordsName - of the word embeddings
 * @throws EsplanadeError `MODEL_MISMATCH` where those are missing
 */
export function readEncoderWeights(
  weights: Weights,
  familyPrefix: string,
  wordsName: string,
  dims: readonly [vocabularySize: number, hiddenSize: number]
): EncoderWeights {
  const prefix = weights.has(familyPrefix + wordsName) ? familyPrefix : ''
  return { weights, prefix, words: weights.floats(prefix + wordsName, dims) }
}
