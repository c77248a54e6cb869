import { EsplanadeError } from '../errors.ts'
import type { ModelConfig } from './model-config.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import type { HiddenActivation } from './transformer-activation.ts'
import { transpose } from './transpose.ts'
import type { Weights } from './weights.ts'

/**
 * The layers that families of transformers share (Vaswani et al. 2017, arXiv:1706.03762), as
 * operators of a graph. Tensors of the checkpoint are named without their ending `.weight`, `.bias`.
 */
export class TransformerLayers {
  readonly graph: OnnxGraph
  readonly #weights: Weights
  readonly #hiddenSize: number
  readonly #epsilon: number

  /** @param epsilon - what layer normalisation adds to the variance */
  constructor(graph: OnnxGraph, weights: Weights, hiddenSize: number, epsilon: number) {
    this.graph = graph
    this.#weights = weights
    this.#hiddenSize = hiddenSize
    this.#epsilon = epsilon
  }

  /** `input · weightᵀ + bias`, float32 `[batch, length, outputs]`; `bias: false` has none. */
  dense(
    name: string,
    input: Tensor,
    outputs: number,
    options: { readonly inputs?: number; readonly bias?: boolean } = {}
  ): Tensor {
    const { inputs = this.#hiddenSize, bias = true } = options
    const rows = this.#weights.floats(`${name}.weight`, [outputs, inputs])
    const matrix = this.graph.floats(transpose(rows, outputs, inputs), [inputs, outputs])
    const product = this.graph.node('MatMul', [input, matrix])
    if (!bias) return product
    return this.graph.node('Add', [product, this.#vector(`${name}.bias`, outputs)])
  }

  /** Layer normalisation of `input`, or of `input + residual`; `bias: false` has no shift. */
  norm(
    name: string,
    input: Tensor,
    options: { readonly residual?: Tensor; readonly bias?: boolean } = {}
  ): Tensor {
    const { residual, bias = true } = options
    const sum = residual === undefined ? input : this.graph.node('Add', [input, residual])
    // Checkpoints converted from TensorFlow call scale and shift gamma and beta.
    const [scale, shift] = this.#weights.has(`${name}.gamma`)
      ? [`${name}.gamma`, `${name}.beta`]
      : [`${name}.weight`, `${name}.bias`]
    const vectors = bias ? [scale, shift] : [scale]
    return this.graph.node(
      'LayerNormalization',
      [sum, ...vectors.map(vector => this.#vector(vector, this.#hiddenSize))],
      { axis: -1, epsilon: { float: this.#epsilon } }
    )
  }

  #vector(name: string, size: number): Tensor {
    return this.graph.floats(this.#weights.floats(name, [size]), [size])
  }
}

/** Added to the attention scores of what must not be seen. Far below any score, yet finite. */
export const MASKED_SCORE: number = -1e9

/** `[batch, 1, 1, length]`: 0 for tokens, {@link MASKED_SCORE} for padding. */
export function addPaddingBias(graph: OnnxGraph, mask: Tensor): Tensor {
  const padding = graph.node('Sub', [graph.scalar(1), mask])
  const bias = graph.node('Mul', [padding, graph.scalar(MASKED_SCORE)])
  return graph.node('Unsqueeze', [bias, graph.integers([1, 2])])
}

/** What goes into attention, each with its heads side by side. */
export interface AttentionInputs {
  /** `[batch, heads, length, headSize]` */
  readonly queries: Tensor
  /** `[batch, heads, headSize, length]` */
  readonly keys: Tensor
  /** `[batch, heads, length, headSize]` */
  readonly values: Tensor
  /** Added to the scores; broadcast to `[batch, heads, length, length]`. */
  readonly bias: Tensor
}

/** Scaled dot-product attention, its heads joined again: `[batch, length, hidden]`. */
export function addScaledAttention(
  graph: OnnxGraph,
  { queries, keys, values, bias }: AttentionInputs,
  headSize: number,
  hiddenSize: number
): Tensor {
  const products = graph.node('MatMul', [queries, keys])
  const scaled = graph.node('Mul', [products, graph.scalar(1 / Math.sqrt(headSize))])
  const probabilities = graph.node('Softmax', [graph.node('Add', [scaled, bias])], { axis: -1 })
  const mixed = graph.node('MatMul', [probabilities, values])
  const joined = graph.node('Transpose', [mixed], { perm: [0, 2, 1, 3] })
  return graph.node('Reshape', [joined, graph.integers([0, 0, hiddenSize])])
}

/** Sizes of a layer of {@link addPostNormLayer}. */
export interface PostNormSizes {
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly numHeads: number
  readonly activation: HiddenActivation
}

/** What a family calls the parts of a layer. */
export interface PostNormNames {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly attentionOutput: string
  readonly attentionNorm: string
  readonly wide: string
  readonly narrow: string
  readonly outputNorm: string
}

/** One layer of a transformer that normalises after its attention and after its dense layers. */
export function addPostNormLayer(
  layers: TransformerLayers,
  { hiddenSize, intermediateSize, numHeads, activation }: PostNormSizes,
  names: PostNormNames,
  states: Tensor,
  bias: Tensor
): Tensor {
  const { graph } = layers
  const headSize = hiddenSize / numHeads
  const split = (name: string, perm: readonly number[]): Tensor => {
    const projected = layers.dense(name, states, hiddenSize)
    const heads = graph.node('Reshape', [projected, graph.integers([0, 0, numHeads, headSize])])
    return graph.node('Transpose', [heads], { perm })
  }
  const inputs = {
    queries: split(names.query, [0, 2, 1, 3]),
    keys: split(names.key, [0, 2, 3, 1]),
    values: split(names.value, [0, 2, 1, 3]),
    bias
  }
  const mixed = addScaledAttention(graph, inputs, headSize, hiddenSize)
  const projected = layers.dense(names.attentionOutput, mixed, hiddenSize)
  const attended = layers.norm(names.attentionNorm, projected, { residual: states })
  const wide = activation(graph, layers.dense(names.wide, attended, intermediateSize))
  const narrow = layers.dense(names.narrow, wide, hiddenSize, { inputs: intermediateSize })
  return layers.norm(names.outputNorm, narrow, { residual: attended })
}

/** The embeddings of the first `length` positions, `length` being that of `ids`; `[length, hidden]`. */
export function addFirstPositions(
  graph: OnnxGraph,
  positions: Float32Array,
  hiddenSize: number,
  ids: Tensor
): Tensor {
  const table = graph.floats(positions, [positions.length / hiddenSize, hiddenSize])
  const length = graph.node('Shape', [ids], { start: 1, end: 2 })
  return graph.node('Slice', [table, graph.integers([0]), length])
}

/**
 * Reads how many heads share the hidden size.
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID` unless they divide it
 */
export function readNumHeads(config: ModelConfig, headsField: string, sizeField: string): number {
  const numHeads = config.size(headsField)
  const hiddenSize = config.size(sizeField)
  if (hiddenSize % numHeads === 0) return numHeads
  throw new EsplanadeError('MODEL_FILE_INVALID', {
    place: config.place,
    problem: `${sizeField} ${hiddenSize} is not a multiple of ${headsField} ${numHeads}`,
    remedy: 'Use the config.json that was saved with the weights'
  })
}
