import type { Int8Decoder } from './int8-decoder.ts'
import { OnnxGraph, type Tensor } from './onnx-model.ts'

/** Names of the ports of a screen's graph. */
export const SCREEN_PORTS = {
  states: 'states',
  largest: 'largest',
  step: 'step',
  squares: 'squares'
} as const

/** States are rounded to 1 … 255, where 128 stands for zero. */
const ZERO_POINT = 128
const LARGEST = 127

/**
 * The vocabulary head in whole numbers: float32 states `[batch, length, hidden]` in, and out come
 *
 * - `largest`, int32 `[batch, vocabulary]`: the largest product of a term's row with the states of
 *   a text,
 * - `step`, float32 `[batch, 1, 1]`: what one unit of the text's states is worth,
 * - `squares`, float32 `[batch, length]`: the squared length of each state.
 *
 * A term's largest logit is about `largest · step · steps[term] + bias[term]`.
 *
 * @param sliceTerms - the vocabulary goes through in slices of so many terms
 */
export function buildScreenGraph(decoder: Int8Decoder, sliceTerms: number): Uint8Array {
  const graph = new OnnxGraph()
  const states = graph.input(SCREEN_PORTS.states, 'float32', [
    'batch',
    'length',
    decoder.hiddenSize
  ])
  const step = addStep(graph, states)
  const zeroPoint = graph.bytes(Uint8Array.of(ZERO_POINT), [])
  const rounded = graph.node('QuantizeLinear', [
    graph.node('Div', [states, step]),
    graph.scalar(1),
    zeroPoint
  ])
  const weightZeroPoint = graph.bytes(Int8Array.of(0), [])
  const slices: Tensor[] = []
  const numTerms = decoder.bias.length
  for (let start = 0; start < numTerms; start += sliceTerms) {
    const matrix = addSlice(graph, decoder, start, Math.min(numTerms, start + sliceTerms))
    const products = graph.node('MatMulInteger', [rounded, matrix, zeroPoint, weightZeroPoint])
    slices.push(graph.node('ReduceMax', [products, graph.integers([1])], { keepdims: 0 }))
  }
  const squares = graph.node('ReduceSumSquare', [states, graph.integers([2])], { keepdims: 0 })
  const largest = graph.node('Concat', slices, { axis: 1 })
  graph.output(SCREEN_PORTS.largest, largest, 'int32', ['batch', numTerms])
  graph.output(SCREEN_PORTS.step, step, 'float32', ['batch', 1, 1])
  graph.output(SCREEN_PORTS.squares, squares, 'float32', ['batch', 'length'])
  return graph.toBytes()
}

/** One step a text, so that its rounding does not depend on the others of its batch. */
function addStep(graph: OnnxGraph, states: Tensor): Tensor {
  const sizes = graph.node('Abs', [states])
  const largest = graph.node('ReduceMax', [sizes, graph.integers([1, 2])])
  // States of zeros alone would be divided by zero.
  const positive = graph.node('Max', [largest, graph.scalar(1e-30)])
  return graph.node('Div', [positive, graph.scalar(LARGEST)])
}

/** Rows `start` to `end` of the decoder as `[hidden, terms]`. */
function addSlice(graph: OnnxGraph, decoder: Int8Decoder, start: number, end: number): Tensor {
  const { matrix, hiddenSize } = decoder
  const numTerms = end - start
  const slice = new Int8Array(hiddenSize * numTerms)
  for (let term = 0; term < numTerms; term++) {
    const row = (start + term) * hiddenSize
    for (let i = 0; i < hiddenSize; i++) slice[i * numTerms + term] = matrix[row + i]!
  }
  return graph.bytes(slice, [hiddenSize, numTerms])
}
