/**
 * A set of documents of one segment, a bit a document in the order of the segment's document ids.
 *
 * It must not change once it was handed to a search: a kernel that has copied its bits knows it by
 * identity.
 */
export interface DocumentBits {
  /** Document d is in the set if bit `d & 7` of byte `d >>> 3` is set. Bits past the last are 0. */
  readonly bits: Uint8Array
  /** Documents in the set. */
  readonly size: number
}
