import { DenseMemory } from '../kernel/dense-memory.ts'
import { rowBytes } from '../search/dense-format.ts'
import { type DenseVector, denseNorm } from '../vector/dense-vector.ts'
import type { DenseSettings } from './dense-settings.ts'

/** Vectors that the first memory holds; each one that follows holds twice as many, up to 1 GiB. */
const FIRST_ROWS = 256
const MAX_CHUNK_BYTES = 2 ** 30

/** Address 0 stands for "none". */
const BASE = 64

/** Rows from `first` on, in a memory of their own with room for what a scan needs. */
interface Chunk {
  readonly memory: DenseMemory
  readonly first: number
  readonly capacity: number
  /** Addresses: rows stand at {@link BASE}. */
  readonly query: number
  readonly ids: number
  readonly out: number
}

/**
 * The dense vectors of a delta, as float32. It only grows, but for what could not be written. As the
 * number of memories that a process may have is limited, there are few of them, each twice as large as
 * the one before.
 */
export class DeltaDense {
  readonly #settings: DenseSettings
  readonly #chunks: Chunk[] = []
  readonly #norms: number[] = []
  /** The entry of each row, ascending. */
  readonly #entryOf: number[] = []

  constructor(settings: DenseSettings) {
    this.#settings = settings
  }

  get settings(): DenseSettings {
    return this.#settings
  }

  get numRows(): number {
    return this.#entryOf.length
  }

  /** Bytes of the vectors. */
  get numBytes(): number {
    return this.numRows * rowBytes(this.#settings.dimensions)
  }

  /** Adds the vector of an entry, which comes after all before it. */
  add(entry: number, vector: DenseVector): void {
    const row = this.#entryOf.push(entry) - 1
    this.#norms.push(denseNorm(vector))
    const last = this.#chunks.at(-1)
    const chunk =
      last !== undefined && row < last.first + last.capacity ? last : this.#newChunk(row, last)
    const stride = rowBytes(this.#settings.dimensions)
    const at = (BASE + (row - chunk.first) * stride) / 4
    chunk.memory.views.f32.set(vector, at)
  }

  /** Takes back the vectors of entries from this one on. */
  truncate(numEntries: number): void {
    const numRows = this.firstRow(numEntries)
    this.#entryOf.length = numRows
    this.#norms.length = numRows
    while (this.#chunks.length > 0 && this.#chunks.at(-1)!.first >= numRows) this.#chunks.pop()
  }

  /** The entry of a row. */
  entryOf(row: number): number {
    return this.#entryOf[row]!
  }

  /** The first row of an entry from this one on. */
  firstRow(entry: number): number {
    let low = 0
    let high = this.#entryOf.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entryOf[middle]! < entry) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The scores of rows, none of which is below the one before, as `denseScore` has them. */
  scores(query: DenseVector, rows: Uint32Array): Float64Array {
    const { metric } = this.#settings
    const scores = new Float64Array(rows.length)
    let from = 0
    for (const chunk of this.#chunks) {
      const { first, capacity } = chunk
      while (from < rows.length && rows[from]! < first + capacity) {
        let end = from
        // The same row may be asked for more than once; there is room for all of them once.
        const most = Math.min(rows.length, from + capacity)
        while (end < most && rows[end]! < first + capacity) end++
        scores.set(this.#scan(chunk, query, rows.subarray(from, end)), from)
        from = end
      }
    }
    if (metric === 'dot') return scores
    const length = metric === 'cosine' ? denseNorm(query) : 0
    for (let i = 0; i < rows.length; i++) {
      scores[i] =
        metric === 'cosine'
          ? scores[i]! / (this.#norms[rows[i]!]! * length)
          : 0 - Math.sqrt(scores[i]!)
    }
    return scores
  }

  /** Dot products, or squared distances, of rows of one chunk; the next scan writes over them. */
  #scan(chunk: Chunk, query: DenseVector, rows: Uint32Array): Float64Array {
    const { memory, first, ids, out } = chunk
    const { views, kernel } = memory
    views.f64.set(query, chunk.query / 8)
    for (let i = 0; i < rows.length; i++) views.u32[ids / 4 + i] = rows[i]! - first
    const stride = rowBytes(this.#settings.dimensions)
    const scan = { rows: BASE, stride, ids, count: rows.length, query: chunk.query, out }
    if (this.#settings.metric === 'euclidean') kernel.squaredDistances(scan)
    else kernel.dotFloat32(scan)
    return views.f64.subarray(out / 8, out / 8 + rows.length)
  }

  #newChunk(first: number, last: Chunk | undefined): Chunk {
    const stride = rowBytes(this.#settings.dimensions)
    // An even number, so that what stands behind a list of ids is aligned.
    const most = 2 * Math.floor(MAX_CHUNK_BYTES / stride / 2)
    const capacity = Math.min(last === undefined ? FIRST_ROWS : 2 * last.capacity, most)
    const query = BASE + capacity * stride
    const ids = query + 2 * stride
    const out = ids + 4 * capacity
    const memory = new DenseMemory(out + 8 * capacity)
    const chunk = { memory, first, capacity, query, ids, out }
    this.#chunks.push(chunk)
    return chunk
  }
}
