/**
 * nDCG: normalised discounted cumulative gain.
 *
 * The gain of the document at rank r is divided by log2(r + 1); the sum over the ranks is divided by
 * that of the best possible ranking of the judged documents, cut at the same rank. A negative grade
 * gains nothing.
 * - `dcg='log2'`, the default: the gain is the grade (trec_eval's `ndcg` and `ndcg_cut`).
 * - `dcg='exp-log2'`: the gain is 2^grade - 1 (TREC's `gdeval`, and most learning to rank).
 *
 * Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002; the
 * discount and the exponential gain are those of Burges et al., Learning to rank using gradient
 * descent, ICML 2005.
 */
import { judgedOnlyParameter, type MetricFamily } from '../metric.ts'

export const ndcg: MetricFamily = {
  name: 'nDCG',
  aliases: ['NDCG'],
  cutoff: 'optional',
  parameters: [
    {
      name: 'dcg',
      default: 'log2',
      expected: "'log2' or 'exp-log2'",
      accepts: value => value === 'log2' || value === 'exp-log2'
    },
    judgedOnlyParameter
  ],
  bind({ cutoff, parameters }) {
    const isExponential = parameters.dcg === 'exp-log2'
    return ({ grades, judgedGrades }) => {
      const sorted = [...judgedGrades].sort((a, b) => b - a)
      const highest = sorted[0] ?? 0
      // Divided by 2^highest, which changes no ratio, so that no grade is too high for a number.
      const gainOf = isExponential
        ? (grade: number) => 2 ** (grade - highest) - 2 ** -highest
        : (grade: number) => grade
      const best = dcg(sorted, cutoff, gainOf)
      return best > 0 ? dcg(grades, cutoff, gainOf) / best : 0
    }
  }
}

function dcg(
  grades: readonly (number | undefined)[],
  cutoff: number,
  gainOf: (grade: number) => number
): number {
  const numRanks = Math.min(grades.length, cutoff)
  let sum = 0
  for (let i = 0; i < numRanks; i++) {
    const grade = grades[i]
    if (grade !== undefined && grade > 0) sum += gainOf(grade) / Math.log2(i + 2)
  }
  return sum
}
