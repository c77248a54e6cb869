import { type DocumentRecord, weightIn } from '../segment/forward-index.ts'
import type { Explanation } from '../vector/explanation.ts'
import type { QueryTerm } from './query-terms.ts'

/** What one term adds to the score of one document. */
export interface Contribution {
  readonly termId: number
  readonly queryWeight: number
  readonly documentWeight: number
  /** `queryWeight * documentWeight`. */
  readonly product: number
  /** What it adds to the score: the product, for cosine divided by the product of both lengths. */
  readonly value: number
}

/**
 * The terms that query and document share, by descending product, then ascending term id. Their
 * values sum to the score.
 *
 * @param scale - what a product is divided by: 1 for the dot product
 */
export function contributionsOf(
  terms: readonly QueryTerm[],
  record: DocumentRecord,
  scale: number
): Contribution[] {
  return terms
    .map(({ termId, termIndex, weight: queryWeight }) => {
      const documentWeight = weightIn(record, termIndex)
      const product = queryWeight * documentWeight
      return { termId, queryWeight, documentWeight, product, value: product / scale }
    })
    .filter(({ product }) => product > 0)
    .sort((a, b) => b.product - a.product || a.termId - b.termId)
}

/** How an {@link Explanation} names what it speaks of. */
export interface ExplainOptions {
  /** What to call a term (default: `term 2054`), for instance its piece of the vocabulary. */
  readonly nameOf?: (termId: number) => string
}

/** The score as a tree whose leaves, one a shared term, sum to it. */
export function explainContributions(
  contributions: readonly Contribution[],
  score: number,
  description: string,
  options: ExplainOptions
): Explanation {
  const { nameOf = (termId: number) => `term ${termId}` } = options
  return {
    value: score,
    description,
    details: contributions.map(({ termId, queryWeight, documentWeight, value }) => ({
      value,
      description: `${nameOf(termId)}: query weight ${shown(queryWeight)} × document weight ${shown(documentWeight)}`,
      details: []
    }))
  }
}

function shown(weight: number): string {
  return String(Number(weight.toPrecision(4)))
}
