/**
 * Success@k: 1 when a relevant document stands within the first k ranks, else 0 (trec_eval's
 * `success`); its mean is the share of queries that were answered.
 *
 * Tomlinson, Early precision measures: implications from the downside of blind feedback, SIGIR 2006.
 */
import {
  countRelevant,
  judgedOnlyParameter,
  type MetricFamily,
  relOf,
  relParameter
} from '../metric.ts'

export const success: MetricFamily = {
  name: 'Success',
  aliases: [],
  cutoff: 'required',
  parameters: [relParameter, judgedOnlyParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades }) => (countRelevant(grades.slice(0, options.cutoff), rel) > 0 ? 1 : 0)
  }
}
