import type { Decoder } from './masked-language-model.ts'
import type { OnnxGraph, Tensor } from './onnx-model.ts'
import { transpose } from './transpose.ts'

/**
 * Adds the whole decoder: the logits of every term at every position, float32
 * `[batch, length, vocabulary]`. For single texts only; a batch's logits are gigabytes.
 */
export function addAllLogits(graph: OnnxGraph, states: Tensor, decoder: Decoder): Tensor {
  const numTerms = decoder.bias.length
  const hiddenSize = decoder.matrix.length / numTerms
  const matrix = transpose(decoder.matrix, numTerms, hiddenSize)
  const product = graph.node('MatMul', [states, graph.floats(matrix, [hiddenSize, numTerms])])
  return graph.node('Add', [product, graph.floats(decoder.bias, [numTerms])])
}

/** The `top` most probable terms by softmax over `logits`, most probable first. */
export function mostProbable(
  logits: Float32Array,
  top: number
): { termId: number; probability: number }[] {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0)
  return [...logits.keys()]
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, top)
    .map(termId => ({ termId, probability: Math.exp(logits[termId]! - largest) / sum }))
}
