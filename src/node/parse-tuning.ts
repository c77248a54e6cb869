import { EsplanadeError } from '../errors.ts'
import { type FusionMethod, fuse } from '../fusion/fuse.ts'
import type { FusionList } from '../fusion/fusion-list.ts'
import type { FusionTuning, WeightedFusion } from '../fusion/fusion-tuning.ts'
import { approximateParameters } from '../search/approximate.ts'
import type { ApproximateStrategy } from '../search/strategy.ts'
import type { Tuning } from '../search/tune.ts'

export const TUNING_FORMAT = 'esplanade-tuning'
export const TUNING_VERSION = 1

/** What a collection may be tuned to; each is found, and kept, without the other. */
export interface Tunings {
  readonly approximate?: Tuning
  readonly fusion?: FusionTuning
}

type Fields = Readonly<Record<string, unknown>>

/**
 * What the text of a `tuning.json` says. The approximate search stands at the top, as in files that
 * were written before there was another part.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT`, `COLLECTION_VERSION`
 */
export function parseTunings(json: string, path: string): Tunings {
  let parsed: Fields
  try {
    parsed = JSON.parse(json) ?? {}
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause)
  }
  if (parsed.format !== TUNING_FORMAT) {
    throw corrupt(path, 'it is no tuning of an Esplanade collection')
  }
  if (parsed.version !== TUNING_VERSION) {
    throw new EsplanadeError('COLLECTION_VERSION', {
      place: path,
      problem: `the tuning has format version ${JSON.stringify(parsed.version)}`,
      expected: `version ${TUNING_VERSION}`,
      remedy: REMEDY
    })
  }
  const { format: _format, version: _version, fusion, ...approximate } = parsed
  const isApproximate = fusion === undefined || Object.keys(approximate).length > 0
  return {
    ...(isApproximate && { approximate: approximateTuning(approximate, path) }),
    ...(fusion !== undefined && { fusion: fusionTuning(fusion, path) })
  }
}

function approximateTuning(fields: Fields, path: string): Tuning {
  const number = numberOf(fields, path)
  return {
    overlap: number('overlap', value => value > 0 && value <= 1),
    k: number('k', isPositiveCount),
    strategy: strategyOf(fields.strategy, path),
    numDocuments: number('numDocuments', isCount),
    numPostings: number('numPostings', isCount),
    measuredOverlap: number('measuredOverlap', isShare),
    sampleSize: number('sampleSize', isPositiveCount)
  }
}

/** The strategy, with the parameters that one has and no others. */
function strategyOf(found: unknown, path: string): ApproximateStrategy {
  const strategy = (found ?? {}) as ApproximateStrategy
  const { name, alpha, gamma, queryTerms } = strategy
  const parameters = [alpha, gamma, queryTerms]
  const areNumbers = parameters.every(one => one === undefined || typeof one === 'number')
  if (name !== 'approximate' || !areNumbers) {
    throw corrupt(path, `the strategy is ${JSON.stringify(found)}`)
  }
  try {
    approximateParameters(strategy)
  } catch (cause) {
    throw corrupt(path, `the strategy is ${JSON.stringify(found)}`, cause)
  }
  return {
    name,
    ...(alpha !== undefined && { alpha }),
    ...(gamma !== undefined && { gamma }),
    ...(queryTerms !== undefined && { queryTerms })
  }
}

function fusionTuning(found: unknown, path: string): FusionTuning {
  const fields = (found ?? {}) as Fields
  const number = numberOf(fields, path)
  const { metric } = fields
  if (typeof metric !== 'string') throw corrupt(path, `the metric is ${JSON.stringify(metric)}`)
  return {
    fusion: weightedFusionOf(fields.fusion, path),
    metric,
    heldOutMean: number('heldOutMean', Number.isFinite),
    defaultMean: number('defaultMean', Number.isFinite),
    pValue: number('pValue', isShare),
    numQueries: number('numQueries', isPositiveCount),
    numFolds: number('numFolds', value => isCount(value) && value >= 2),
    seed: number('seed', Number.isFinite),
    numDocuments: number('numDocuments', isCount)
  }
}

function weightedFusionOf(found: unknown, path: string): WeightedFusion {
  const { weights, depth, ...method } = (found ?? {}) as WeightedFusion
  const wrong = (cause?: unknown) => corrupt(path, `the fusion is ${JSON.stringify(found)}`, cause)
  const values = Object.values(weights ?? {})
  const isWeight = (value: unknown) => typeof value === 'number' && value >= 0
  if (!values.every(isWeight) || !values.some(value => value > 0)) throw wrong()
  if (!isPositiveCount(depth)) throw wrong()
  try {
    // The method looks at its own parameters.
    fuse([NO_HITS], method as FusionMethod)
  } catch (cause) {
    throw wrong(cause)
  }
  return { ...(method as FusionMethod), weights, depth }
}

const NO_HITS: FusionList = {
  name: 'none',
  list: { hits: [], min: 0, max: 0, scoresOf: () => new Float64Array() },
  missing: 'zero'
}

function numberOf(fields: Fields, path: string) {
  return (name: string, isRight: (value: number) => boolean): number => {
    const value = fields[name]
    if (typeof value === 'number' && isRight(value)) return value
    throw corrupt(path, `${name} is ${JSON.stringify(value)}`)
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isPositiveCount(value: number): boolean {
  return isCount(value) && value > 0
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1
}

const REMEDY = 'Tune the collection again: esplanade tune DIR'

function corrupt(path: string, problem: string, cause?: unknown): EsplanadeError {
  return new EsplanadeError('COLLECTION_CORRUPT', { place: path, problem, remedy: REMEDY, cause })
}
