import { EsplanadeError } from '../errors.ts'
import type {
  MaskedLanguageModel,
  TokenInputs,
  TransformerEncoder
} from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { addRotaryTables, addRotation, type RotaryTables } from './rotary-positions.ts'
import { type HiddenActivation, readActivation } from './transformer-activation.ts'
import { readVocabularyWeights } from './transformer-decoder.ts'
import { type EncoderWeights, readEncoderWeights } from './transformer-encoder.ts'
import {
  addPaddingBias,
  addScaledAttention,
  MASKED_SCORE,
  readNumHeads,
  TransformerLayers
} from './transformer-layers.ts'
import type { Weights } from './weights.ts'

/**
 * ModernBERT (Warner et al. 2024, arXiv:2412.13663), built from a `ModernBertForMaskedLM`
 * checkpoint: rotary positions, attention to all tokens in some layers and to a window in the
 * others, dense layers with a gate (GeGLU, Shazeer 2020, arXiv:2002.05202), and normalisation before
 * each part of a layer. Configs of transformers 4 and 5 are read.
 */
export function modernbert(config: ModelConfig, weights: Weights): MaskedLanguageModel {
  // The decoder of every published checkpoint has a bias, and pooling counts on one.
  config.require('decoder_bias', [true])
  const sizes = readSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const names = {
    words: 'model.embeddings.tok_embeddings.weight',
    matrix: 'decoder.weight',
    biases: ['decoder.bias'],
    head: 'head.dense.weight'
  }
  const dims = [vocabularySize, hiddenSize] as const
  const { words, decoder } = readVocabularyWeights(config, weights, names, dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, sizes.normEpsilon)
    return addHead(layers, sizes, addStatesOf(layers, sizes, { prefix: 'model.', words }, inputs))
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates, decoder }
}

/** ModernBERT without a head, from a base model or one that has a head, which is not read. */
export function modernbertEncoder(config: ModelConfig, weights: Weights): TransformerEncoder {
  const sizes = readSizes(config)
  const { vocabularySize, hiddenSize, maxPositions } = sizes
  const dims = [vocabularySize, hiddenSize] as const
  const own = readEncoderWeights(weights, 'model.', 'embeddings.tok_embeddings.weight', dims)
  const addStates = (graph: OnnxGraph, inputs: TokenInputs): Tensor => {
    const layers = new TransformerLayers(graph, weights, hiddenSize, sizes.normEpsilon)
    return addStatesOf(layers, sizes, own, inputs)
  }
  return { vocabularySize, hiddenSize, maxPositions, addStates }
}

/**
 * Adds the head that stands before every last layer, whatever it predicts, to states of which the last
 * dimension is the hidden one.
 */
export function addModernBertHead(
  graph: OnnxGraph,
  config: ModelConfig,
  weights: Weights,
  states: Tensor
): Tensor {
  const sizes = readSizes(config)
  const layers = new TransformerLayers(graph, weights, sizes.hiddenSize, sizes.normEpsilon)
  return addHead(layers, sizes, states)
}

function addHead(
  layers: TransformerLayers,
  { hiddenSize, biases, headActivation }: ModernBertSizes,
  states: Tensor
): Tensor {
  const dense = layers.dense('head.dense', states, hiddenSize, { bias: biases.head })
  return layers.norm('head.norm', headActivation(layers.graph, dense), { bias: biases.norm })
}

function addStatesOf(
  layers: TransformerLayers,
  sizes: ModernBertSizes,
  { prefix, words }: Pick<EncoderWeights, 'prefix' | 'words'>,
  inputs: TokenInputs
): Tensor {
  const { graph } = layers
  const norm = (name: string, input: Tensor) =>
    layers.norm(name, input, { bias: sizes.biases.norm })
  const table = graph.floats(words, [sizes.vocabularySize, sizes.hiddenSize])
  const looked = graph.node('Gather', [table, inputs.ids])
  const attentions = addAttentions(graph, sizes, inputs)
  let states = norm(`${prefix}embeddings.norm`, looked)
  sizes.layerTypes.forEach((type, layer) => {
    const name = `${prefix}layers.${layer}`
    // The embeddings have just been normalised, so the first attention does not do it again.
    const input = layer === 0 ? states : norm(`${name}.attn_norm`, states)
    const attended = addAttention(layers, sizes, `${name}.attn`, input, attentions[type]!)
    states = graph.node('Add', [states, attended])
    const gated = addGated(layers, sizes, `${name}.mlp`, norm(`${name}.mlp_norm`, states))
    states = graph.node('Add', [states, gated])
  })
  return norm(`${prefix}final_norm`, states)
}

const LAYER_TYPES = ['full_attention', 'sliding_attention'] as const
type LayerType = (typeof LAYER_TYPES)[number]

/** Bases of the rotary positions, and what they are where a config leaves them out. */
const ROTARY_BASES = {
  full_attention: { field: 'global_rope_theta', absent: 160_000 },
  sliding_attention: { field: 'local_rope_theta', absent: 10_000 }
} as const

interface ModernBertSizes {
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHeads: number
  readonly headSize: number
  readonly maxPositions: number
  readonly layerTypes: readonly LayerType[]
  readonly rotaryBases: Readonly<Record<LayerType, number>>
  /** How many tokens to its left, and to its right, a token of a sliding layer attends to. */
  readonly reach: number
  readonly normEpsilon: number
  /** Which layers add a bias. */
  readonly biases: {
    readonly norm: boolean
    readonly attention: boolean
    readonly dense: boolean
    readonly head: boolean
  }
  readonly activation: HiddenActivation
  readonly headActivation: HiddenActivation
}

function readSizes(config: ModelConfig): ModernBertSizes {
  config.require('rope_scaling', [])
  const hiddenSize = config.size('hidden_size')
  const numHeads = readNumHeads(config, 'num_attention_heads', 'hidden_size')
  const headSize = hiddenSize / numHeads
  if (headSize % 2 !== 0) {
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place: config.place,
      problem: `a head has ${headSize} elements`,
      expected: 'an even number, as rotary positions turn pairs'
    })
  }
  return {
    vocabularySize: config.size('vocab_size'),
    hiddenSize,
    intermediateSize: config.size('intermediate_size'),
    numHeads,
    headSize,
    maxPositions: config.size('max_position_embeddings'),
    layerTypes: readLayerTypes(config, config.size('num_hidden_layers')),
    rotaryBases: readRotaryBases(config),
    reach: Math.floor((config.has('local_attention') ? config.size('local_attention') : 128) / 2),
    normEpsilon: config.has('norm_eps') ? config.positive('norm_eps') : 1e-5,
    biases: {
      norm: config.flag('norm_bias', false),
      attention: config.flag('attention_bias', false),
      dense: config.flag('mlp_bias', false),
      head: config.flag('classifier_bias', false)
    },
    activation: readActivation(config, 'hidden_activation'),
    headActivation: readActivation(config, 'classifier_activation')
  }
}

/** transformers 5 lists each layer's type; 4 says that every n-th layer attends to all tokens. */
function readLayerTypes(config: ModelConfig, numLayers: number): LayerType[] {
  if (!config.has('layer_types')) {
    const field = 'global_attn_every_n_layers'
    const every = config.has(field) ? config.size(field) : 3
    return Array.from({ length: numLayers }, (_, i) => LAYER_TYPES[i % every === 0 ? 0 : 1])
  }
  const types = config.texts('layer_types')
  const known = types.flatMap(type => LAYER_TYPES.filter(one => one === type))
  if (known.length === numLayers && types.length === numLayers) return known
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: config.place,
    problem: `layer_types is ${JSON.stringify(types)}`,
    expected: `${numLayers} times ${LAYER_TYPES.join(' or ')}`,
    remedy: 'Use the config.json that was saved with the weights'
  })
}

/** Both bases stand in `rope_parameters` (transformers 5) or in a field each (4). */
function readRotaryBases(config: ModelConfig): Record<LayerType, number> {
  const sections = config.has('rope_parameters') ? config.section('rope_parameters') : undefined
  // Parameters of all layers at once, as other families have them, are not what is read here.
  sections?.require('rope_type', [])
  sections?.require('rope_theta', [])
  const read = (type: LayerType): number => {
    const { field, absent } = ROTARY_BASES[type]
    if (sections?.has(type)) {
      const section = sections.section(type)
      section.require('rope_type', ['default'])
      if (section.has('rope_theta')) return section.positive('rope_theta')
    }
    // A base of null means that of the other layers (transformers 4).
    if (type === 'sliding_attention' && config.isNull(field)) return read('full_attention')
    return config.has(field) ? config.positive(field) : absent
  }
  return { full_attention: read('full_attention'), sliding_attention: read('sliding_attention') }
}

/** What attention needs beside the states: it is the same for all layers of a type. */
interface AttentionKind {
  readonly rotary: RotaryTables
  /** Added to the scores; broadcast to `[batch, heads, length, length]`. */
  readonly bias: Tensor
}

/** The kinds of attention that the layers use. */
function addAttentions(
  graph: OnnxGraph,
  { layerTypes, rotaryBases, headSize, maxPositions, reach }: ModernBertSizes,
  { ids, mask }: TokenInputs
): Partial<Record<LayerType, AttentionKind>> {
  const length = graph.node('Shape', [ids], { start: 1, end: 2 })
  const padding = addPaddingBias(graph, mask)
  const kindOf = (type: LayerType): AttentionKind => ({
    rotary: addRotaryTables(graph, { base: rotaryBases[type], headSize, maxPositions }, length),
    bias:
      type === 'full_attention'
        ? padding
        : graph.node('Add', [padding, addWindowBias(graph, length, reach)])
  })
  return Object.fromEntries([...new Set(layerTypes)].map(type => [type, kindOf(type)]))
}

/** `[length, length]`: 0 where two tokens are within reach, else {@link MASKED_SCORE}. */
function addWindowBias(graph: OnnxGraph, length: Tensor, reach: number): Tensor {
  const first = graph.integers([0])
  const ones = graph.node('Expand', [graph.scalar(1), length])
  const places = graph.node('CumSum', [ones, first])
  const columns = graph.node('Unsqueeze', [places, first])
  const rows = graph.node('Unsqueeze', [places, graph.integers([1])])
  const distance = graph.node('Abs', [graph.node('Sub', [rows, columns])])
  const isFar = graph.node('Greater', [distance, graph.scalar(reach)])
  return graph.node('Where', [isFar, graph.scalar(MASKED_SCORE), graph.scalar(0)])
}

function addAttention(
  layers: TransformerLayers,
  { hiddenSize, numHeads, headSize, biases }: ModernBertSizes,
  name: string,
  input: Tensor,
  { rotary, bias }: AttentionKind
): Tensor {
  const { graph } = layers
  const options = { bias: biases.attention }
  const projected = layers.dense(`${name}.Wqkv`, input, 3 * hiddenSize, options)
  const shape = graph.integers([0, 0, 3 * numHeads, headSize])
  const heads = graph.node('Transpose', [graph.node('Reshape', [projected, shape])], {
    perm: [0, 2, 1, 3]
  })
  const slice = (source: Tensor, start: number, end: number): Tensor => {
    const bounds = [start * numHeads, end * numHeads, 1].map(value => graph.integers([value]))
    return graph.node('Slice', [source, ...bounds])
  }
  const turned = addRotation(graph, slice(heads, 0, 2), headSize, rotary)
  const queries = slice(turned, 0, 1)
  const keys = graph.node('Transpose', [slice(turned, 1, 2)], { perm: [0, 1, 3, 2] })
  const inputs = { queries, keys, values: slice(heads, 2, 3), bias }
  const mixed = addScaledAttention(graph, inputs, headSize, hiddenSize)
  return layers.dense(`${name}.Wo`, mixed, hiddenSize, options)
}

/** The dense layers: the first half of the wide one, activated, times its second half. */
function addGated(
  layers: TransformerLayers,
  { hiddenSize, intermediateSize, biases, activation }: ModernBertSizes,
  name: string,
  input: Tensor
): Tensor {
  const { graph } = layers
  const wide = layers.dense(`${name}.Wi`, input, 2 * intermediateSize, { bias: biases.dense })
  const half = (index: number): Tensor => {
    const bounds = [index * intermediateSize, (index + 1) * intermediateSize, 2]
    return graph.node('Slice', [wide, ...bounds.map(value => graph.integers([value]))])
  }
  const gated = graph.node('Mul', [activation(graph, half(0)), half(1)])
  return layers.dense(`${name}.Wo`, gated, hiddenSize, {
    inputs: intermediateSize,
    bias: biases.dense
  })
}
