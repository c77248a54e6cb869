/**
 * nDCG: normalised discounted cumulative gain, trec_eval's `ndcg` and `ndcg_cut`.
 *
 * A document at rank r gains its grade / log2(r + 1); the sum is divided by that of the best
 * possible ranking of the judged documents, cut at the same rank. A negative grade gains nothing.
 *
 * Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002.
 * The discount log2(r + 1) is the form of Burges et al., ICML 2005, which trec_eval uses; the gain is
 * the grade itself, not 2^grade - 1.
 */
import type { MetricFamily } from '../metric.ts'

export const ndcg: MetricFamily = {
  name: 'nDCG',
  aliases: ['NDCG'],
  cutoff: 'optional',
  parameters: [],
  bind({ cutoff }) {
    return ({ grades, judgedGrades }) => {
      const best = dcg(
        [...judgedGrades].sort((a, b) => b - a),
        cutoff
      )
      return best > 0 ? dcg(grades, cutoff) / best : 0
    }
  }
}

function dcg(grades: readonly (number | undefined)[], cutoff: number): number {
  const numRanks = Math.min(grades.length, cutoff)
  let sum = 0
  for (let i = 0; i < numRanks; i++) {
    const grade = grades[i]
    if (grade !== undefined && grade > 0) sum += grade / Math.log2(i + 2)
  }
  return sum
}
