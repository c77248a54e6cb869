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

/** A constant of the family; its config has no field for it. */
const LAYER_NORM_EPSILON = 1e-12

/**
 * DistilBERT (Sanh et al. 2019, arXiv:1910.01108), built from a `DistilBertForMaskedLM` checkpoint:
 * BERT's layers under other names, without token types.
 */
export function distilbert(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  const sizes = readSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const names = {
    words: 'distilbert.embeddings.word_embeddings.weight',
    matrix: 'vocab_projector.weight',
    biases: ['vocab_projector.bias'],
    head: 'vocab_transform.weight'
  }
  const dims = [vocabularySize, hiddenSize] as const
  const { words, decoder } = readVocabularyWeights(config, weights, names, dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, LAYER_NORM_EPSILON)
    const states = addStatesOf(layers, sizes, { weights, prefix: 'distilbert.', words }, inputs)
    const dense = layers.dense('vocab_transform', states, hiddenSize)
    return layers.norm('vocab_layer_norm', sizes.activation(graph, dense))
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates, decoder }
}

/** DistilBERT without a head, from a base model or one that has a head, which is not read. */
export function distilbertEncoder(config: ModelConfig, weights: Weights): TransformerEncoder {
  const sizes = readSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const dims = [vocabularySize, hiddenSize] as const
  const own = readEncoderWeights(weights, 'distilbert.', 'embeddings.word_embeddings.weight', dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor =>
    addStatesOf(
      new TransformerLayers(graph, weights, hiddenSize, LAYER_NORM_EPSILON),
      sizes,
      own,
      inputs
    )
  return { vocabularySize, hiddenSize, maxPositions, addStates }
}

interface DistilBertSizes extends PostNormSizes {
  readonly vocabularySize: number
  readonly maxPositions: number
  readonly numLayers: number
}

function readSizes(config: ModelConfig): DistilBertSizes {
  return {
    vocabularySize: config.size('vocab_size'),
    maxPositions: config.size('max_position_embeddings'),
    numLayers: config.size('n_layers'),
    hiddenSize: config.size('dim'),
    activation: readActivation(config, 'activation'),
    intermediateSize: config.size('hidden_dim'),
    numHeads: readNumHeads(config, 'n_heads', 'dim')
  }
}

function addStatesOf(
  layers: TransformerLayers,
  sizes: DistilBertSizes,
  { weights, prefix, words }: EncoderWeights,
  { ids, mask }: TokenInputs
): Tensor {
  const { graph } = layers
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const embeddings = `${prefix}embeddings`
  const table = `${embeddings}.position_embeddings.weight`
  const positions = weights.floats(table, [maxPositions, hiddenSize])
  const looked = graph.node('Gather', [graph.floats(words, [vocabularySize, hiddenSize]), ids])
  const placed = addFirstPositions(graph, positions, hiddenSize, ids)
  const bias = addPaddingBias(graph, mask)
  let states = layers.norm(`${embeddings}.LayerNorm`, looked, { residual: placed })
  for (let layer = 0; layer < sizes.numLayers; layer++) {
    const parts = layerNames(`${prefix}transformer.layer.${layer}`)
    states = addPostNormLayer(layers, sizes, parts, states, bias)
  }
  return states
}

function layerNames(layer: string): PostNormNames {
  return {
    query: `${layer}.attention.q_lin`,
    key: `${layer}.attention.k_lin`,
    value: `${layer}.attention.v_lin`,
    attentionOutput: `${layer}.attention.out_lin`,
    attentionNorm: `${layer}.sa_layer_norm`,
    wide: `${layer}.ffn.lin1`,
    narrow: `${layer}.ffn.lin2`,
    outputNorm: `${layer}.output_layer_norm`
  }
}
