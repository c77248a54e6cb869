/**
 * AP: the precision at the rank of each relevant document, averaged over all relevant documents of
 * the query, those not retrieved counting 0 (trec_eval's `map`). With a cutoff only ranks within it
 * are summed; the sum is still divided by all relevant documents (trec_eval's `map_cut`).
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

export const averagePrecision: MetricFamily = {
  name: 'AP',
  aliases: ['MAP'],
  cutoff: 'optional',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades, judgedGrades }) => {
      let numFound = 0
      let sum = 0
      for (const [i, grade] of grades.slice(0, options.cutoff).entries()) {
        if (grade === undefined || grade < rel) continue
        numFound += 1
        sum += numFound / (i + 1)
      }
      return numFound === 0 ? 0 : sum / countRelevant(judgedGrades, rel)
    }
  }
}
