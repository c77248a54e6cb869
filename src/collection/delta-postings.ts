import { TermTable } from '../segment/term-table.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

/** Entries of a block. */
const BLOCK_ENTRIES = 512

/** Posting lists of consecutive entries; those of term t lie from `offsets[t]` to `offsets[t + 1] − 1`. */
interface Block {
  readonly firstEntry: number
  readonly offsets: Uint32Array
  /** Counted from `firstEntry`, ascending in a list. */
  readonly entries: Uint16Array
  readonly weights: Float32Array
}

/**
 * The vectors that were added last, searched term at a time: blocks of posting lists, and behind them
 * a tail of fewer entries, entry by entry as they came, until they fill a block.
 *
 * To write a list in place for every posting would cost a miss of the cache each; a block is sorted
 * by counting, which costs some 5 ns a posting.
 */
export class DeltaPostings {
  readonly #terms = new TermTable()
  readonly #blocks: Block[] = []
  /** The tail: places in the term table, ascending by term in an entry, and weights. */
  #tailTerms = new Uint32Array(1024)
  #tailWeights = new Float32Array(1024)
  /** Where each entry of the tail ends. */
  #tailEnds: number[] = []
  #firstOfTail = 0
  #scores = new Float64Array(1024)
  #queryWeights = new Float64Array(1024)

  /** Adds the next entry. */
  add({ terms, weights }: SparseVector): void {
    const start = this.#tailEnds.at(-1) ?? 0
    const end = start + terms.length
    if (end > this.#tailTerms.length) this.#grow(end)
    for (let i = 0; i < terms.length; i++) {
      this.#tailTerms[start + i] = this.#terms.indexOf(terms[i]!)
    }
    this.#tailWeights.set(weights, start)
    this.#tailEnds.push(end)
  }

  /** Takes back all entries but the first so many, which are at least those that were settled. */
  truncate(numEntries: number): void {
    this.#tailEnds.length = numEntries - this.#firstOfTail
  }

  /**
   * Makes a block of the first entries of the tail, where so many will not be taken back.
   *
   * @param numEntries - entries that stay, counted from the first of all
   * @returns whether there is another block to be made
   */
  settle(numEntries: number): boolean {
    if (numEntries - this.#firstOfTail >= BLOCK_ENTRIES) this.#addBlock()
    return numEntries - this.#firstOfTail >= BLOCK_ENTRIES
  }

  /**
   * The dot product of each of the first `numEntries` entries with a query, summed in float64 by
   * ascending term; 0 for one that matches no term. The caller sets what it has read back to 0.
   */
  sum({ terms, weights }: SparseVector, numEntries: number): Float64Array {
    if (this.#scores.length < numEntries) this.#scores = new Float64Array(2 * numEntries)
    for (let i = 0; i < terms.length; i++) {
      const term = this.#terms.find(terms[i]!)
      if (term === undefined) continue
      for (const block of this.#blocks) addList(block, term, weights[i]!, numEntries, this.#scores)
    }
    if (numEntries > this.#firstOfTail) this.#sumTail({ terms, weights }, numEntries)
    return this.#scores
  }

  /** Terms that were ever added, from one on, ascending. */
  termsFrom(termId: number): Uint32Array {
    return this.#terms.sorted().lexicon.filter(id => id >= termId)
  }

  /** How many of the first `numEntries` entries hold each of some distinct terms. */
  documentFrequencies(termIds: Uint32Array, numEntries: number): Uint32Array {
    const counts = new Uint32Array(termIds.length)
    const places = Array.from(termIds, termId => this.#terms.find(termId))
    places.forEach((term, i) => {
      if (term === undefined) return
      for (const block of this.#blocks) counts[i]! += lengthOfList(block, term, numEntries)
    })
    if (numEntries <= this.#firstOfTail) return counts
    const end = this.#tailEnds[numEntries - this.#firstOfTail - 1]!
    // By term: the number of its place in `termIds`, from 1.
    const numbers = new Uint32Array(this.#terms.size)
    places.forEach((term, i) => {
      if (term !== undefined) numbers[term] = i + 1
    })
    for (let at = 0; at < end; at++) {
      const number = numbers[this.#tailTerms[at]!]!
      if (number > 0) counts[number - 1]!++
    }
    return counts
  }

  #sumTail({ terms, weights }: SparseVector, numEntries: number): void {
    const { size } = this.#terms
    if (this.#queryWeights.length < size) this.#queryWeights = new Float64Array(2 * size)
    const queryWeights = this.#queryWeights
    const places = Array.from(terms, termId => this.#terms.find(termId))
    places.forEach((term, i) => {
      if (term !== undefined) queryWeights[term] = weights[i]!
    })
    const [tailTerms, tailWeights] = [this.#tailTerms, this.#tailWeights]
    for (let entry = this.#firstOfTail, at = 0; entry < numEntries; entry++) {
      const end = this.#tailEnds[entry - this.#firstOfTail]!
      let sum = 0
      for (; at < end; at++) sum += queryWeights[tailTerms[at]!]! * tailWeights[at]!
      this.#scores[entry] = sum
    }
    for (const term of places) if (term !== undefined) queryWeights[term] = 0
  }

  /** The first entries of the tail become a block: a counting sort by term. */
  #addBlock(): void {
    const numPostings = this.#tailEnds[BLOCK_ENTRIES - 1]!
    const offsets = new Uint32Array(this.#terms.size + 1)
    const [tailTerms, tailWeights] = [this.#tailTerms, this.#tailWeights]
    for (let i = 0; i < numPostings; i++) offsets[tailTerms[i]! + 1]!++
    for (let term = 1; term < offsets.length; term++) offsets[term]! += offsets[term - 1]!
    const next = offsets.slice()
    const entries = new Uint16Array(numPostings)
    const weights = new Float32Array(numPostings)
    for (let entry = 0, i = 0; entry < BLOCK_ENTRIES; entry++) {
      for (; i < this.#tailEnds[entry]!; i++) {
        const place = next[tailTerms[i]!]!++
        entries[place] = entry
        weights[place] = tailWeights[i]!
      }
    }
    this.#blocks.push({ firstEntry: this.#firstOfTail, offsets, entries, weights })
    const end = this.#tailEnds.at(-1)!
    tailTerms.copyWithin(0, numPostings, end)
    tailWeights.copyWithin(0, numPostings, end)
    this.#tailEnds = this.#tailEnds.slice(BLOCK_ENTRIES).map(tailEnd => tailEnd - numPostings)
    this.#firstOfTail += BLOCK_ENTRIES
  }

  #grow(end: number): void {
    const terms = new Uint32Array(2 * end)
    terms.set(this.#tailTerms)
    this.#tailTerms = terms
    const weights = new Float32Array(2 * end)
    weights.set(this.#tailWeights)
    this.#tailWeights = weights
  }
}

/** Entries of a term's list in a block that are among the first `numEntries` of all. */
function lengthOfList(
  { firstEntry, offsets, entries }: Block,
  term: number,
  numEntries: number
): number {
  // The block may be older than the term.
  if (term + 1 >= offsets.length) return 0
  const start = offsets[term]!
  let end = offsets[term + 1]!
  while (end > start && firstEntry + entries[end - 1]! >= numEntries) end--
  return end - start
}

function addList(
  { firstEntry, offsets, entries, weights }: Block,
  term: number,
  queryWeight: number,
  numEntries: number,
  scores: Float64Array
): void {
  // The block may be older than the term.
  if (term + 1 >= offsets.length) return
  const end = offsets[term + 1]!
  for (let i = offsets[term]!; i < end; i++) {
    const entry = firstEntry + entries[i]!
    if (entry >= numEntries) break
    scores[entry]! += queryWeight * weights[i]!
  }
}
