import { binarySearch } from '../segment/binary-search.ts'
import { type DocumentRecord, recordNorm, weightIn } from '../segment/forward-index.ts'
import type { Metric } from '../vector/similarity.ts'
import { norm } from '../vector/similarity.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'

/** A term of a query that occurs in the index. */
export interface QueryTerm {
  readonly termId: number
  /** Its place in the lexicon. */
  readonly termIndex: number
  /** Its weight in the query. */
  readonly weight: number
}

/** A query whose terms were looked up in a lexicon. */
export interface LookedUpQuery {
  /** The terms that the index knows, by ascending term id. */
  readonly terms: readonly QueryTerm[]
  /** Euclidean length of the whole query, unknown terms included. */
  readonly length: number
  /** Terms that the index lacks: they match nothing. */
  readonly numUnknownTerms: number
}

/** Ids below this are found by a table of at most 4 MiB, the others by binary search. */
const DIRECT_IDS = 2 ** 20

/** Finds the place of a term id in a lexicon, strictly ascending term ids. */
export class TermLookup {
  readonly #lexicon: Uint32Array
  /** Place + 1 by term id, or 0. */
  readonly #direct: Uint32Array

  constructor(lexicon: Uint32Array) {
    this.#lexicon = lexicon
    let numDirect = 0
    while (numDirect < lexicon.length && lexicon[numDirect]! < DIRECT_IDS) numDirect++
    const largest = numDirect === 0 ? 0 : lexicon[numDirect - 1]!
    this.#direct = new Uint32Array(largest + 1)
    for (let place = 0; place < numDirect; place++) this.#direct[lexicon[place]!] = place + 1
  }

  /** Looks a query up. The vector must have been checked. */
  query(query: SparseVector): LookedUpQuery {
    const terms: QueryTerm[] = []
    for (let i = 0; i < query.terms.length; i++) {
      const termId = query.terms[i]!
      const termIndex = this.placeOf(termId)
      if (termIndex >= 0) terms.push({ termId, termIndex, weight: query.weights[i]! })
    }
    const numUnknownTerms = query.terms.length - terms.length
    return { terms, length: norm(query), numUnknownTerms }
  }

  /** The place of a term in the lexicon, or −1 for one that it lacks. */
  placeOf(termId: number): number {
    if (termId < DIRECT_IDS) return (this.#direct[termId] ?? 0) - 1
    return binarySearch(this.#lexicon, termId)
  }
}

/**
 * Exact score of one document: the dot product, summed in float64 by ascending term id, and for
 * cosine divided by the product of both lengths.
 */
export function scoreOf(query: LookedUpQuery, record: DocumentRecord, metric: Metric): number {
  let sum = 0
  for (const { termIndex, weight } of query.terms) sum += weight * weightIn(record, termIndex)
  return sum === 0 ? 0 : sum / divisor(query, record, metric)
}

/** What a dot product is divided by: 1, or for cosine the product of both lengths. */
export function divisor(query: LookedUpQuery, record: DocumentRecord, metric: Metric): number {
  return metric === 'dot' ? 1 : query.length * recordNorm(record)
}
