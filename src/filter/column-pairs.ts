import { GrowingArray } from './growing-array.ts'
import { compareStrings } from './value.ts'

/** What one column has: its values in order, and for each pair of value and document both. */
export interface SortedPairs {
  /** Distinct, ascending. */
  readonly values: readonly string[] | Float64Array
  /** Place in `values` by pair. */
  readonly ranks: Uint32Array
  /** Document by pair. */
  readonly documents: Uint32Array
}

/** Pairs of value and document of one column. */
export interface ColumnPairs {
  add(docId: number, value: string | number): void
  sorted(): SortedPairs
}

/** Pairs of a column of strings. */
export class StringPairs implements ColumnPairs {
  readonly #idOf = new Map<string, number>()
  readonly #ids = new GrowingArray(Uint32Array)
  readonly #documents = new GrowingArray(Uint32Array)
  #isPlain = true

  add(docId: number, value: string): void {
    let id = this.#idOf.get(value)
    if (id === undefined) {
      id = this.#idOf.size
      this.#idOf.set(value, id)
      // Below the surrogates, units sort as code points do.
      if (/[\ud800-\uffff]/.test(value)) this.#isPlain = false
    }
    this.#ids.push(id)
    this.#documents.push(docId)
  }

  sorted(): SortedPairs {
    const values = [...this.#idOf.keys()]
    // Without a function to compare, the sort is several times faster.
    if (this.#isPlain) values.sort()
    else values.sort(compareStrings)
    const rankOf = new Uint32Array(values.length)
    for (const [rank, value] of values.entries()) rankOf[this.#idOf.get(value)!] = rank
    const ranks = this.#ids.view().map(id => rankOf[id]!)
    return { values, ranks, documents: this.#documents.view() }
  }
}

/** Pairs of a column of numbers, booleans or dates. */
export class NumberPairs implements ColumnPairs {
  readonly #values = new GrowingArray(Float64Array)
  readonly #documents = new GrowingArray(Uint32Array)

  add(docId: number, value: number): void {
    this.#values.push(value)
    this.#documents.push(docId)
  }

  sorted(): SortedPairs {
    const all = this.#values.view()
    const values = all.slice().sort()
    let numValues = 0
    for (const value of values) {
      if (numValues === 0 || value !== values[numValues - 1]) values[numValues++] = value
    }
    const distinct = values.slice(0, numValues)
    const ranks = new Uint32Array(all.length)
    for (let i = 0; i < all.length; i++) ranks[i] = rankOf(distinct, all[i]!)
    return { values: distinct, ranks, documents: this.#documents.view() }
  }
}

/** Place of a value among sorted ones, where it is. */
function rankOf(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
