import { EsplanadeError } from '../errors.ts'
import type { TaskOptions } from '../progress.ts'
import type { Hit } from '../vector/hit.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { checkSignal, type SearchStats } from './search-options.ts'
import type { ApproximateStrategy, Strategy } from './strategy.ts'

/** What can be tuned: a `SparseIndex` is, and whatever else is searched with these strategies. */
export interface Tunable {
  search(
    query: SparseVector,
    options: { readonly k: number; readonly strategy: Strategy }
  ): Promise<TunableResult>
}

/** What {@link tuneApproximate} must know of a search. */
export interface TunableResult {
  readonly hits: readonly Hit[]
  readonly stats: Pick<SearchStats, 'numPostings' | 'numScored'>
  /** The exact scores that documents have for the query, in the order of the keys. */
  scoresOf(keys: string[]): ArrayLike<number> | Promise<ArrayLike<number>>
}

/** Options of {@link tuneApproximate}. */
export interface TuneOptions extends TaskOptions {
  /** Part of the exact top k that a setting must find, above 0, at most 1 (default 0.99). */
  readonly overlap?: number | undefined
  /** Hits of a search, an integer of at least 1 (default 10). */
  readonly k?: number | undefined
  /** How often every setting is timed, an integer of at least 1 (default 5). */
  readonly passes?: number | undefined
}

/** What {@link tuneApproximate} measured of one setting. */
export interface MeasuredSetting {
  readonly strategy: ApproximateStrategy
  /** Overlap@k: the mean share of the exact top k that was found. */
  readonly overlap: number
  /** The same over each half of the sample: its even and its odd queries. */
  readonly overlapOfHalves: readonly [even: number, odd: number]
  /** Mean over the queries of the median time of each. */
  readonly latencyMs: number
}

/** What {@link tuneApproximate} returns. */
export interface TuneResult {
  /** Mean over the queries of the median time of the exact search. */
  readonly exactLatencyMs: number
  /** All settings that were measured, those that find too little included. */
  readonly settings: readonly MeasuredSetting[]
  /** The fastest one that finds enough; undefined where none is faster than exact. */
  readonly best: MeasuredSetting | undefined
  /** Queries of the sample that have hits: what was measured. */
  readonly sampleSize: number
}

/** A choice of {@link tuneApproximate} as it is kept with a collection. */
export interface Tuning {
  /** The overlap that was asked for. */
  readonly overlap: number
  readonly k: number
  readonly strategy: ApproximateStrategy
  /** Of what was tuned; with others the choice means less, and then nothing. */
  readonly numDocuments: number
  readonly numPostings: number
  /** The overlap@k that the choice has over the sample. */
  readonly measuredOverlap: number
  /** Queries that were measured. */
  readonly sampleSize: number
}

/**
 * What is tried, from the setting that finds most. A setting takes one value of each list, so it is
 * three positions: the larger, the less it finds.
 */
const ALPHAS = [1, 0.8, 0.6, 0.4, 0.3, 0.2] as const
const GAMMAS = [1, 0.8, 0.6, 0.4, 0.25] as const
const QUERY_TERMS = [undefined, 24, 16, 12, 8] as const
const NUM_LEVELS = [ALPHAS.length, GAMMAS.length, QUERY_TERMS.length] as const

type Levels = readonly [alpha: number, gamma: number, queryTerms: number]

/** A setting that is less than this much faster than exact is as fast: the rest is noise. */
const MIN_SPEEDUP = 1.05

/** The event loop gets a turn after so many milliseconds. */
const PAUSE_MS = 50

/**
 * Finds the approximate setting that answers a sample of queries fastest and still finds enough of
 * the exact top k. The sample should be like the queries to come, and 100 of them or more: with
 * fewer, chance decides.
 *
 * A document whose score equals that of the k-th counts as found in its place. The fastest of many
 * settings is easily one that was lucky with the sample, so a setting must find enough in both
 * halves of it: chosen by one, confirmed by the other. Exact search and all settings are timed in
 * turn, pass after pass.
 *
 * @param queries - two or more that have hits; those without are left out
 * @throws EsplanadeError `INVALID_ARGUMENT` on an option, and where fewer than two queries have hits;
 *   `INVALID_VECTOR`; `ABORTED`
 */
export async function tuneApproximate(
  index: Tunable,
  queries: readonly SparseVector[],
  options: TuneOptions = {}
): Promise<TuneResult> {
  const { overlap, k, passes } = checkedOptions(options)
  const task = new Task(options)
  const samples = await exactSamples(index, queries, k, task)
  if (samples.length < 2) {
    refuse('queries', `${samples.length} of ${queries.length} have hits`, 'two or more that do')
  }
  const trials = await measuredTrials(index, samples, { overlap, k }, task)
  const strategies = ['auto' as const, ...trials.map(({ levels }) => strategyOf(levels))]
  const [exactLatencyMs, ...latencies] = await latenciesMs(
    index,
    samples,
    strategies,
    { k, passes },
    task
  )
  const settings = trials.map(({ levels, halves }, i) => ({
    strategy: strategyOf(levels),
    overlap: meanOf(halves, samples.length),
    overlapOfHalves: halves,
    latencyMs: latencies[i]!
  }))
  const best = settings
    .filter(({ overlapOfHalves }) => findsEnough(overlapOfHalves, overlap))
    .filter(({ latencyMs }) => latencyMs * MIN_SPEEDUP < exactLatencyMs!)
    .sort((a, b) => a.latencyMs - b.latencyMs)[0]
  return { exactLatencyMs: exactLatencyMs!, settings, best, sampleSize: samples.length }
}

function checkedOptions({ overlap = 0.99, k = 10, passes = 5 }: TuneOptions): {
  overlap: number
  k: number
  passes: number
} {
  if (!(overlap > 0 && overlap <= 1)) refuse('overlap', overlap, 'a number above 0, at most 1')
  for (const [name, count] of Object.entries({ k, passes })) {
    if (!Number.isInteger(count) || count < 1) refuse(name, count, 'an integer of at least 1')
  }
  return { overlap, k, passes }
}

function refuse(place: string, given: unknown, expected: string): never {
  throw new EsplanadeError('INVALID_ARGUMENT', { place, problem: `given ${given}`, expected })
}

/** Counts searches, and lets a signal fire between them. */
class Task {
  /** Searches in all, once that is known. */
  total: number | undefined
  readonly #options: TaskOptions
  #done = 0
  #pausedAt = performance.now()

  constructor(options: TaskOptions) {
    this.#options = options
    checkSignal(options.signal)
  }

  get done(): number {
    return this.#done
  }

  /** One search more. */
  async step(): Promise<void> {
    this.#done++
    const isLast = this.#done === this.total
    if (performance.now() - this.#pausedAt < PAUSE_MS && !isLast) return
    await new Promise(resolve => setTimeout(resolve, 0))
    checkSignal(this.#options.signal)
    this.#options.onProgress?.({
      done: this.#done,
      ...(this.total !== undefined && { total: this.total })
    })
    this.#pausedAt = performance.now()
  }
}

/** A query, and what an exact search finds. */
interface Sample {
  readonly query: SparseVector
  readonly keys: ReadonlySet<string>
  /** The score of the last hit. */
  readonly lastScore: number
  readonly scoresOf: TunableResult['scoresOf']
}

async function exactSamples(
  index: Tunable,
  queries: readonly SparseVector[],
  k: number,
  task: Task
): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const query of queries) {
    const result = await index.search(query, { k, strategy: 'auto' })
    const { hits } = result
    const last = hits.at(-1)
    if (last !== undefined) {
      const keys = new Set(hits.map(({ key }) => key))
      const scoresOf = (others: string[]) => result.scoresOf(others)
      samples.push({ query, keys, lastScore: last.score, scoresOf })
    }
    await task.step()
  }
  return samples
}

/** Share of the exact top k that was found. */
async function shareFound(
  { keys, lastScore, scoresOf }: Sample,
  hits: readonly Hit[]
): Promise<number> {
  const others = hits.map(({ key }) => key).filter(key => !keys.has(key))
  // A document beside the top k scores no more than its last one, so this means a tie. The exact
  // score is asked for: that of the hit may lack the terms that were cut.
  const scores = others.length === 0 ? [] : Array.from(await scoresOf(others))
  const numTied = scores.filter(score => score >= lastScore).length
  return (hits.length - others.length + numTied) / keys.size
}

/** What the search for settings found out about one. */
interface Trial {
  readonly levels: Levels
  readonly halves: readonly [even: number, odd: number]
  /** Postings that were added up and documents that were scored, over all queries. */
  readonly work: string
}

/**
 * Measures the overlap of the settings that may be worth it: first along each parameter alone, until
 * too little is found, then the combinations of what is left. A setting is passed over when one that
 * gives up less, in every parameter, found too little already, and so is a value that changes
 * nothing, such as a cut beyond the longest query.
 */
async function measuredTrials(
  index: Tunable,
  samples: readonly Sample[],
  { overlap, k }: { overlap: number; k: number },
  task: Task
): Promise<Trial[]> {
  const trials: Trial[] = []
  const short: Levels[] = []
  const measure = async (levels: Levels): Promise<Trial> => {
    const trial = await measured(index, samples, levels, k, task)
    if (!findsEnough(trial.halves, overlap)) short.push(levels)
    return trial
  }
  const first = await measure([0, 0, 0])
  trials.push(first)
  const kept: number[][] = [[0], [0], [0]]
  for (const [axis, numLevels] of NUM_LEVELS.entries()) {
    let { work } = first
    for (let level = 1; level < numLevels; level++) {
      const levels: [number, number, number] = [0, 0, 0]
      levels[axis] = level
      if (isBelow(levels, short)) break
      const trial = await measure(levels)
      if (trial.work === work) continue
      ;({ work } = trial)
      trials.push(trial)
      kept[axis]!.push(level)
    }
  }
  for (const levels of combinations(kept)) {
    if (!isBelow(levels, short)) trials.push(await measure(levels))
  }
  return trials
}

/** Whether both halves of the sample say so; sums of shares are rounded. */
function findsEnough(halves: readonly [number, number], overlap: number): boolean {
  return Math.min(...halves) >= overlap - 1e-9
}

/** Whether one of these settings gives up no more than this one, in any parameter. */
function isBelow(levels: Levels, short: readonly Levels[]): boolean {
  return short.some(other => other.every((level, axis) => level <= levels[axis]!))
}

/** All settings that change two parameters or three, those that give up little first. */
function combinations([alphas, gammas, cuts]: readonly number[][]): Levels[] {
  return alphas!
    .flatMap(alpha => gammas!.flatMap(gamma => cuts!.map((cut): Levels => [alpha, gamma, cut])))
    .filter(levels => levels.filter(level => level > 0).length >= 2)
    .sort((a, b) => sum(a) - sum(b))
}

async function measured(
  index: Tunable,
  samples: readonly Sample[],
  levels: Levels,
  k: number,
  task: Task
): Promise<Trial> {
  const strategy = strategyOf(levels)
  const found: [number, number] = [0, 0]
  let numPostings = 0
  let numScored = 0
  for (const [i, sample] of samples.entries()) {
    const { hits, stats } = await index.search(sample.query, { k, strategy })
    found[i % 2]! += await shareFound(sample, hits)
    numPostings += stats.numPostings
    numScored += stats.numScored
    await task.step()
  }
  const [even, odd] = halfSizes(samples.length)
  const halves = [found[0] / even, found[1] / odd] as const
  return { levels, halves, work: `${numPostings} ${numScored}` }
}

function strategyOf([alpha, gamma, queryTerms]: Levels): ApproximateStrategy {
  const cut = QUERY_TERMS[queryTerms]
  return {
    name: 'approximate',
    alpha: ALPHAS[alpha]!,
    gamma: GAMMAS[gamma]!,
    ...(cut !== undefined && { queryTerms: cut })
  }
}

function halfSizes(numSamples: number): [even: number, odd: number] {
  return [Math.ceil(numSamples / 2), Math.floor(numSamples / 2)]
}

/** The mean over all samples, of the means over both halves. */
function meanOf(halves: readonly [number, number], numSamples: number): number {
  const [even, odd] = halfSizes(numSamples)
  return (halves[0] * even + halves[1] * odd) / numSamples
}

/**
 * Times every strategy, all of them in each pass, in turn forwards and backwards, so that a machine
 * that becomes slower makes all of them slower. Of each query the median counts: a pause of the
 * machine strikes one pass, not most.
 */
async function latenciesMs(
  index: Tunable,
  samples: readonly Sample[],
  strategies: readonly Strategy[],
  { k, passes }: { k: number; passes: number },
  task: Task
): Promise<number[]> {
  task.total = task.done + passes * strategies.length * samples.length
  const times = strategies.map(() => samples.map(() => new Float64Array(passes)))
  const order = Array.from(strategies.keys())
  for (let pass = 0; pass < passes; pass++) {
    for (const at of order) {
      const strategy = strategies[at]!
      for (const [i, { query }] of samples.entries()) {
        const before = performance.now()
        await index.search(query, { k, strategy })
        times[at]![i]![pass] = performance.now() - before
        await task.step()
      }
    }
    order.reverse()
  }
  return times.map(ofQueries => sum(ofQueries.map(median)) / samples.length)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function median(values: Float64Array): number {
  const sorted = values.toSorted()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
