import type { Decoder } from './masked-language-model.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { transpose } from './transpose.ts'

/**
 * How the logits of a text's tokens become one weight a term.
 *
 * - `max`: `log1p(relu(max over tokens))`, SPLADE v2 and later (Formal et al. 2021,
 *   arXiv:2109.10086).
 * - `sum`: `sum over tokens of log1p(relu(logit))`, SPLADE v1 (Formal et al. 2021,
 *   arXiv:2107.05720).
 */
export type Pooling = 'max' | 'sum'

/**
 * What is done to a logit before it is a weight.
 *
 * - `relu`: `log1p(relu(x))`, as all SPLADE papers do; sentence-transformers' name leaves the
 *   logarithm out.
 * - `log1p_relu`: `log1p(log1p(relu(x)))`, the double logarithm of OpenSearch's v3 models.
 */
export type Activation = 'relu' | 'log1p_relu'

/** What makes weights of logits. */
export interface SpladeHead {
  readonly pooling: Pooling
  readonly activation: Activation
}

/**
 * The vocabulary goes through the head in slices of this many terms, so that the logits of a batch
 * never exist at once: 4,096 terms × 1,024 tokens are 16 MB. Measured with the shipped model on two
 * cores (texts a second, ms a query): 512: 334, 1.12 · 1,024: 320, 0.97 · 2,048: 325, 0.81 ·
 * 4,096: 345, 0.72 · 8,192: 335, 0.71.
 */
const SLICE_TERMS = 4096

/**
 * Adds the pooling head to a graph. What it gives is float32 `[batch, vocabulary]`: for `max` the
 * largest logit of each term, for `sum` its weight. {@link weightOf} makes a weight of it.
 */
export function addSpladePooling(
  graph: OnnxGraph,
  states: Tensor,
  mask: Tensor,
  decoder: Decoder,
  head: SpladeHead
): Tensor {
  const numTerms = decoder.bias.length
  const hiddenSize = decoder.matrix.length / numTerms
  const pool =
    head.pooling === 'max'
      ? maxPooling(graph, states, mask)
      : sumPooling(graph, states, mask, head.activation)
  const slices: Tensor[] = []
  for (let start = 0; start < numTerms; start += SLICE_TERMS) {
    const end = Math.min(numTerms, start + SLICE_TERMS)
    const rows = decoder.matrix.subarray(start * hiddenSize, end * hiddenSize)
    const matrix = transpose(rows, end - start, hiddenSize)
    slices.push(
      pool(graph.floats(matrix, [hiddenSize, end - start]), decoder.bias.subarray(start, end))
    )
  }
  return graph.node('Concat', slices, { axis: 1 })
}

/** What the graph gives for a term, as its weight; not above zero where the term is absent. */
export function weightOf(pooled: number, { pooling, activation }: SpladeHead): number {
  if (pooling === 'sum') return pooled
  const weight = Math.log1p(Math.max(0, pooled))
  return activation === 'relu' ? weight : Math.log1p(weight)
}

type SlicePooling = (matrix: Tensor, bias: Float32Array) => Tensor

/**
 * Gives padding the state of the text's first position, which changes no maximum: the logits need no
 * mask then.
 */
export function padWithFirst(graph: OnnxGraph, states: Tensor, mask: Tensor): Tensor {
  const one = graph.integers([1])
  const first = graph.node('Slice', [states, graph.integers([0]), one, one])
  const isToken = graph.node('Greater', [maskColumn(graph, mask), graph.scalar(0)])
  return graph.node('Where', [isToken, states, first])
}

/** The bias is the same for all tokens of a term and is added after the maximum. */
function maxPooling(graph: OnnxGraph, states: Tensor, mask: Tensor): SlicePooling {
  const one = graph.integers([1])
  const padded = padWithFirst(graph, states, mask)
  return (matrix, bias) => {
    const logits = graph.node('MatMul', [padded, matrix])
    const largest = graph.node('ReduceMax', [logits, one], { keepdims: 0 })
    return graph.node('Add', [largest, graph.floats(bias, [bias.length])])
  }
}

function sumPooling(
  graph: OnnxGraph,
  states: Tensor,
  mask: Tensor,
  activation: Activation
): SlicePooling {
  const log1p = (value: Tensor) => graph.node('Log', [graph.node('Add', [value, graph.scalar(1)])])
  const one = graph.integers([1])
  const column = maskColumn(graph, mask)
  return (matrix, bias) => {
    const product = graph.node('MatMul', [states, matrix])
    const logits = graph.node('Add', [product, graph.floats(bias, [bias.length])])
    const positive = graph.node('Relu', [logits])
    const once = log1p(positive)
    const saturated = activation === 'relu' ? once : log1p(once)
    const masked = graph.node('Mul', [saturated, column])
    return graph.node('ReduceSum', [masked, one], { keepdims: 0 })
  }
}

/** The mask as `[batch, length, 1]`. */
function maskColumn(graph: OnnxGraph, mask: Tensor): Tensor {
  return graph.node('Unsqueeze', [mask, graph.integers([2])])
}
