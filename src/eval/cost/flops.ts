import { type CountableVectors, type TermCounts, termCounts } from './term-counts.ts'

/**
 * What it costs to compare a query with a document, whatever the machine and the engine: the products
 * that an inverted index computes for the two, on average.
 *
 *     FLOPS = Σ_j p_j(query) · p_j(document)
 *
 * p_j is the part of the queries, or of the documents, in which term j is active. Times the number of
 * documents it is the number of postings that a query touches without pruning. A dense vector of d
 * dimensions has d by the same definition: each is active everywhere.
 *
 * Paria et al., "Minimizing FLOPs to Learn Efficient Sparse Representations" (ICLR 2020,
 * arXiv:2004.05665); between queries and documents as in Formal et al., "SPLADE: Sparse Lexical and
 * Expansion Model for First Stage Ranking" (SIGIR 2021, arXiv:2107.05720), and as naver/splade computes
 * it (`splade/flops.py`).
 *
 * @param queries - vectors of queries, such as were really asked
 * @param documents - vectors of the documents that are searched
 * @returns products a query and document, from 0
 * @throws EsplanadeError `INVALID_ARGUMENT` where either has no vector
 */
export function flops(queries: CountableVectors, documents: CountableVectors): number {
  const asked = termCounts(queries, 'queries')
  const held = termCounts(documents, 'documents')
  let products = 0
  for (const [i, j] of sharedTerms(asked, held)) products += asked.counts[i]! * held.counts[j]!
  return products / asked.numVectors / held.numVectors
}

/** Where both have the same term. */
function* sharedTerms(a: TermCounts, b: TermCounts): Generator<[number, number]> {
  let j = 0
  for (let i = 0; i < a.terms.length; i++) {
    while (j < b.terms.length && b.terms[j]! < a.terms[i]!) j++
    if (j === b.terms.length) return
    if (b.terms[j] === a.terms[i]) yield [i, j]
  }
}
