import { EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkKey, quoteKey } from './keys.ts'
import { MAX_DOCUMENTS, MAX_POSTINGS } from './segment.ts'
import { TermTable } from './term-table.ts'

/** Postings of consecutive documents, as they were added; a document never straddles two chunks. */
interface Chunk {
  readonly termIndexes: Uint32Array
  readonly weights: Float32Array
  used: number
}

const FIRST_CHUNK_POSTINGS = 1024
const MAX_CHUNK_POSTINGS = 2 ** 19

/** What was added, its terms numbered by their place in the lexicon. */
export interface AddedDocuments {
  readonly keys: readonly string[]
  /** Term ids, strictly ascending. */
  readonly lexicon: Uint32Array
  readonly numPostings: number
  /**
   * Document d has `lengths[d]` postings from `starts[d]` on in `chunks[chunkOf[d]]`: ascending places
   * in the lexicon, and weights.
   */
  readonly chunks: readonly { readonly termIndexes: Uint32Array; readonly weights: Float32Array }[]
  readonly chunkOf: Uint32Array
  readonly starts: Uint32Array
  readonly lengths: Uint32Array
}

/**
 * Collects vectors: 8 bytes a posting, in chunks of typed arrays, in the order in which documents are
 * added.
 */
export class SegmentBuilder {
  readonly #documentOf = new Map<string, number>()
  readonly #terms = new TermTable()
  readonly #chunks: Chunk[] = []
  /** Which chunk each document is in, and where it begins there. */
  readonly #chunkOf: number[] = []
  readonly #startOf: number[] = []
  readonly #lengthOf: number[] = []
  #numPostings = 0

  /** Documents added so far. */
  get numDocuments(): number {
    return this.#documentOf.size
  }

  /** Postings added so far. */
  get numPostings(): number {
    return this.#numPostings
  }

  /**
   * Adds a document. The vector must have been checked; it is copied. After an error the builder is
   * as it was before.
   *
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY`; `INVALID_ARGUMENT` when the index is full
   */
  add(key: string, vector: SparseVector): void {
    checkKey(key)
    if (this.#documentOf.has(key)) {
      throw new EsplanadeError('DUPLICATE_KEY', {
        problem: `key ${quoteKey(key)} was added before`,
        expected: 'a key of its own for every document',
        remedy: 'Leave one of the two documents out or rename it'
      })
    }
    const { terms, weights } = vector
    this.#checkRoom(terms.length)
    const chunk = this.#chunkFor(terms.length)
    chunk.weights.set(weights, chunk.used)
    for (let i = 0; i < terms.length; i++) {
      chunk.termIndexes[chunk.used + i] = this.#terms.indexOf(terms[i]!)
    }
    this.#chunkOf.push(this.#chunks.length - 1)
    this.#startOf.push(chunk.used)
    this.#lengthOf.push(terms.length)
    chunk.used += terms.length
    this.#numPostings += terms.length
    this.#documentOf.set(key, this.#documentOf.size)
  }

  /** What was added. The builder must not be used afterwards. */
  finish(): AddedDocuments {
    const { lexicon, rankOf } = this.#terms.sorted()
    for (const { termIndexes, used } of this.#chunks) {
      for (let i = 0; i < used; i++) termIndexes[i] = rankOf[termIndexes[i]!]!
    }
    return {
      keys: [...this.#documentOf.keys()],
      lexicon,
      numPostings: this.#numPostings,
      chunks: this.#chunks,
      chunkOf: Uint32Array.from(this.#chunkOf),
      starts: Uint32Array.from(this.#startOf),
      lengths: Uint32Array.from(this.#lengthOf)
    }
  }

  #checkRoom(numPostings: number): void {
    const documentsFull = this.numDocuments >= MAX_DOCUMENTS
    if (!documentsFull && this.#numPostings + numPostings <= MAX_POSTINGS) return
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: documentsFull
        ? `more than ${MAX_DOCUMENTS} documents in one index`
        : `more than ${MAX_POSTINGS} postings in one index`,
      remedy: 'Build several indexes and fuse their hits'
    })
  }

  #chunkFor(numPostings: number): Chunk {
    const last = this.#chunks.at(-1)
    if (last !== undefined && last.used + numPostings <= last.weights.length) return last
    const doubled = last === undefined ? FIRST_CHUNK_POSTINGS : 2 * last.weights.length
    const capacity = Math.max(Math.min(doubled, MAX_CHUNK_POSTINGS), numPostings)
    const chunk: Chunk = {
      termIndexes: new Uint32Array(capacity),
      weights: new Float32Array(capacity),
      used: 0
    }
    this.#chunks.push(chunk)
    return chunk
  }
}
