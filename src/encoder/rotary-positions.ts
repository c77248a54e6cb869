import type { OnnxGraph, Tensor } from './onnx-model.ts'

/**
 * Rotary position embeddings (Su et al. 2021, arXiv:2104.09864): each pair of elements of a query or
 * key, half a head apart, is turned by an angle that grows with its position, so that a score
 * depends on the distance of two tokens only.
 */
export interface RotaryTables {
  /** Cosines, `[length, headSize]`. */
  readonly cos: Tensor
  /** Sines, those of the first half negative, `[length, headSize]`. */
  readonly sin: Tensor
}

/**
 * Adds the tables of cosines and sines, cut to the length of the batch.
 *
 * @param base - pair `i` of a head turns by `base^(−2i / headSize)` a position
 * @param length - tokens of the batch, int64 `[1]`
 */
export function addRotaryTables(
  graph: OnnxGraph,
  { base, headSize, maxPositions }: { base: number; headSize: number; maxPositions: number },
  length: Tensor
): RotaryTables {
  const numPairs = headSize / 2
  const cosines = new Float32Array(maxPositions * headSize)
  const sines = new Float32Array(maxPositions * headSize)
  for (let pair = 0; pair < numPairs; pair++) {
    // Rounded as the checkpoints were trained: frequency and angle are float32.
    const frequency = Math.fround(1 / Math.fround(base ** ((2 * pair) / headSize)))
    for (let position = 0; position < maxPositions; position++) {
      const angle = Math.fround(position * frequency)
      const first = position * headSize + pair
      cosines[first] = Math.cos(angle)
      cosines[first + numPairs] = cosines[first]!
      sines[first + numPairs] = Math.sin(angle)
      sines[first] = -sines[first + numPairs]!
    }
  }
  const cut = (table: Float32Array): Tensor => {
    const whole = graph.floats(table, [maxPositions, headSize])
    return graph.node('Slice', [whole, graph.integers([0]), length])
  }
  return { cos: cut(cosines), sin: cut(sines) }
}

/** Turns `input`, `[batch, heads, length, headSize]`, by its positions. */
export function addRotation(
  graph: OnnxGraph,
  input: Tensor,
  headSize: number,
  { cos, sin }: RotaryTables
): Tensor {
  const half = (start: number, end: number): Tensor =>
    graph.node('Slice', [
      input,
      graph.integers([start]),
      graph.integers([end]),
      graph.integers([3])
    ])
  const halves = [half(headSize / 2, headSize), half(0, headSize / 2)]
  const swapped = graph.node('Concat', halves, { axis: 3 })
  return graph.node('Add', [graph.node('Mul', [input, cos]), graph.node('Mul', [swapped, sin])])
}
