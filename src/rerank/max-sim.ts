import type { TokenVectors } from '../encoder/token-vectors.ts'
import { EsplanadeError } from '../errors.ts'

/**
 * Late interaction, the MaxSim of ColBERT (Khattab and Zaharia 2020, arXiv:2004.12832): each vector of
 * the query finds the document's most similar one; the score is the sum of these dot products. For
 * vectors of length 1, as ColBERT has them, that is the sum of cosines, from minus to plus the number of
 * vectors of the query.
 *
 * Dot products are summed in float64, four of the document's vectors at a time, which lets the query's
 * numbers be read once for all four. Comparing takes a hundredth of what MiniLM takes to encode the
 * documents (`npm run bench -- rerank`), so there is no faster kernel.
 *
 * @returns 0 for a query without vectors
 * @throws EsplanadeError `INVALID_VECTOR` for other dimensions, and for a document without vectors
 */
export function maxSim(query: TokenVectors, document: TokenVectors): number {
  check(query, document)
  const { dimensions, vectors: q } = query
  const { vectors: d } = document
  let sum = 0
  for (let at = 0; at < q.length; at += dimensions) {
    sum += largestDotProduct(q, at, d, dimensions)
  }
  return sum
}

/** The largest dot product of the vector at `at` with any of the vectors in `d`. */
function largestDotProduct(
  q: Float32Array,
  at: number,
  d: Float32Array,
  dimensions: number
): number {
  let largest = Number.NEGATIVE_INFINITY
  let row = 0
  for (; row + 4 * dimensions <= d.length; row += 4 * dimensions) {
    let [a, b, c, e] = [0, 0, 0, 0]
    for (let i = 0; i < dimensions; i++) {
      const value = q[at + i]!
      const first = row + i
      a += value * d[first]!
      b += value * d[first + dimensions]!
      c += value * d[first + 2 * dimensions]!
      e += value * d[first + 3 * dimensions]!
    }
    largest = Math.max(largest, a, b, c, e)
  }
  for (; row < d.length; row += dimensions) {
    let product = 0
    for (let i = 0; i < dimensions; i++) product += q[at + i]! * d[row + i]!
    largest = Math.max(largest, product)
  }
  return largest
}

function check(query: TokenVectors, document: TokenVectors): void {
  const [numDimensions, given] = [query.dimensions, document.dimensions]
  if (numDimensions !== given) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place: 'document',
      problem: `its vectors have ${given} dimensions, those of the query ${numDimensions}`,
      expected: 'vectors by one model'
    })
  }
  for (const [place, { vectors }] of Object.entries({ query, document })) {
    if (Number.isInteger(vectors.length / numDimensions)) continue
    throw new EsplanadeError('INVALID_VECTOR', {
      place,
      problem: `${vectors.length} numbers are no vectors of ${numDimensions} dimensions`,
      expected: 'whole vectors'
    })
  }
  if (document.vectors.length === 0) {
    throw new EsplanadeError('INVALID_VECTOR', {
      place: 'document',
      problem: 'it has no vector',
      expected: 'one a token; an empty text has those of its special tokens'
    })
  }
}
