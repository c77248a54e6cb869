/**
 * Weights of a fusion, learned from judged queries.
 *
 * The weights of a few lists are few numbers, so all of a grid are tried: every way of sharing 1 by
 * steps of .05, then by .01 around the best. That is the way of Bruch, Gai, Ingber, "An Analysis of
 * Fusion Functions for Hybrid Retrieval", TOIS 2023 (arXiv:2210.11934), who find that a convex
 * combination needs few queries. What the best of a grid has on the queries that chose it says too much
 * of it; so its worth is measured by cross-validation, beside the fusion that needs no judgements.
 */
import { EsplanadeError } from '../errors.ts'
import type { Metric } from '../eval/metric.ts'
import { parseMetric } from '../eval/parse-metric.ts'
import type { Qrels } from '../eval/qrels.ts'
import { bootstrapInterval, type Interval } from '../eval/significance/bootstrap-interval.ts'
import { fisherRandomization } from '../eval/significance/fisher-randomization.ts'
import { meanOf, pairedDifferences } from '../eval/significance/paired-differences.ts'
import { type WinTieLoss, winTieLoss } from '../eval/significance/win-tie-loss.ts'
import type { FusionMethod } from '../fusion/fuse.ts'
import { checkCount, DEFAULT_DEPTH } from '../fusion/fusion-list.ts'
import type { WeightedFusion } from '../fusion/fusion-tuning.ts'
import type { TaskOptions } from '../progress.ts'
import { checkFolds, dealFolds } from './cross-validation.ts'
import { type JudgedQueries, judgedQueries, type QueryLists } from './judged-queries.ts'
import { PatientTask } from './patient-task.ts'
import { type MeasuredSetting, type Setting, ValueTable } from './value-table.ts'
import { coarseGrid, finerGrid, WHOLE } from './weight-grid.ts'

/** Options of {@link tuneFusion}. */
export interface TuneFusionOptions extends TaskOptions {
  /** What is made as large as can be, by its ir-measures name; default `'nDCG@10'`. */
  readonly metric?: string | Metric
  /** The methods to choose from; default: the convex combination of min-max normalised scores. */
  readonly methods?: readonly FusionMethod[]
  /**
   * What the choice is compared with, with the weights that the lists come with; default: the convex
   * combination of min-max normalised scores.
   */
  readonly baseline?: FusionMethod
  /** So many of each list's first hits take part; default 1,000. */
  readonly depth?: number
  /** A whole number from 2; default 5. */
  readonly numFolds?: number
  /** Of the folds, the intervals and the test; default 1. */
  readonly seed?: number
}

/** One fold of the cross-validation. */
export interface FusionFold {
  /** What was learned on all other folds. */
  readonly fusion: WeightedFusion
  /** Its queries that have hits. */
  readonly numQueries: number
  /** The metric's mean over these. */
  readonly heldOutMean: number
  /** The same with the baseline. */
  readonly baselineMean: number
}

/** A mean over all judged queries, with its 95 % bootstrap interval. */
export interface MeanOfQueries extends Interval {
  readonly mean: number
}

/** What {@link tuneFusion} found. */
export interface TuneFusionResult
  extends Pick<
    JudgedQueries,
    | 'queryIds'
    | 'unansweredQueryIds'
    | 'unjudgedQueryIds'
    | 'unanswerableQueryIds'
    | 'numJudgedHits'
  > {
  /** The metric's canonical name. */
  readonly metric: string
  /** Learned on all queries: what to search with. */
  readonly fusion: WeightedFusion
  /** Its mean on the very queries that chose it: too high to be expected of others. */
  readonly ownMean: number
  readonly folds: readonly FusionFold[]
  /** Over each query the fusion that was learned without it. */
  readonly heldOut: MeanOfQueries
  readonly baseline: MeanOfQueries & { readonly fusion: WeightedFusion }
  /** What the held-out values are above the baseline's; p of Fisher's randomisation test, two-sided. */
  readonly difference: MeanOfQueries & WinTieLoss & { readonly pValue: number }
  /** `heldOutValues[i]` and `baselineValues[i]` belong to `queryIds[i]`. */
  readonly heldOutValues: Float64Array
  readonly baselineValues: Float64Array
}

const CONVEX: FusionMethod = { method: 'convex', normalization: 'min-max' }

/**
 * Learns how to fuse some lists from judged queries, and measures what that is worth.
 *
 * By the conventions of trec_eval's `-c`: means are over all judged queries, and one without hits counts
 * 0; queries without judgements are left out. The result names both. Ranks are those of the fusion
 * itself (`--order given` of `esplanade eval`), so that equal scores stand as its users see them. Of
 * settings that are equally good, the one nearest to the baseline's weights is taken. The
 * same input and seed give the same result.
 *
 * 300 queries of three lists of 1,000 hits take about three seconds, and with four methods seven.
 *
 * @param queries - the lists with their default weights; read once, and not kept
 * @throws EsplanadeError `INVALID_ARGUMENT` for an option, for lists that cannot be fused or differ from
 *   query to query, for fewer than two lists, and for fewer than two queries a fold that can be
 *   learned from; `TOPICS_INVALID` where no query is judged; `QRELS_INVALID`; `METRIC_UNKNOWN`; `ABORTED`
 */
export async function tuneFusion(
  queries: Iterable<QueryLists> | AsyncIterable<QueryLists>,
  qrels: Qrels,
  options: TuneFusionOptions = {}
): Promise<TuneFusionResult> {
  const { metric = 'nDCG@10', methods = [CONVEX], baseline = CONVEX } = options
  const { depth = DEFAULT_DEPTH, numFolds = 5, seed = 1 } = options
  checkCount('depth', depth)
  checkFolds(Number.POSITIVE_INFINITY, numFolds)
  const boundMetric = typeof metric === 'string' ? parseMetric(metric) : metric
  if (methods.length === 0) {
    throw new EsplanadeError('INVALID_ARGUMENT', { place: 'methods', problem: 'there are none' })
  }
  const task = new PatientTask(options)
  const judged = await judgedQueries(queries, qrels, depth, () => task.pause())
  checkFolds(judged.numLearnable, numFolds)
  const { prepared, listWeights } = judged
  const foldOf = dealFolds(prepared.length, numFolds, seed)
  const table = new ValueTable(prepared, boundMetric)
  const byDefault = { method: baseline, shares: sharesOf(listWeights) }
  // Fold by fold, then with none held out.
  const choices = await choicesOf(table, methods, byDefault, foldOf, numFolds, task)
  const worth = worthOf(judged, choices, table.of(byDefault), { foldOf, depth, seed })
  return {
    metric: boundMetric.name,
    ...worth,
    queryIds: judged.queryIds,
    unansweredQueryIds: judged.unansweredQueryIds,
    unjudgedQueryIds: judged.unjudgedQueryIds,
    unanswerableQueryIds: judged.unanswerableQueryIds,
    numJudgedHits: judged.numJudgedHits
  }
}

/** The best setting without each fold, and last that of all queries. */
async function choicesOf(
  table: ValueTable,
  methods: readonly FusionMethod[],
  byDefault: Setting,
  foldOf: Uint32Array,
  numFolds: number,
  task: PatientTask
): Promise<MeasuredSetting[]> {
  const grid = coarseGrid(byDefault.shares.length)
  const coarse = methods.map(method => grid.map((shares): Setting => ({ method, shares })))
  task.total = 2 * foldOf.length
  await table.measure([...coarse.flat(), byDefault], () => task.step())
  const folds = Array.from({ length: numFolds + 1 }, (_, fold) => fold)
  const bestOf = (settings: readonly Setting[], fold: number): MeasuredSetting =>
    best(
      settings.map(setting => table.of(setting)),
      i => foldOf[i] !== fold,
      byDefault
    )
  const fine = folds.map(fold =>
    coarse.flatMap(settings => {
      const { method, shares } = bestOf(settings, fold)
      return finerGrid(shares).map((shares): Setting => ({ method, shares }))
    })
  )
  await table.measure(fine.flat(), () => task.step())
  return folds.map(fold => bestOf(fine[fold]!, fold))
}

/**
 * What the choices are worth: each on the fold that it has not seen.
 *
 * @param choices - fold by fold, then that of all queries
 */
function worthOf(
  { queryIds, preparedAt, listNames }: JudgedQueries,
  choices: readonly MeasuredSetting[],
  byDefault: MeasuredSetting,
  { foldOf, depth, seed }: { foldOf: Uint32Array; depth: number; seed: number }
) {
  const overAll = (valueAt: (preparedIndex: number) => number): Float64Array => {
    const values = new Float64Array(queryIds.length)
    for (const [i, at] of preparedAt.entries()) values[at] = valueAt(i)
    return values
  }
  const asFusion = (setting: Setting) => weightedFusion(setting, listNames, depth)
  const best = choices.at(-1)!
  const heldOutValues = overAll(i => choices[foldOf[i]!]!.values[i]!)
  const baselineValues = overAll(i => byDefault.values[i]!)
  return {
    fusion: asFusion(best),
    ownMean: meanOf(overAll(i => best.values[i]!)),
    folds: choices.slice(0, -1).map((choice, fold): FusionFold => {
      const isHeldOut = (_: number, i: number) => foldOf[i] === fold
      return {
        fusion: asFusion(choice),
        numQueries: foldOf.filter(of => of === fold).length,
        heldOutMean: meanOf(choice.values.filter(isHeldOut)),
        baselineMean: meanOf(byDefault.values.filter(isHeldOut))
      }
    }),
    heldOut: meanWithInterval(heldOutValues, seed),
    baseline: { ...meanWithInterval(baselineValues, seed), fusion: asFusion(byDefault) },
    difference: {
      ...meanWithInterval(pairedDifferences(baselineValues, heldOutValues), seed),
      ...winTieLoss(baselineValues, heldOutValues),
      pValue: fisherRandomization(baselineValues, heldOutValues, { seed }).pValue
    },
    heldOutValues,
    baselineValues
  }
}

/** Means that differ by less were only added up in another order. */
const SAME = 1e-12

/** The setting of the largest mean; of equal ones the nearest to the default, then the first. */
function best(
  settings: readonly MeasuredSetting[],
  isLearnedFrom: (query: number) => boolean,
  { shares: usual }: Setting
): MeasuredSetting {
  let found: MeasuredSetting | undefined
  let foundMean = Number.NEGATIVE_INFINITY
  const distance = ({ shares }: Setting): number =>
    shares.reduce((sum, share, at) => sum + (share - usual[at]!) ** 2, 0)
  for (const setting of settings) {
    const mean = meanOf(setting.values.filter((_, i) => isLearnedFrom(i)))
    const isHigher = mean > foundMean + SAME
    const isEqual = Math.abs(mean - foundMean) <= SAME
    if (isHigher || (isEqual && distance(setting) < distance(found!))) {
      found = setting
      foundMean = mean
    }
  }
  return found!
}

/** Weights as parts of the whole. */
function sharesOf(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (sum > 0) return weights.map(weight => (WHOLE * weight) / sum)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'weight',
    problem: 'the weights of all lists are 0',
    expected: 'one above 0'
  })
}

function weightedFusion(
  { method, shares }: Setting,
  listNames: readonly string[],
  depth: number
): WeightedFusion {
  const weights = Object.fromEntries(listNames.map((name, at) => [name, shares[at]! / WHOLE]))
  return { ...method, weights, depth }
}

function meanWithInterval(values: Float64Array, seed: number): MeanOfQueries {
  return { mean: meanOf(values), ...bootstrapInterval(values, { seed }) }
}
