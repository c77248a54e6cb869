/**
 * Rprec: the precision at rank R, where R is the number of relevant documents of the query, so that
 * the best ranking has 1 whatever R is (trec_eval's `Rprec`).
 *
 * Buckley and Voorhees, Retrieval System Evaluation, in: TREC, Experiment and Evaluation in
 * Information Retrieval, MIT Press, 2005.
 */
import {
  countRelevant,
  judgedOnlyParameter,
  type MetricFamily,
  relOf,
  relParameter
} from '../metric.ts'

export const rPrecision: MetricFamily = {
  name: 'Rprec',
  aliases: ['RPrec'],
  cutoff: 'none',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades, judgedGrades }) => {
      const numRelevant = countRelevant(judgedGrades, rel)
      return numRelevant === 0 ? 0 : countRelevant(grades.slice(0, numRelevant), rel) / numRelevant
    }
  }
}
