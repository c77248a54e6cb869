import { type CountableVectors, termCounts } from './term-counts.ts'

/**
 * The FLOPS regulariser, what SPLADE models are trained to keep small: a smooth stand-in for the
 * products of two vectors of a kind.
 *
 *     ℓ = Σ_j ( mean over the vectors of |w_j| )²
 *
 * Unlike `flops` it depends on the weights, so it compares vectors of one scale only: not those of a
 * model with BM25's.
 *
 * Paria et al., "Minimizing FLOPs to Learn Efficient Sparse Representations" (ICLR 2020,
 * arXiv:2004.05665); Formal et al., "SPLADE: Sparse Lexical and Expansion Model for First Stage
 * Ranking" (SIGIR 2021, arXiv:2107.05720).
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where there is no vector
 */
export function flopsLoss(vectors: CountableVectors): number {
  const { numVectors, weightSums } = termCounts(vectors, 'vectors')
  return weightSums.reduce((sum, weights) => sum + (weights / numVectors) ** 2, 0)
}

/** What each side of {@link scaledFlopsLoss} is multiplied by. */
export interface FlopsScales {
  /** Default 0.5. */
  readonly lambdaQuery?: number
  /** Default 0.4. */
  readonly lambdaDocument?: number
}

/**
 * The regulariser of queries and documents as training adds it to its loss, λ_q ℓ(queries) + λ_d
 * ℓ(documents). This is how we read the column "Scaled total FLOPS loss" of the model cards of
 * prithivida/Splade_PP_en_v1 and v2: their text names the figure and gives no formula and no λ. The
 * scales are therefore those of the SPLADE++ that these models reimplement (naver/splade,
 * `conf/config_splade++_cocondenser_ensembledistil.yaml`), and figures of the cards cannot be compared
 * with these.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where either has no vector
 */
export function scaledFlopsLoss(
  queries: CountableVectors,
  documents: CountableVectors,
  { lambdaQuery = 0.5, lambdaDocument = 0.4 }: FlopsScales = {}
): number {
  return lambdaQuery * flopsLoss(queries) + lambdaDocument * flopsLoss(documents)
}
