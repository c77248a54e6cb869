import { EsplanadeError } from '../errors.ts'
import type { Metric } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkKey, quoteKey } from './key.ts'
import { MAX_DOCUMENTS, MAX_POSTINGS, type Segment, type SegmentMetadata } from './segment.ts'
import { TermTable } from './term-table.ts'

/** Postings of consecutive documents, as they were added; a document never straddles two chunks. */
interface Chunk {
  readonly termIndexes: Uint32Array
  readonly weights: Float32Array
  /** `numPostings[i]` postings belong to the chunk's i-th document. */
  readonly numPostings: number[]
  used: number
}

const FIRST_CHUNK_POSTINGS = 1024
const MAX_CHUNK_POSTINGS = 2 ** 19

/**
 * Collects vectors and turns them into a {@link Segment}.
 *
 * Until then a posting takes 8 bytes in chunks of typed arrays, in document order; `finish` turns
 * them into posting lists by one counting sort and lets go of each chunk as soon as it is done, so
 * the peak is 16 bytes a posting.
 */
export class SegmentBuilder {
  readonly #docIdOf = new Map<string, number>()
  readonly #terms = new TermTable()
  #chunks: Chunk[] = []
  #numPostings = 0

  /** Documents added so far. */
  get numDocuments(): number {
    return this.#docIdOf.size
  }

  /** Postings added so far. */
  get numPostings(): number {
    return this.#numPostings
  }

  /**
   * Adds a document. The vector must have been checked; it is copied. After an error the builder is
   * as it was before.
   *
   * @throws EsplanadeError `INVALID_KEY`, `DUPLICATE_KEY`; `INVALID_ARGUMENT` when the segment is
   *   full
   */
  add(key: string, vector: SparseVector): void {
    checkKey(key)
    if (this.#docIdOf.has(key)) {
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
      chunk.termIndexes[chunk.used + i] = this.#terms.count(terms[i]!)
    }
    chunk.used += terms.length
    chunk.numPostings.push(terms.length)
    this.#numPostings += terms.length
    this.#docIdOf.set(key, this.#docIdOf.size)
  }

  /** Makes the segment and empties the builder. */
  finish(metric: Metric, metadata: SegmentMetadata): Segment {
    const { lexicon, rankOf, counts } = this.#terms.sorted()
    const offsets = new Uint32Array(lexicon.length + 1)
    for (let t = 0; t < lexicon.length; t++) offsets[t + 1] = offsets[t]! + counts[t]!
    const docIds = new Uint32Array(this.#numPostings)
    const weights = new Float32Array(this.#numPostings)
    const next = offsets.slice(0, lexicon.length)
    const chunks = this.#chunks.reverse()
    let docId = 0
    for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) {
      scatter(chunk, docId, rankOf, next, docIds, weights)
      docId += chunk.numPostings.length
    }
    const keys = [...this.#docIdOf.keys()]
    this.#docIdOf.clear()
    this.#terms.clear()
    this.#numPostings = 0
    return { metric, metadata, keys, lexicon, offsets, docIds, weights }
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
      numPostings: [],
      used: 0
    }
    this.#chunks.push(chunk)
    return chunk
  }
}

/**
 * Moves a chunk's postings to their lists. `rankOf[termIndex]` is a term's place in the lexicon and
 * `next[place]` the position of its next posting. Documents come in ascending order, so every list
 * comes out ascending.
 */
function scatter(
  chunk: Chunk,
  firstDocId: number,
  rankOf: Uint32Array,
  next: Uint32Array,
  docIds: Uint32Array,
  weights: Float32Array
): void {
  const { termIndexes, weights: chunkWeights, numPostings } = chunk
  let i = 0
  for (let d = 0; d < numPostings.length; d++) {
    const end = i + numPostings[d]!
    for (; i < end; i++) {
      const rank = rankOf[termIndexes[i]!]!
      const position = next[rank]!
      next[rank] = position + 1
      docIds[position] = firstDocId + d
      weights[position] = chunkWeights[i]!
    }
  }
}
