import { EsplanadeError } from '../errors.ts'
import type { KernelChoice } from '../kernel/kernel-memory.ts'
import { checkKey, quoteKey } from '../segment/keys.ts'
import { copyMetadata } from '../segment/metadata.ts'
import type { SegmentMetadata } from '../segment/segment.ts'
import {
  checkedDenseVector,
  type DenseMetric,
  type DenseVector,
  MAX_DIMENSIONS
} from '../vector/dense-vector.ts'
import { type DensePrecision, MAX_VECTORS, METRICS, PRECISIONS } from './dense-format.ts'
import { DenseIndex } from './dense-index.ts'
import { writeDenseRows } from './dense-writer.ts'

/** Options of {@link DenseIndexBuilder.finish}. */
export interface DenseFinishOptions {
  /** How documents are compared with a query (default `'cosine'`). */
  readonly metric?: DenseMetric | undefined
  /**
   * What is scanned (default `'int8'`). Hits and scores are the same: with `'int8'` the index takes a
   * quarter more memory, and a search reads a quarter of it.
   */
  readonly precision?: DensePrecision | undefined
  /** Notes of yours that are kept in the index, anything that JSON can hold (default `{}`). */
  readonly metadata?: SegmentMetadata | undefined
  /** `'typescript'` searches without WebAssembly (default `'auto'`: only where it is missing). */
  readonly kernel?: KernelChoice | undefined
}

/** About so many numbers are held in one array. */
const CHUNK_NUMBERS = 2 ** 20

/**
 * Collects keyed dense vectors and makes a {@link DenseIndex} of them. While it finishes it holds them
 * twice.
 *
 * ```ts
 * const builder = new DenseIndexBuilder(3)
 * builder.add('a', [0.1, 0.2, 0.3])
 * const index = builder.finish({ metric: 'dot' })
 * ```
 */
export class DenseIndexBuilder {
  /** Numbers of each vector. */
  readonly dimensions: number
  readonly #chunkVectors: number
  readonly #keys: string[] = []
  readonly #known = new Set<string>()
  #chunks: Float32Array[] | undefined = []

  /**
   * @param dimensions - numbers of each vector, 1 to 65,536
   * @throws EsplanadeError `INVALID_ARGUMENT`
   */
  constructor(dimensions: number) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      throw invalid(
        'dimensions',
        `given ${dimensions}`,
        `a whole number from 1 to ${MAX_DIMENSIONS}`
      )
    }
    this.dimensions = dimensions
    this.#chunkVectors = Math.ceil(CHUNK_NUMBERS / dimensions)
  }

  /** Documents added so far. */
  get size(): number {
    return this.#keys.length
  }

  /**
   * Adds a document; the vector is checked and copied, as float32. A document that is refused leaves the
   * builder as it was.
   *
   * @param key - any well-formed string that is not empty and was not added before
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY`; `INVALID_VECTOR` for another number of
   *   dimensions and numbers that are not finite; `INVALID_ARGUMENT` after `finish`, or when the index is
   *   full (2^24 documents)
   */
  add(key: string, vector: ArrayLike<number>): void {
    const chunks = this.#open()
    checkKey(key)
    if (this.#known.has(key)) {
      throw new EsplanadeError('DUPLICATE_KEY', {
        problem: `key ${quoteKey(key)} was added before`,
        expected: 'a key of its own for every document'
      })
    }
    if (this.size === MAX_VECTORS) {
      throw invalid('key', `the index is full at ${MAX_VECTORS} documents`, 'fewer documents')
    }
    const floats = checkedDenseVector(vector, this.dimensions, `document ${quoteKey(key)}`)
    const at = this.size % this.#chunkVectors
    if (at === 0) chunks.push(new Float32Array(this.#chunkVectors * this.dimensions))
    chunks.at(-1)!.set(floats, at * this.dimensions)
    this.#known.add(key)
    this.#keys.push(key)
  }

  /**
   * Makes the index. The builder cannot be used afterwards.
   *
   * @throws EsplanadeError `INVALID_VECTOR` for a document whose numbers are all 0, under cosine;
   *   `INVALID_ARGUMENT` for an option, or where the index does not fit in 4 GiB
   */
  finish(options: DenseFinishOptions = {}): DenseIndex {
    const { metric = 'cosine', precision = 'int8', metadata = {}, kernel = 'auto' } = options
    const chunks = this.#open()
    if (!METRICS.includes(metric)) throw invalid('metric', `given ${metric}`, METRICS.join(' or '))
    if (!PRECISIONS.includes(precision)) {
      throw invalid('precision', `given ${precision}`, PRECISIONS.join(' or '))
    }
    const header = { metric, precision, numVectors: this.size, dimensions: this.dimensions }
    const added = { keys: this.#keys, vectors: this.#vectors(chunks) }
    const rows = writeDenseRows(added, header, copyMetadata(metadata), kernel)
    this.#chunks = undefined
    return new DenseIndex(rows)
  }

  *#vectors(chunks: readonly Float32Array[]): Generator<DenseVector, void, undefined> {
    for (let id = 0; id < this.size; id++) {
      const at = (id % this.#chunkVectors) * this.dimensions
      yield chunks[Math.floor(id / this.#chunkVectors)]!.subarray(at, at + this.dimensions)
    }
  }

  #open(): Float32Array[] {
    if (this.#chunks !== undefined) return this.#chunks
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'the builder has finished',
      remedy: 'Make a new builder for further documents'
    })
  }
}

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
