import { thresholdsOf } from './candidates.ts'
import type { Int8Decoder } from './int8-decoder.ts'
import { ELEMENT_TYPE_CODES, OnnxGraph, type Tensor } from './onnx-model.ts'

/** Names of the ports of a screen's graph. */
export const SCREEN_PORTS = { states: 'states', output: 'output', squares: 'squares' } as const

/**
 * What a screen tells of each term of each text, `[batch, vocabulary]`: whether its logit may be
 * above zero (bool), or what its largest logit is about (float32).
 */
export type ScreenOutput = 'passes' | 'logits'

/** States are rounded to 1 … 255, where 128 stands for zero. */
const ZERO_POINT = 128
const LARGEST = 127

/**
 * The vocabulary head in whole numbers: float32 states `[batch, length, hidden]` in, and out come the
 * terms, and `squares`, float32 `[batch, length]`: the squared length of each state.
 *
 * @param sliceTerms - the vocabulary goes through in slices of so many terms
 */
export function buildScreenGraph(
  decoder: Int8Decoder,
  what: ScreenOutput,
  sliceTerms: number
): Uint8Array {
  const graph = new OnnxGraph()
  const { hiddenSize } = decoder
  const states = graph.input(SCREEN_PORTS.states, 'float32', ['batch', 'length', hiddenSize])
  const squares = graph.node('ReduceSumSquare', [states, graph.integers([2])], { keepdims: 0 })
  const step = addStep(graph, states)
  const products = addLargestProducts(graph, decoder, states, step, sliceTerms)
  const stepColumn = graph.node('Squeeze', [step, graph.integers([2])])
  const [output, type] =
    what === 'passes'
      ? ([addPasses(graph, decoder, products, stepColumn, squares), 'bool'] as const)
      : ([addLogits(graph, decoder, products, stepColumn), 'float32'] as const)
  graph.output(SCREEN_PORTS.output, output, type, ['batch', decoder.bias.length])
  graph.output(SCREEN_PORTS.squares, squares, 'float32', ['batch', 'length'])
  return graph.toBytes()
}

/**
 * What one unit of a text's rounded states is worth, `[batch, 1, 1]`: each text has a step of its
 * own, so that its rounding does not depend on the others of its batch.
 */
function addStep(graph: OnnxGraph, states: Tensor): Tensor {
  const sizes = graph.node('Abs', [states])
  const largest = graph.node('ReduceMax', [sizes, graph.integers([1, 2])])
  // States of zeros alone would be divided by zero.
  const positive = graph.node('Max', [largest, graph.scalar(1e-20)])
  return graph.node('Div', [positive, graph.scalar(LARGEST)])
}

/** The largest product of each row with the states of a text, as a float32 `[batch, vocabulary]`. */
function addLargestProducts(
  graph: OnnxGraph,
  decoder: Int8Decoder,
  states: Tensor,
  step: Tensor,
  sliceTerms: number
): Tensor {
  const zeroPoint = graph.bytes(Uint8Array.of(ZERO_POINT), [])
  const rowZeroPoint = graph.bytes(Int8Array.of(0), [])
  const inSteps = graph.node('Div', [states, step])
  const rounded = graph.node('QuantizeLinear', [inSteps, graph.scalar(1), zeroPoint])
  const numTerms = decoder.bias.length
  const slices: Tensor[] = []
  for (let start = 0; start < numTerms; start += sliceTerms) {
    const rows = addRows(graph, decoder, start, Math.min(numTerms, start + sliceTerms))
    const products = graph.node('MatMulInteger', [rounded, rows, zeroPoint, rowZeroPoint])
    slices.push(graph.node('ReduceMax', [products, graph.integers([1])], { keepdims: 0 }))
  }
  const largest = graph.node('Concat', slices, { axis: 1 })
  return graph.node('Cast', [largest], { to: ELEMENT_TYPE_CODES.float32 })
}

/** Rows `start` to `end` of the decoder as `[hidden, terms]`. */
function addRows(graph: OnnxGraph, decoder: Int8Decoder, start: number, end: number): Tensor {
  const { matrix, hiddenSize } = decoder
  const numTerms = end - start
  const slice = new Int8Array(hiddenSize * numTerms)
  for (let term = 0; term < numTerms; term++) {
    const row = (start + term) * hiddenSize
    for (let i = 0; i < hiddenSize; i++) slice[i * numTerms + term] = matrix[row + i]!
  }
  return graph.bytes(slice, [hiddenSize, numTerms])
}

/** Compares with the thresholds of `candidates.ts`, which are one product of `[batch, 3]` and `[3, vocabulary]`. */
function addPasses(
  graph: OnnxGraph,
  decoder: Int8Decoder,
  products: Tensor,
  step: Tensor,
  squares: Tensor
): Tensor {
  const { zeros, margins, marginPerNorm } = thresholdsOf(decoder)
  const numTerms = zeros.length
  const rows = new Float32Array(3 * numTerms)
  rows.set(zeros)
  rows.set(margins, numTerms)
  rows.fill(marginPerNorm, 2 * numTerms)
  const norm = graph.node('Sqrt', [graph.node('ReduceMax', [squares, graph.integers([1])])])
  const ofZeros = graph.node('Reciprocal', [step])
  const ofMargins = graph.node('Div', [step, graph.node('Neg', [step])])
  const ofNorms = graph.node('Div', [graph.node('Neg', [norm]), step])
  const factors = graph.node('Concat', [ofZeros, ofMargins, ofNorms], { axis: 1 })
  const thresholds = graph.node('MatMul', [factors, graph.floats(rows, [3, numTerms])])
  return graph.node('Greater', [products, thresholds])
}

function addLogits(
  graph: OnnxGraph,
  { steps, bias }: Int8Decoder,
  products: Tensor,
  step: Tensor
): Tensor {
  const dims = [bias.length]
  const inRows = graph.node('Mul', [products, step])
  const scaled = graph.node('Mul', [inRows, graph.floats(steps, dims)])
  return graph.node('Add', [scaled, graph.floats(bias, dims)])
}
