import type { Decoder } from './masked-language-model.ts'
import { OnnxGraph } from './onnx-model.ts'
import type { GraphModel } from './session.ts'

/** Names of the ports of a rescoring graph. */
export const RESCORE_PORTS = { states: 'states', terms: 'terms', largest: 'largest' } as const

/**
 * The exact logits of a few terms a text: float32 states `[batch, length, hidden]` and term ids,
 * int32 `[batch, candidates]`, in; the largest logit of each, float32 `[batch, candidates]`, out.
 */
export function buildRescoreGraph({ matrix, bias }: Decoder): GraphModel {
  const numTerms = bias.length
  const hiddenSize = matrix.length / numTerms
  const graph = new OnnxGraph()
  const states = graph.input(RESCORE_PORTS.states, 'float32', ['batch', 'length', hiddenSize])
  const terms = graph.input(RESCORE_PORTS.terms, 'int32', ['batch', 'candidates'])
  const rows = graph.node('Gather', [graph.floats(matrix, [numTerms, hiddenSize]), terms])
  const columns = graph.node('Transpose', [states], { perm: [0, 2, 1] })
  const products = graph.node('MatMul', [rows, columns])
  const largest = graph.node('ReduceMax', [products, graph.integers([2])], { keepdims: 0 })
  const biases = graph.node('Gather', [graph.floats(bias, [numTerms]), terms])
  const logits = graph.node('Add', [largest, biases])
  graph.output(RESCORE_PORTS.largest, logits, 'float32', ['batch', 'candidates'])
  return graph.toModel()
}
