/**
 * RBP: what a user gains per document looked at who goes on from each rank to the next with
 * probability `p`, the persistence: (1 - p) · Σ p^(r - 1) over the ranks r of relevant documents.
 * A list that ends early gains nothing behind its end. `p` is 0.8 by default, as in ir-measures
 * (trec_eval 10 has 0.9).
 *
 * ir-measures leaves `rel` open, and then computes nothing: it has no graded RBP. Here `rel` is 1
 * by default, and the name of the metric says so.
 *
 * Moffat and Zobel, Rank-biased precision for measurement of retrieval effectiveness, ACM TOIS 27(1),
 * 2008.
 */
import { type MetricFamily, relOf, relParameter } from '../metric.ts'

export const rankBiasedPrecision: MetricFamily = {
  name: 'RBP',
  aliases: [],
  cutoff: 'optional',
  parameters: [
    {
      name: 'p',
      default: 0.8,
      expected: 'a number between 0 and 1',
      accepts: value => typeof value === 'number' && value > 0 && value < 1
    },
    { ...relParameter, isAlwaysNamed: true }
  ],
  bind(options) {
    const rel = relOf(options)
    const persistence = Number(options.parameters.p)
    return ({ grades }) => {
      let sum = 0
      for (const [i, grade] of grades.slice(0, options.cutoff).entries()) {
        if (grade !== undefined && grade >= rel) sum += persistence ** i
      }
      return (1 - persistence) * sum
    }
  }
}
