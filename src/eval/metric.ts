/** One query as a metric sees it. Ranks count from 1; rank r stands at position r - 1. */
export interface JudgedRanking {
  /** The grade of the hit at each rank; undefined where the document is not judged. */
  readonly grades: readonly (number | undefined)[]
  /** The grades of all judged documents of the query, in no order, at least one. */
  readonly judgedGrades: readonly number[]
}

/** A metric with its parameters bound, made by `parseMetric`. */
export interface Metric {
  /** Its canonical ir-measures spelling, for instance `RR(rel=2)@10`; defaults are left out. */
  readonly name: string
  /** The value of one query, from 0 to 1; 0 where the ranking is empty or nothing is relevant. */
  score(ranking: JudgedRanking): number
}

/** A value between the brackets of a metric's name: `rel=2`, `judged_only=True`, `dcg='log2'`. */
export type ParameterValue = number | boolean | string

/** A parameter that a family takes between brackets. */
export interface MetricParameter {
  readonly name: string
  /** Stands when the name of the metric does not give it. */
  readonly default: ParameterValue
  /** Whether the name says it where it is the default too; ir-measures then has another default. */
  readonly isAlwaysNamed?: boolean
  /** What is accepted, in words, for the error message. */
  readonly expected: string
  accepts(value: ParameterValue): boolean
}

/** All parameters bound; `cutoff` is infinite when the name has no `@k`. */
export interface MetricOptions {
  /** How many ranks are looked at. */
  readonly cutoff: number
  /** A value for every parameter that the family declares. */
  readonly parameters: Readonly<Record<string, ParameterValue>>
}

/** What a metric is before its cutoff and parameters are known. One family, one file. */
export interface MetricFamily {
  /** The ir-measures name. */
  readonly name: string
  /** Other names for the same. */
  readonly aliases: readonly string[]
  /** Whether the name needs `@k`, may have it, or must not. */
  readonly cutoff: 'required' | 'optional' | 'none'
  readonly parameters: readonly MetricParameter[]
  /** Binds the parameters; the result gives the value of one query. */
  bind(options: MetricOptions): (ranking: JudgedRanking) => number
}

/** The lowest grade that counts as relevant where relevance is yes or no (trec_eval's `-l`). */
export const relParameter: MetricParameter = {
  name: 'rel',
  default: 1,
  expected: 'an integer of at least 1',
  accepts: value => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}

/** The bound value of {@link relParameter}. */
export function relOf(options: MetricOptions): number {
  return Number(options.parameters.rel)
}

/** Whether documents without a judgement are taken out of the ranking first (trec_eval's `-J`). */
export const judgedOnlyParameter: MetricParameter = {
  name: 'judged_only',
  default: false,
  expected: 'True or False',
  accepts: value => typeof value === 'boolean'
}

/** The ranking without documents that nobody judged; a negative grade says that, too. */
export function judgedOnly(ranking: JudgedRanking): JudgedRanking {
  const grades = ranking.grades.filter(grade => grade !== undefined && grade >= 0)
  return { grades, judgedGrades: ranking.judgedGrades }
}

/** How many grades reach `rel`; unjudged documents never do. */
export function countRelevant(grades: Iterable<number | undefined>, rel: number): number {
  let numRelevant = 0
  for (const grade of grades) if (grade !== undefined && grade >= rel) numRelevant += 1
  return numRelevant
}
