import { closeSync, existsSync, openSync, renameSync } from 'node:fs'
import { bytesOf, fillFrom, writeAll } from './large-file.mjs'

/**
 * Vectors as one matrix in compressed sparse rows: row i has the entries
 * `offsets[i]` to `offsets[i + 1] − 1`, terms ascending.
 *
 * @typedef {{ offsets: Uint32Array, terms: Uint32Array, weights: Float32Array }} Csr
 */

/** Gathers rows into a matrix; arrays double as they fill up. */
export class CsrBuilder {
  #offsets = [0]
  #terms = new Uint32Array(1024)
  #weights = new Float32Array(1024)

  get numEntries() {
    return this.#offsets.at(-1)
  }

  get numRows() {
    return this.#offsets.length - 1
  }

  /**
   * @param {ArrayLike<number>} terms ascending
   * @param {ArrayLike<number>} weights
   */
  add(terms, weights) {
    const start = this.numEntries
    const end = start + terms.length
    if (end > this.#terms.length) {
      const capacity = Math.max(end, 2 * this.#terms.length)
      const [oldTerms, oldWeights] = [this.#terms, this.#weights]
      this.#terms = new Uint32Array(capacity)
      this.#terms.set(oldTerms)
      this.#weights = new Float32Array(capacity)
      this.#weights.set(oldWeights)
    }
    this.#terms.set(terms, start)
    this.#weights.set(weights, start)
    this.#offsets.push(end)
  }

  /** @returns {Csr} */
  finish() {
    const end = this.numEntries
    return {
      offsets: Uint32Array.from(this.#offsets),
      terms: this.#terms.subarray(0, end),
      weights: this.#weights.subarray(0, end)
    }
  }
}

/**
 * @param {Csr} csr
 * @param {number} row
 * @returns {{ terms: Uint32Array, weights: Float32Array }}
 */
export function rowOf({ offsets, terms, weights }, row) {
  const [start, end] = [offsets[row], offsets[row + 1]]
  return { terms: terms.subarray(start, end), weights: weights.subarray(start, end) }
}

/**
 * The path of a file that holds a matrix, made first if the file is not there.
 *
 * @param {string} path
 * @param {() => Csr | Promise<Csr>} make
 * @returns {Promise<string>} the path
 */
export async function cachedFile(path, make) {
  if (existsSync(path)) return path
  writeCsr(`${path}.partial`, await make())
  renameSync(`${path}.partial`, path)
  return path
}

/**
 * Little-endian: number of rows, number of entries, offsets, terms, weights; 4 bytes each.
 *
 * @param {string} path
 * @param {Csr} csr
 */
export function writeCsr(path, { offsets, terms, weights }) {
  const file = openSync(path, 'w')
  try {
    const counts = Uint32Array.of(offsets.length - 1, terms.length)
    for (const array of [counts, offsets, terms, weights]) {
      writeAll(file, bytesOf(array))
    }
  } finally {
    closeSync(file)
  }
}

/**
 * @param {string} path
 * @returns {Csr}
 */
export function readCsr(path) {
  const file = openSync(path, 'r')
  const fill = array => {
    if (!fillFrom(file, bytesOf(array))) throw new Error(`${path} is cut short; delete it`)
    return array
  }
  try {
    const [numRows, numEntries] = fill(new Uint32Array(2))
    return {
      offsets: fill(new Uint32Array(numRows + 1)),
      terms: fill(new Uint32Array(numEntries)),
      weights: fill(new Float32Array(numEntries))
    }
  } finally {
    closeSync(file)
  }
}
