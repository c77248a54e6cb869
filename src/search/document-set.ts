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
  readonly #bits: Uint8Array

  /**
   * @param numDocuments - documents in the index
   * @param members - places of documents in insertion order, below `numDocuments`, in any order; one
   *   may come twice
   * @throws EsplanadeError `INVALID_ARGUMENT` on a place that no document has
   */
  constructor(numDocuments: number, members: Iterable<number>) {
    const bits = new Uint8Array(Math.ceil(numDocuments / 8))
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
    this.size = size
    this.#bits = bits
  }

  /** Whether the document is in the set. */
  has(member: number): boolean {
    return (this.#bits[member >>> 3]! & (1 << (member & 7))) !== 0
  }

  /** The members from `first` up to, but not including, `end`, ascending. */
  *members(first = 0, end: number = this.numDocuments): Generator<number, void, undefined> {
    for (let at = first; at < end; at++) {
      if ((at & 7) === 0 && this.#bits[at >>> 3] === 0) at += 7
      else if (this.has(at)) yield at
    }
  }

  /** The documents that are in this set and in the other. */
  intersection(other: DocumentSet): DocumentSet {
    const [smaller, larger] = this.size < other.size ? [this, other] : [other, this]
    const both = [...smaller.members()].filter(member => larger.has(member))
    return new DocumentSet(this.numDocuments, both)
  }
}
