import { EsplanadeError } from '../errors.ts'
import type { Decoder } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { Weights } from './weights.ts'

/** What a family calls the tensors at both ends of the model. */
export interface VocabularyNames {
  /** The word embeddings, `[vocabulary, hidden]`. */
  readonly words: string
  /** The decoder's matrix, `[vocabulary, hidden]`. */
  readonly matrix: string
  /** The decoder's bias, `[vocabulary]`: the first of these that the checkpoint holds. */
  readonly biases: readonly string[]
  /** A tensor that the masked-language head cannot be without. */
  readonly head: string
}

/** The matrices at both ends of a masked language model. */
export interface VocabularyWeights {
  /** The word embeddings, row-major `[vocabulary, hidden]`. */
  readonly words: Float32Array
  readonly decoder: Decoder
}

/**
 * Reads the word embeddings and the decoder. Where they are one matrix (`tie_word_embeddings`, which
 * is the default), checkpoints hold it under either name, or twice; where a checkpoint holds two
 * different ones, they are two, whatever its config says. So does transformers.
 *
 * @throws EsplanadeError `MODEL_MISMATCH` where a tensor is missing, as in the weights of a base
 * model without its head
 */
export function readVocabularyWeights(
  config: ModelConfig,
  weights: Weights,
  names: VocabularyNames,
  dims: readonly [vocabularySize: number, hiddenSize: number]
): VocabularyWeights {
  if (!weights.has(names.head)) throw noHead(config, names.head)
  const tied = config.flag('tie_word_embeddings', true)
  const nameOf = (own: string, other: string): string =>
    tied && !weights.has(own) && weights.has(other) ? other : own
  const [wordsName, matrixName] = [
    nameOf(names.words, names.matrix),
    nameOf(names.matrix, names.words)
  ]
  const words = weights.floats(wordsName, dims)
  const matrix = matrixName === wordsName ? words : weights.floats(matrixName, dims)
  const bias = names.biases.find(name => weights.has(name)) ?? names.biases.at(-1)!
  return { words, decoder: { matrix, bias: weights.floats(bias, [dims[0]]) } }
}

function noHead(config: ModelConfig, tensor: string): EsplanadeError {
  return new EsplanadeError('MODEL_MISMATCH', {
    place: config.place,
    problem: `the weights have no tensor ${tensor}`,
    expected: 'a masked language model, saved with its head (a class named ...ForMaskedLM)',
    remedy: 'Use a checkpoint of a SPLADE model; a base model or a dense one has no such head'
  })
}
