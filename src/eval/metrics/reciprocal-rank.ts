/**
 * RR: one over the rank of the first relevant document, 0 when there is none (trec_eval's
 * `recip_rank`). With a cutoff, only a document within it counts (trec_eval's `-M k`); its mean over
 * the queries is the MRR@k of MS MARCO.
 *
 * Voorhees, The TREC-8 Question Answering Track Report, 1999.
 */
import { judgedOnlyParameter, type MetricFamily, relOf, relParameter } from '../metric.ts'

export const reciprocalRank: MetricFamily = {
  name: 'RR',
  aliases: ['MRR'],
  cutoff: 'optional',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades }) => {
      const first = grades.findIndex(grade => grade !== undefined && grade >= rel)
      return first >= 0 && first < options.cutoff ? 1 / (first + 1) : 0
    }
  }
}
