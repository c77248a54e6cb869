/**
 * R@k: the share of the query's relevant documents that stand within the first k ranks; 0 for a
 * query that has none (trec_eval's `recall`).
 *
 * Cleverdon, Mills and Keen, Factors Determining the Performance of Indexing Systems, 1966.
 */
import {
  countRelevant,
  judgedOnlyParameter,
  type MetricFamily,
  relOf,
  relParameter
} from '../metric.ts'

export const recall: MetricFamily = {
  name: 'R',
  aliases: ['Recall'],
  cutoff: 'required',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades, judgedGrades }) => {
      const numFound = countRelevant(grades.slice(0, options.cutoff), rel)
      return numFound === 0 ? 0 : numFound / countRelevant(judgedGrades, rel)
    }
  }
}
