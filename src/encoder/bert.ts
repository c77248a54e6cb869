import type {
  MaskedLanguageModel,
  TokenInputs,
  TransformerEncoder
} from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { readActivation } from './transformer-activation.ts'
import { readVocabularyWeights } from './transformer-decoder.ts'
import { type EncoderWeights, readEncoderWeights } from './transformer-encoder.ts'
import {
  addFirstPositions,
  addPaddingBias,
  addPostNormLayer,
  type PostNormNames,
  type PostNormSizes,
  readNumHeads,
  TransformerLayers
} from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/**
 * BERT with its masked-language head (Devlin et al. 2019, arXiv:1810.04805), built as an ONNX graph
 * from the weights of a `BertForMaskedLM` checkpoint.
 */
export function bert(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  const sizes = readBertSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const head = 'cls.predictions'
  const names = {
    words: 'bert.embeddings.word_embeddings.weight',
    matrix: `${head}.decoder.weight`,
    // One bias under two names; where both are saved and differ, the decoder's is the one used.
    biases: [`${head}.decoder.bias`, `${head}.bias`],
    head: `${head}.transform.dense.weight`
  }
  const dims = [vocabularySize, hiddenSize] as const
  const { words, decoder } = readVocabularyWeights(config, weights, names, dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, sizes.layerNormEpsilon)
    const states = addStatesOf(layers, sizes, { weights, prefix: 'bert.', words }, inputs)
    const dense = layers.dense(`${head}.transform.dense`, states, hiddenSize)
    return layers.norm(`${head}.transform.LayerNorm`, sizes.activation(graph, dense))
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates, decoder }
}

/** BERT without a head, from a `BertModel` checkpoint or one that has a head, which is not read. */
export function bertEncoder(config: ModelConfig, weights: Weights): TransformerEncoder {
  const sizes = readBertSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const dims = [vocabularySize, hiddenSize] as const
  const own = readEncoderWeights(weights, 'bert.', 'embeddings.word_embeddings.weight', dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor =>
    addStatesOf(
      new TransformerLayers(graph, weights, hiddenSize, sizes.layerNormEpsilon),
      sizes,
      own,
      inputs
    )
  return { vocabularySize, hiddenSize, maxPositions, numTokenTypes: sizes.numTokenTypes, addStates }
}

function addStatesOf(
  layers: TransformerLayers,
  sizes: BertSizes,
  { weights, prefix, words }: EncoderWeights,
  { ids, mask, types }: TokenInputs
): Tensor {
  const { graph } = layers
  const { vocabularySize, hiddenSize } = sizes
  const looked = graph.node('Gather', [graph.floats(words, [vocabularySize, hiddenSize]), ids])
  const placed = addTypedPositions(graph, sizes, weights, `${prefix}embeddings`, types, positions =>
    addFirstPositions(graph, positions, hiddenSize, ids)
  )
  const embedded = layers.norm(`${prefix}embeddings.LayerNorm`, looked, { residual: placed })
  return addBertEncoder(layers, sizes, `${prefix}encoder`, embedded, mask)
}

/** Sizes of a BERT, and of what has its config and its layers. */
export interface BertSizes extends PostNormSizes {
  readonly vocabularySize: number
  readonly numLayers: number
  readonly maxPositions: number
  readonly numTokenTypes: number
  readonly layerNormEpsilon: number
}

/** @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` */
export function readBertSizes(config: ModelConfig): BertSizes {
  config.require('position_embedding_type', ['absolute'])
  config.require('is_decoder', [false])
  return {
    vocabularySize: config.size('vocab_size'),
    hiddenSize: config.size('hidden_size'),
    intermediateSize: config.size('intermediate_size'),
    numLayers: config.size('num_hidden_layers'),
    numHeads: readNumHeads(config, 'num_attention_heads', 'hidden_size'),
    maxPositions: config.size('max_position_embeddings'),
    numTokenTypes: config.size('type_vocab_size'),
    layerNormEpsilon: config.positive('layer_norm_eps'),
    activation: readActivation(config, 'hidden_act')
  }
}

/**
 * Adds the embeddings of positions and types. Where every token is of the first type, that type's
 * embedding is made part of each position's.
 *
 * @param types - of the tokens, int32 `[batch, length]`, or undefined
 * @param place - looks up the tokens' positions in a table, row-major `[maxPositions, hidden]`
 */
export function addTypedPositions(
  graph: OnnxGraph,
  { hiddenSize, maxPositions, numTokenTypes }: BertSizes,
  weights: Weights,
  name: string,
  types: Tensor | undefined,
  place: (positions: Float32Array) => Tensor
): Tensor {
  const positions = weights.floats(`${name}.position_embeddings.weight`, [maxPositions, hiddenSize])
  const table = weights.floats(`${name}.token_type_embeddings.weight`, [numTokenTypes, hiddenSize])
  if (types === undefined) return place(positions.map((value, i) => value + table[i % hiddenSize]!))
  const typed = graph.node('Gather', [graph.floats(table, [numTokenTypes, hiddenSize]), types])
  return graph.node('Add', [typed, place(positions)])
}

/** The layers between the embeddings and the head. */
export function addBertEncoder(
  layers: TransformerLayers,
  sizes: BertSizes,
  name: string,
  embedded: Tensor,
  mask: Tensor
): Tensor {
  const bias = addPaddingBias(layers.graph, mask)
  let states = embedded
  for (let layer = 0; layer < sizes.numLayers; layer++) {
    states = addPostNormLayer(layers, sizes, layerNames(`${name}.layer.${layer}`), states, bias)
  }
  return states
}

function layerNames(layer: string): PostNormNames {
  return {
    query: `${layer}.attention.self.query`,
    key: `${layer}.attention.self.key`,
    value: `${layer}.attention.self.value`,
    attentionOutput: `${layer}.attention.output.dense`,
    attentionNorm: `${layer}.attention.output.LayerNorm`,
    wide: `${layer}.intermediate.dense`,
    narrow: `${layer}.output.dense`,
    outputNorm: `${layer}.output.LayerNorm`
  }
}
