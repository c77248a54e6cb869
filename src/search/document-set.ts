import { EsplanadeError } from '../errors.ts'

/**
 * A set of documents of one index, a bit a document: what a search is limited to. Made by
 * `SparseIndex.documentSet`.
 */
export class DocumentSet {
  /** Documents in the index. */
  readonly numDocuments: number
  /** Documents in the set. */
  readonly size: number
  readonly #words: Uint32Array

  /**
   * @param numDocuments - documents in the index
   * @param docIds - members, below `numDocuments`, in any order; one may come twice
   * @throws EsplanadeError `INVALID_ARGUMENT` on an id that no document has
   */
  constructor(numDocuments: number, docIds: Iterable<number>) {
    const words = new Uint32Array(Math.ceil(numDocuments / 32))
    let size = 0
    for (const docId of docIds) {
      if (!Number.isInteger(docId) || docId < 0 || docId >= numDocuments) {
        throw new EsplanadeError('INVALID_ARGUMENT', {
          place: 'docIds',
          problem: `given ${docId}`,
          expected: `whole numbers from 0, below ${numDocuments}`
        })
      }
      const bit = 1 << (docId & 31)
      if ((words[docId >>> 5]! & bit) !== 0) continue
      words[docId >>> 5]! |= bit
      size++
    }
    this.numDocuments = numDocuments
    this.size = size
    this.#words = words
  }

  /** Whether the document is in the set. */
  has(docId: number): boolean {
    return (this.#words[docId >>> 5]! & (1 << (docId & 31))) !== 0
  }
}
