/**
 * Judged@k: the share of the first k hits that have a judgement, of whatever grade. It says how far
 * the other figures can be trusted: an unjudged document counts as not relevant, though it may be.
 * Without a cutoff all hits are looked at. A list that ends before k is judged to its end, as
 * ir-measures does: three hits, all judged, have Judged@10 = 1.
 *
 * MacAvaney, Macdonald and Ounis, Streamlining Evaluation with ir-measures, ECIR 2022.
 */
import type { MetricFamily } from '../metric.ts'

export const judged: MetricFamily = {
  name: 'Judged',
  aliases: [],
  cutoff: 'optional',
  parameters: [],
  bind({ cutoff }) {
    return ({ grades }) => {
      const first = grades.slice(0, cutoff)
      const numJudged = first.filter(grade => grade !== undefined).length
      return first.length === 0 ? 0 : numJudged / first.length
    }
  }
}
