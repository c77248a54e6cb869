/**
 * P@k: the share of the first k ranks that hold a relevant document; ranks beyond the end of a
 * shorter ranking hold none (trec_eval's `P`).
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

export const precision: MetricFamily = {
  name: 'P',
  aliases: ['Precision'],
  cutoff: 'required',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    const { cutoff } = options
    return ({ grades }) => countRelevant(grades.slice(0, cutoff), rel) / cutoff
  }
}
