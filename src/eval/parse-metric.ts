/**
 * Metrics by their ir-measures names: `NAME(parameter=value, …)@cutoff`, brackets and cutoff as the
 * metric needs them. MacAvaney, Macdonald and Ounis, Streamlining Evaluation with ir-measures, ECIR
 * 2022.
 */
import { EsplanadeError } from '../errors.ts'
import { excerpt } from './lines.ts'
import { judgedOnly, type Metric, type MetricFamily, type ParameterValue } from './metric.ts'
import { averagePrecision } from './metrics/average-precision.ts'
import { bpref } from './metrics/bpref.ts'
import { judged } from './metrics/judged.ts'
import { ndcg } from './metrics/ndcg.ts'
import { precision } from './metrics/precision.ts'
import { rPrecision } from './metrics/r-precision.ts'
import { rankBiasedPrecision } from './metrics/rank-biased-precision.ts'
import { recall } from './metrics/recall.ts'
import { reciprocalRank } from './metrics/reciprocal-rank.ts'
import { success } from './metrics/success.ts'

/** Every metric that {@link parseMetric} knows. A new one is a file of its own and a line here. */
export const metricFamilies: readonly MetricFamily[] = [
  ndcg,
  reciprocalRank,
  averagePrecision,
  precision,
  recall,
  success,
  rPrecision,
  rankBiasedPrecision,
  bpref,
  judged
]

/**
 * The metric of an ir-measures name: `nDCG@10`, `nDCG(dcg='exp-log2')@10`, `RR(rel=2)@10`, `AP`,
 * `RBP(p=0.9)`. `rel` is the lowest grade that counts as relevant, 1 when it is not given;
 * `judged_only=True` takes documents without a judgement out of the ranking first.
 *
 * @throws EsplanadeError `METRIC_UNKNOWN` when the name, a parameter or the cutoff is not known
 */
export function parseMetric(text: string): Metric {
  const [matched, name, brackets = '', cutoffText] =
    /^([A-Za-z]+)(?:\(([^()]*)\))?(?:@(\d+))?$/.exec(text.trim()) ?? []
  if (matched === undefined) {
    throw unknown(text, 'is not spelled as ir-measures spells a metric')
  }
  const family = metricFamilies.find(
    candidate => candidate.name === name || candidate.aliases.includes(name ?? '')
  )
  if (family === undefined) throw unknown(text, 'is not a known metric')
  if (cutoffText === undefined && family.cutoff === 'required') {
    throw unknown(text, `lacks a cutoff, as in ${family.name}@10`)
  }
  if (cutoffText !== undefined && family.cutoff === 'none') {
    throw unknown(text, `has a cutoff, which ${family.name} does not take`)
  }
  const cutoff = cutoffText === undefined ? Number.POSITIVE_INFINITY : Number(cutoffText)
  if (cutoff < 1) throw unknown(text, 'has a cutoff below 1')
  const parameters = bindParameters(family, brackets, text)
  const score = family.bind({ cutoff, parameters })
  return {
    name: canonicalName(family, parameters, cutoffText === undefined ? undefined : cutoff),
    score: parameters.judged_only === true ? ranking => score(judgedOnly(ranking)) : score
  }
}

/**
 * Several metrics from one line of names, separated by white space or commas: `"nDCG@10 RR@10"`. A
 * name that stands twice counts once.
 *
 * @throws EsplanadeError `METRIC_UNKNOWN` as {@link parseMetric}, and when there is no name at all
 */
export function parseMetrics(text: string): Metric[] {
  const names = text.match(/(?:\([^)]*\)|[^\s,(])+|\(/g) ?? []
  if (names.length === 0) throw unknown(text, 'names no metric')
  const metrics = new Map<string, Metric>()
  for (const name of names) {
    const metric = parseMetric(name)
    metrics.set(metric.name, metric)
  }
  return [...metrics.values()]
}

function bindParameters(
  family: MetricFamily,
  brackets: string,
  text: string
): Record<string, ParameterValue> {
  const bound: Record<string, ParameterValue> = {}
  for (const parameter of family.parameters) bound[parameter.name] = parameter.default
  const given = brackets.trim() === '' ? [] : brackets.split(',')
  const seen = new Set<string>()
  for (const assignment of given) {
    const [, name, valueText] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(assignment) ?? []
    const parameter = family.parameters.find(candidate => candidate.name === name)
    if (parameter === undefined || valueText === undefined) {
      const known = family.parameters.map(({ name }) => name).join(', ') || 'none'
      throw unknown(text, `has a parameter ${family.name} does not take (it takes: ${known})`)
    }
    const value = parseValue(valueText)
    if (seen.has(parameter.name)) throw unknown(text, `gives ${parameter.name} twice`)
    if (value === undefined || !parameter.accepts(value)) {
      throw unknown(text, `needs ${parameter.expected} for ${parameter.name}`)
    }
    seen.add(parameter.name)
    bound[parameter.name] = value
  }
  return bound
}

/** The literals of ir-measures, which are Python's: numbers, True and False, quoted strings. */
function parseValue(text: string): ParameterValue | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text)
  if (text === 'True' || text === 'False') return text === 'True'
  return /^(['"])(.*)\1$/.exec(text)?.[2]
}

function formatValue(value: ParameterValue): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return typeof value === 'number' ? String(value) : `'${value}'`
}

function canonicalName(
  family: MetricFamily,
  bound: Readonly<Record<string, ParameterValue>>,
  cutoff: number | undefined
): string {
  const shown = family.parameters.flatMap(parameter => {
    const value = bound[parameter.name] ?? parameter.default
    const isLeftOut = value === parameter.default && parameter.isAlwaysNamed !== true
    return isLeftOut ? [] : [`${parameter.name}=${formatValue(value)}`]
  })
  const brackets = shown.length === 0 ? '' : `(${shown.join(',')})`
  return `${family.name}${brackets}${cutoff === undefined ? '' : `@${cutoff}`}`
}

function unknown(text: string, problem: string) {
  const spellings = { required: ['@k'], optional: ['', '@k'], none: [''] }
  const known = metricFamilies.flatMap(({ name, cutoff }) =>
    spellings[cutoff].map(suffix => name + suffix)
  )
  return new EsplanadeError('METRIC_UNKNOWN', {
    place: 'metric',
    problem: `${excerpt(text)} ${problem}`,
    expected: `one of ${known.join(', ')}; the lowest relevant grade as in RR(rel=2)@10`,
    remedy: 'Correct the name; the spelling is that of ir-measures'
  })
}
