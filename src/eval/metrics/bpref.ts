/**
 * Bpref: how rarely judged non-relevant documents stand before relevant ones; unjudged documents play
 * no part, so it suffers less than others from judgements that are not complete (trec_eval's
 * `bpref`). Of R relevant and N non-relevant judged documents, each relevant one retrieved adds
 *
 *     1 - min(n, R) / min(N, R),   n of the non-relevant ones standing before it
 *
 * and the sum is divided by R. A negative grade is no judgement. (trec_eval takes -1 and -2 so, and
 * a document of an even lower grade for a relevant one, which is a slip.)
 *
 * Buckley and Voorhees, Retrieval evaluation with incomplete information, SIGIR 2004; the form is the
 * corrected one of trec_eval 8.
 */
import { countRelevant, type MetricFamily, relOf, relParameter } from '../metric.ts'

export const bpref: MetricFamily = {
  name: 'Bpref',
  aliases: ['BPref'],
  cutoff: 'none',
  parameters: [relParameter],
  bind(options) {
    const rel = relOf(options)
    return ({ grades, judgedGrades }) => {
      const numRelevant = countRelevant(judgedGrades, rel)
      if (numRelevant === 0) return 0
      const numOthers = countRelevant(judgedGrades, 0) - numRelevant
      let numBefore = 0
      let sum = 0
      for (const grade of grades) {
        if (grade === undefined || grade < 0) continue
        if (grade < rel) numBefore += 1
        else if (numBefore === 0) sum += 1
        else sum += 1 - Math.min(numBefore, numRelevant) / Math.min(numOthers, numRelevant)
      }
      return sum / numRelevant
    }
  }
}
