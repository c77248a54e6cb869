/**
 * The Unigram model: of all ways to cut a word into terms, the one with the largest sum of scores.
 * Kudo, Subword Regularization, 2018; found by Viterbi's algorithm, from the left, and of equal sums
 * the one found first, as in the reference.
 */
export interface UnigramOptions {
  /** Term → id. */
  readonly ids: ReadonlyMap<string, number>
  /** The score of each id, a logarithm of its probability. */
  readonly scores: Float64Array
  readonly unknownId: number
}

/** How much worse than the worst term a character is that no term covers. */
const UNKNOWN_PENALTY = 10

/** Cuts words into the terms of a vocabulary; see {@link UnigramOptions}. */
export class Unigram {
  readonly #options: UnigramOptions
  readonly #unknownScore: number
  /** For the hash of each beginning of a term, whether it is a beginning (1), and a term (2). */
  readonly #filter: Uint8Array

  constructor(options: UnigramOptions) {
    this.#options = options
    this.#unknownScore = options.scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY
    this.#filter = filterOf(options.ids.keys())
  }

  /**
   * Appends the term ids of a well-formed word to `ids`, and the end of each piece, an index into the
   * word, to `ends`. Unknown characters in a row are one piece.
   */
  encode(word: string, ids: number[], ends: number[]): void {
    const { length } = word
    const { unknownId } = this.#options
    const scores = new Float64Array(length + 1) // of the best way to cut what ends here
    const from = new Int32Array(length + 1).fill(-1) // where its last piece begins
    const last = new Int32Array(length + 1) // the id of its last piece
    for (let start = 0; start < length; ) {
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1)
      if (from[start]! >= 0 || start === 0) this.#extend(word, start, next, scores, from, last)
      start = next
    }
    const first = ids.length
    for (let end = length; end > 0; end = from[end]!) {
      const isUnknown = last[end] === unknownId
      if (isUnknown && ids.length > first && ids.at(-1) === unknownId) continue
      ids.push(last[end]!)
      ends.push(end)
    }
    reverseFrom(ids, first)
    reverseFrom(ends, ends.length - (ids.length - first))
  }

  /** Offers every term that begins at `start` to the place where it ends. */
  #extend(
    word: string,
    start: number,
    next: number,
    scores: Float64Array,
    from: Int32Array,
    last: Int32Array
  ): void {
    const { ids, scores: scoreOf, unknownId } = this.#options
    const offer = (end: number, id: number, score: number): void => {
      const sum = scores[start]! + score
      if (from[end]! >= 0 && sum <= scores[end]!) return
      scores[end] = sum
      from[end] = start
      last[end] = id
    }
    const filter = this.#filter
    const mask = filter.length - 1
    let isCovered = false
    let hash = 0
    for (let end = start + 1; end <= word.length; end++) {
      hash = hashed(hash, word.charCodeAt(end - 1))
      const known = filter[hash & mask]!
      if (known === 0) break
      const id = (known & IS_TERM) === 0 ? undefined : ids.get(word.slice(start, end))
      if (id === undefined) continue
      offer(end, id, scoreOf[id]!)
      isCovered ||= end === next
    }
    if (!isCovered) offer(next, unknownId, this.#unknownScore)
  }
}

const IS_BEGINNING = 1
const IS_TERM = 2

/**
 * A filter after Bloom, 1970: it may take another string for a beginning of a term, never the other
 * way round. With it nearly all look-ups of a piece find a term; a vocabulary of 250,000 terms, some of
 * them long, would cost dozens in vain a character.
 */
function filterOf(terms: Iterable<string>): Uint8Array {
  const all = Array.from(terms)
  const numUnits = all.reduce((sum, term) => sum + term.length, 0)
  const filter = new Uint8Array(2 ** Math.ceil(Math.log2(2 * numUnits + 2)))
  const mask = filter.length - 1
  for (const term of all) {
    let hash = 0
    for (let i = 0; i < term.length; i++) {
      hash = hashed(hash, term.charCodeAt(i))
      filter[hash & mask]! |= i + 1 === term.length ? IS_BEGINNING | IS_TERM : IS_BEGINNING
    }
  }
  return filter
}

/** One step of FNV-1a, folded so that all of it counts under a mask. */
function hashed(hash: number, unit: number): number {
  const product = Math.imul(hash ^ unit, 0x01000193)
  return product ^ (product >>> 15)
}

function reverseFrom(list: number[], first: number): void {
  for (let i = first, j = list.length - 1; i < j; i++, j--) {
    const swapped = list[i]!
    list[i] = list[j]!
    list[j] = swapped
  }
}
