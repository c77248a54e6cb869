import { EsplanadeError } from '../errors.ts'
import { countBits, hasBit, numBitBytes } from './document-bits.ts'

/**
 * A set of documents of one index, a bit a document: what a search is limited to. Made by
 * `SparseIndex.documentSet`.
 */
export class DocumentSet {
  /** Documents in the index. */
  readonly numDocuments: number
  #size: number
  #bits: Uint8Array

  /**
   * @param numDocuments - documents in the index
   * @param members - places of documents in insertion order, below `numDocuments`, in any order; one
   *   may come twice
   * @throws EsplanadeError `INVALID_ARGUMENT` on a place that no document has
   */
  constructor(numDocuments: number, members: Iterable<number>) {
    const bits = new Uint8Array(numBitBytes(numDocuments))
    let size = 0
    for (const member of members) {
      if (!Number.isInteger(member) || member < 0 || member >= numDocuments) {
        throw new EsplanadeError('INVALID_ARGUMENT', {
          place: 'docIds',
          problem: `given ${member}`,
          expected: `whole numbers from 0, below ${numDocuments}`
        })
      }
      const bit = 1 << (member & 7)
      if ((bits[member >>> 3]! & bit) !== 0) continue
      bits[member >>> 3]! |= bit
      size++
    }
    this.numDocuments = numDocuments
    this.#size = size
    this.#bits = bits
  }

  /**
   * A set by its bits, which it keeps.
   *
   * @internal
   * @param bits - bit `d & 7` of byte `d >>> 3` for the document at place d; those past the last are 0
   */
  static fromBits(numDocuments: number, bits: Uint8Array): DocumentSet {
    const set = new DocumentSet(numDocuments, [])
    set.#bits = bits
    set.#size = countBits(bits)
    return set
  }

  /** Documents in the set. */
  get size(): number {
    return this.#size
  }

  /**
   * The bits themselves, not to be changed.
   *
   * @internal
   */
  get bits(): Uint8Array {
    return this.#bits
  }

  /** Whether the document is in the set. */
  has(member: number): boolean {
    return hasBit(this.#bits, member)
  }

  /** The documents that are in this set and in the other. */
  intersection(other: DocumentSet): DocumentSet {
    const both = this.#bits.map((byte, i) => byte & other.#bits[i]!)
    return DocumentSet.fromBits(this.numDocuments, both)
  }
}
