import { EsplanadeError } from '../errors.ts'
import type { Decoder, MaskedLanguageModel, TokenInputs } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { transpose } from './transpose.ts'
import type { Weights } from './weights.ts'

/**
 * BERT with its masked-language head (Devlin et al. 2019, arXiv:1810.04805), built as an ONNX graph
 * from the weights of a `BertForMaskedLM` checkpoint.
 */
export function bert(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  const sizes = readSizes(config)
  return {
    vocabularySize: sizes.vocabularySize,
    hiddenSize: sizes.hiddenSize,
    maxPositions: sizes.maxPositions,
    addStates: (graph, inputs) => addStates(graph, sizes, weights, inputs),
    decoder: readDecoder(sizes, weights)
  }
}

interface BertSizes {
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numLayers: number
  readonly numHeads: number
  readonly maxPositions: number
  readonly numTokenTypes: number
  readonly layerNormEpsilon: number
}

/** Added to the attention scores of padding. Far below any score, yet finite in float32. */
const MASKED_SCORE = -1e9

function readSizes(config: ModelConfig): BertSizes {
  config.require('hidden_act', ['gelu'])
  config.require('position_embedding_type', ['absolute'])
  config.require('is_decoder', [false])
  const hiddenSize = config.size('hidden_size')
  const numHeads = config.size('num_attention_heads')
  if (hiddenSize % numHeads !== 0) {
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place: config.place,
      problem: `hidden_size ${hiddenSize} is not a multiple of num_attention_heads ${numHeads}`,
      remedy: 'Use the config.json that was saved with the weights'
    })
  }
  return {
    vocabularySize: config.size('vocab_size'),
    hiddenSize,
    intermediateSize: config.size('intermediate_size'),
    numLayers: config.size('num_hidden_layers'),
    numHeads,
    maxPositions: config.size('max_position_embeddings'),
    numTokenTypes: config.size('type_vocab_size'),
    layerNormEpsilon: config.positive('layer_norm_eps')
  }
}

function addStates(
  graph: OnnxGraph,
  sizes: BertSizes,
  weights: Weights,
  { ids, mask }: TokenInputs
): Tensor {
  const { hiddenSize, intermediateSize, numLayers, layerNormEpsilon } = sizes
  const layers = new BertLayers(graph, weights, hiddenSize, layerNormEpsilon)
  const bias = addAttentionBias(graph, mask)
  let states = addEmbeddings(graph, sizes, weights, layers, ids)
  for (let layer = 0; layer < numLayers; layer++) {
    const name = `bert.encoder.layer.${layer}`
    const attended = addAttention(graph, sizes, layers, `${name}.attention`, states, bias)
    states = layers.norm(`${name}.attention.output.LayerNorm`, attended, states)
    const wide = layers.gelu(layers.dense(`${name}.intermediate.dense`, states, intermediateSize))
    const narrow = layers.dense(`${name}.output.dense`, wide, hiddenSize, intermediateSize)
    states = layers.norm(`${name}.output.LayerNorm`, narrow, states)
  }
  const head = 'cls.predictions.transform'
  const transformed = layers.gelu(layers.dense(`${head}.dense`, states, hiddenSize))
  return layers.norm(`${head}.LayerNorm`, transformed)
}

/** The decoder's matrix is the word embeddings' unless the checkpoint holds one of its own. */
function readDecoder({ vocabularySize, hiddenSize }: BertSizes, weights: Weights): Decoder {
  const untied = 'cls.predictions.decoder.weight'
  const tied = 'bert.embeddings.word_embeddings.weight'
  const matrix = weights.floats(weights.has(untied) ? untied : tied, [vocabularySize, hiddenSize])
  return { matrix, bias: weights.floats('cls.predictions.bias', [vocabularySize]) }
}

/** The layers that a BERT repeats, each named as in the checkpoint. */
class BertLayers {
  readonly #graph: OnnxGraph
  readonly #weights: Weights
  readonly #hiddenSize: number
  readonly #epsilon: number

  constructor(graph: OnnxGraph, weights: Weights, hiddenSize: number, epsilon: number) {
    this.#graph = graph
    this.#weights = weights
    this.#hiddenSize = hiddenSize
    this.#epsilon = epsilon
  }

  /** `input · weightᵀ + bias`. */
  dense(name: string, input: Tensor, outputs: number, inputs: number = this.#hiddenSize): Tensor {
    const matrix = transpose(
      this.#weights.floats(`${name}.weight`, [outputs, inputs]),
      outputs,
      inputs
    )
    const bias = this.#graph.floats(this.#weights.floats(`${name}.bias`, [outputs]), [outputs])
    const product = this.#graph.node('MatMul', [
      input,
      this.#graph.floats(matrix, [inputs, outputs])
    ])
    return this.#graph.node('Add', [product, bias])
  }

  /** Layer normalisation of `input`, or of `input + residual`. */
  norm(name: string, input: Tensor, residual?: Tensor): Tensor {
    const sum = residual === undefined ? input : this.#graph.node('Add', [input, residual])
    // Checkpoints converted from TensorFlow call scale and shift gamma and beta.
    const [scale, shift] = this.#weights.has(`${name}.gamma`)
      ? [`${name}.gamma`, `${name}.beta`]
      : [`${name}.weight`, `${name}.bias`]
    const size = [this.#hiddenSize]
    return this.#graph.node(
      'LayerNormalization',
      [
        sum,
        this.#graph.floats(this.#weights.floats(scale, size), size),
        this.#graph.floats(this.#weights.floats(shift, size), size)
      ],
      { axis: -1, epsilon: { float: this.#epsilon } }
    )
  }

  gelu(input: Tensor): Tensor {
    return this.#graph.node('Gelu', [input])
  }
}

/** `[batch, 1, 1, length]`: 0 for tokens, {@link MASKED_SCORE} for padding. */
function addAttentionBias(graph: OnnxGraph, mask: Tensor): Tensor {
  const padding = graph.node('Sub', [graph.scalar(1), mask])
  const bias = graph.node('Mul', [padding, graph.scalar(MASKED_SCORE)])
  return graph.node('Unsqueeze', [bias, graph.integers([1, 2])])
}

function addEmbeddings(
  graph: OnnxGraph,
  sizes: BertSizes,
  weights: Weights,
  layers: BertLayers,
  ids: Tensor
): Tensor {
  const { vocabularySize, hiddenSize, maxPositions, numTokenTypes } = sizes
  const name = 'bert.embeddings'
  const words = weights.floats(`${name}.word_embeddings.weight`, [vocabularySize, hiddenSize])
  const positions = weights.floats(`${name}.position_embeddings.weight`, [maxPositions, hiddenSize])
  const types = weights.floats(`${name}.token_type_embeddings.weight`, [numTokenTypes, hiddenSize])
  // Every token is of the first type, so that type's embedding is part of each position's.
  const placed = positions.map((value, i) => value + types[i % hiddenSize]!)
  const length = graph.node('Shape', [ids], { start: 1, end: 2 })
  const first = graph.node('Slice', [
    graph.floats(placed, [maxPositions, hiddenSize]),
    graph.integers([0]),
    length
  ])
  const looked = graph.node('Gather', [graph.floats(words, [vocabularySize, hiddenSize]), ids])
  return layers.norm(`${name}.LayerNorm`, looked, first)
}

/** Multi-head scaled dot-product attention, with its output projection. */
function addAttention(
  graph: OnnxGraph,
  { hiddenSize, numHeads }: BertSizes,
  layers: BertLayers,
  name: string,
  states: Tensor,
  bias: Tensor
): Tensor {
  const headSize = hiddenSize / numHeads
  const split = (part: string, perm: readonly number[]): Tensor => {
    const projected = layers.dense(`${name}.self.${part}`, states, hiddenSize)
    const heads = graph.node('Reshape', [projected, graph.integers([0, 0, numHeads, headSize])])
    return graph.node('Transpose', [heads], { perm })
  }
  const queries = split('query', [0, 2, 1, 3])
  const keys = split('key', [0, 2, 3, 1])
  const values = split('value', [0, 2, 1, 3])
  const products = graph.node('MatMul', [queries, keys])
  const scaled = graph.node('Mul', [products, graph.scalar(1 / Math.sqrt(headSize))])
  const probabilities = graph.node('Softmax', [graph.node('Add', [scaled, bias])], { axis: -1 })
  const mixed = graph.node('MatMul', [probabilities, values])
  const joined = graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] })
  const flat = graph.node('Reshape', [joined, graph.integers([0, 0, hiddenSize])])
  return layers.dense(`${name}.output.dense`, flat, hiddenSize)
}
