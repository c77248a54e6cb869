import { type DenseMetric, type DenseVector, denseNorm } from '../vector/dense-vector.ts'
import type { DenseRows } from './dense-rows.ts'
import type { GraphShape } from './hnsw-graph.ts'

/**
 * Vectors as points of a graph: made so short that neither they nor squares of their distances exceed
 * what the graph computes in.
 *
 * - cosine: x / ‖x‖, near by dot product.
 * - dot: x / M, near by dot product, where M is the length of the longest vector. That is no distance, and
 *   graphs find well by it nevertheless (Morozov and Babenko, "Non-metric Similarity Graphs for Maximum
 *   Inner Product Search", NeurIPS 2018). One number more that gives all points the same length, which
 *   would make it a distance, finds less: .83 of ten instead of .99 where lengths differ by a third.
 * - euclidean: x / M, near by distance.
 */
export class HnswPoints {
  readonly #rows: DenseRows
  readonly #metric: DenseMetric
  /** M; 1 where all vectors are zeros. */
  readonly #longest: number

  constructor(rows: DenseRows) {
    const { metric } = rows.header
    this.#rows = rows
    this.#metric = metric
    this.#longest = rows.norms.reduce((a, b) => Math.max(a, b), 0) || 1
  }

  /** The points of these rows, one after the other. */
  points(ids: Uint32Array): Float32Array {
    const { dimensions } = this.#rows.header
    const points = new Float32Array(ids.length * dimensions)
    for (const [n, id] of ids.entries()) {
      const length = this.#metric === 'cosine' ? this.#rows.norms[id]! : this.#longest
      const vector = this.#rows.vector(id)
      for (let i = 0; i < dimensions; i++) points[n * dimensions + i] = vector[i]! / length
    }
    return points
  }

  /**
   * The point of a query; undefined where a graph cannot tell points apart by it: a query of zeros, whose
   * dot products all tie, or one so far away that in float32 all distances are about the same.
   */
  query(vector: DenseVector): Float32Array | undefined {
    const norm = denseNorm(vector)
    const isDistance = this.#metric === 'euclidean'
    if (isDistance ? norm > FAR * this.#longest : norm === 0) return undefined
    const length = isDistance ? this.#longest : norm
    return vector.map(value => value / length)
  }
}

/** Which points are near by a metric. */
export function nearnessOf(metric: DenseMetric): GraphShape['nearness'] {
  return metric === 'euclidean' ? 'distance' : 'dot'
}

/**
 * A query this many times as far away as the farthest vector: squared distances then differ by parts of
 * about 2^-9 at most, of which float32 still tells 2^15 apart.
 */
const FAR = 1024
