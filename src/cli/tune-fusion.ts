import {
  type CollectionSnapshot,
  EsplanadeError,
  type QueryLists,
  saveFusionTuning,
  type TuneFusionResult,
  tuneFusion
} from 'esplanade'
import { parseMetric, readQrels, readTopics, type Topics } from 'esplanade/eval'
import type { FusionMethod, FusionTuning, WeightedFusion } from 'esplanade/fusion'
import { type CollectionFlags, openToRead } from './collection-options.ts'
import { between, figure, probability, signed } from './compare-figures.ts'
import { queries as countedQueries } from './evaluation-notes.ts'
import { printable } from './highlighted-text.ts'
import { interruptible } from './interrupt.ts'
import { showProgress } from './progress.ts'
import { terminalOf } from './terminal.ts'
import { textLines } from './text-lines.ts'

/** Options of `tune` for the weights of hybrid search. */
export interface TuneFusionFlags extends CollectionFlags {
  readonly topics: string
  readonly qrels: string
  readonly metric?: string
  readonly fusion?: string
  readonly folds?: number
  readonly seed?: number
  readonly depth?: number
  readonly force?: boolean
  readonly json?: boolean
}

/** What weights may be learned for, by the names on the command line. */
export const FUSIONS: Readonly<Record<string, FusionMethod>> = {
  convex: { method: 'convex', normalization: 'min-max' },
  'convex-z-score': { method: 'convex', normalization: 'z-score' },
  'convex-dbsf': { method: 'convex', normalization: 'dbsf' },
  rrf: { method: 'rrf' },
  'comb-sum': { method: 'comb-sum' },
  'comb-mnz': { method: 'comb-mnz' }
}

/** What `auto` chooses from: few, since each one more is one more way to be lucky. */
const AUTO = ['convex', 'convex-z-score', 'convex-dbsf', 'rrf']

const MAX_NAMED = 5

/** Learns the weights of hybrid search from judged queries, and keeps them if they are better. */
export async function tuneFusionWeights(directory: string, flags: TuneFusionFlags): Promise<void> {
  const learned = await interruptible(signal => learn(directory, flags, signal))
  const { result, numUnjudged } = learned
  const isBetter = result.heldOut.mean > result.baseline.mean
  const isKept = isBetter || flags.force === true
  if (isKept) await saveFusionTuning(directory, tuningOf(learned))
  process.stdout.write(flags.json ? jsonOf(result, { isKept, numUnjudged }) : tableOf(result))
  for (const note of notesOf(result, numUnjudged)) process.stderr.write(`note: ${note}\n`)
  process.stderr.write(
    isKept
      ? `kept: ${nameOf(result.fusion)}; searches of mode hybrid use it\n`
      : 'what was learned is no better than the default on queries that it has not seen: nothing is kept (--force keeps it)\n'
  )
}

interface Learned {
  readonly result: TuneFusionResult
  readonly seed: number
  /** Topics without judgements. */
  readonly numUnjudged: number
  readonly numDocuments: number
}

async function learn(
  directory: string,
  flags: TuneFusionFlags,
  signal: AbortSignal
): Promise<Learned> {
  const { metric = 'nDCG@10', fusion = 'convex', folds = 5, seed = 1, depth } = flags
  const methods = (fusion === 'auto' ? AUTO : [fusion]).map(name => FUSIONS[name]!)
  const bound = parseMetric(metric)
  const qrels = await readQrels(textLines(flags.qrels), { place: flags.qrels })
  const all = await readTopics(textLines(flags.topics), { place: flags.topics })
  const topics = new Map([...all].filter(([queryId]) => qrels.has(queryId)))
  if (topics.size === 0) throw noneJudged(flags.topics, all)
  await using collection = await openToRead(directory, flags)
  // Nothing that is written meanwhile disturbs the comparison.
  await using snapshot = await collection.snapshot()
  const progress = showLater('tuning', 'queries')
  try {
    const result = await tuneFusion(listsOf(snapshot, topics, flags, signal), qrels, {
      metric: bound,
      methods,
      numFolds: folds,
      seed,
      ...(depth !== undefined && { depth }),
      signal,
      onProgress: ({ done, total }) => progress.update(done, total && done / total)
    })
    const { numDocuments } = await snapshot.stats()
    return { result, seed, numUnjudged: all.size - topics.size, numDocuments }
  } finally {
    progress.stop()
  }
}

function tuningOf({ result, seed, numDocuments }: Learned): FusionTuning {
  return {
    fusion: result.fusion,
    metric: result.metric,
    heldOutMean: result.heldOut.mean,
    defaultMean: result.baseline.mean,
    pValue: result.difference.pValue,
    numQueries: result.queryIds.length,
    numFolds: result.folds.length,
    seed,
    numDocuments
  }
}

function noneJudged(place: string, topics: Topics): EsplanadeError {
  return new EsplanadeError('TOPICS_INVALID', {
    place,
    problem: `none of its ${topics.size} queries is judged`,
    expected: 'the queries of the judgements',
    remedy: 'Name the topics that were judged'
  })
}

/** The rankings of each query, searched as they are asked for. */
async function* listsOf(
  snapshot: CollectionSnapshot,
  topics: Topics,
  { namespace, depth }: TuneFusionFlags,
  signal: AbortSignal
): AsyncGenerator<QueryLists> {
  const progress = showProgress('searching', 'queries')
  let done = 0
  try {
    for (const [queryId, text] of topics) {
      const options = { namespace, signal, ...(depth !== undefined && { depth }) }
      yield { queryId, lists: await snapshot.rankedLists(text, options) }
      progress.update(++done, done / topics.size)
    }
  } finally {
    progress.stop()
  }
}

/** A display that begins with the first thing it has to show: two at a time overwrite each other. */
function showLater(task: string, unit: string): ReturnType<typeof showProgress> {
  let display: ReturnType<typeof showProgress> | undefined
  return {
    update: (done, fraction) => {
      display ??= showProgress(task, unit)
      display.update(done, fraction)
    },
    stop: () => display?.stop()
  }
}

/** What a reader has to know of the queries, a clause each; the conventions are trec_eval's `-c`. */
function notesOf(
  { unansweredQueryIds, unanswerableQueryIds, numJudgedHits }: TuneFusionResult,
  numUnjudged: number
): string[] {
  const named = (queryIds: readonly string[], what: string): string[] => {
    if (queryIds.length === 0) return []
    const some = queryIds.slice(0, MAX_NAMED).map(printable).join(', ')
    const more = queryIds.length > MAX_NAMED ? ', …' : ''
    return [`${countedQueries(queryIds.length)} ${what}; each counts 0 (${some}${more})`]
  }
  return [
    ...named(unansweredQueryIds, 'judged without a topic or without hits'),
    ...named(unanswerableQueryIds, 'judged without a relevant document'),
    ...(numUnjudged > 0 ? [`${countedQueries(numUnjudged)} without judgements, left out`] : []),
    ...(numJudgedHits === 0
      ? ['no hit is judged: every figure is 0. Are the keys those of the judgements?']
      : [])
  ]
}

/** `convex (min-max): sparse 0.22, dense 0.5, bm25 0.28`. */
function nameOf(fusion: WeightedFusion): string {
  const shown = Object.entries(fusion.weights).map(
    ([name, weight]) => `${name} ${Number(weight.toFixed(4))}`
  )
  return `${methodName(fusion)}: ${shown.join(', ')}`
}

function methodName(fusion: WeightedFusion): string {
  return fusion.method === 'convex'
    ? `convex (${fusion.normalization ?? 'min-max'})`
    : fusion.method
}

function jsonOf(
  result: TuneFusionResult,
  { isKept, numUnjudged }: { readonly isKept: boolean; readonly numUnjudged: number }
): string {
  const { metric, fusion, ownMean, heldOut, baseline, difference, folds, queryIds } = result
  return `${JSON.stringify({
    metric,
    numQueries: queryIds.length,
    isKept,
    fusion,
    ownMean,
    heldOut,
    default: baseline,
    difference,
    folds: folds.map(({ baselineMean, ...fold }) => ({ ...fold, defaultMean: baselineMean })),
    numUnanswered: result.unansweredQueryIds.length,
    numUnanswerable: result.unanswerableQueryIds.length,
    numUnjudged
  })}\n`
}

function tableOf(result: TuneFusionResult): string {
  const { metric, fusion, ownMean, heldOut, baseline, difference, folds, queryIds } = result
  const { paint } = terminalOf(process.stdout)
  const { wins, ties, losses } = difference
  const means = aligned([
    ['', metric, '95 %', ''],
    ['default', figure(baseline.mean), between(baseline, figure), nameOf(baseline.fusion)],
    ['learned', figure(heldOut.mean), between(heldOut, figure), 'on queries not learned from'],
    [
      'difference',
      signed(difference.mean),
      between(difference, signed),
      `p ${probability(difference.pValue)}, win/tie/loss ${wins}/${ties}/${losses}`
    ]
  ])
  const rows = aligned([
    ['fold', 'queries', 'default', 'learned', 'learned on the others'],
    ...folds.map(({ fusion, numQueries, baselineMean, heldOutMean }, fold) => [
      `${fold + 1}`,
      `${numQueries}`,
      figure(baselineMean),
      figure(heldOutMean),
      nameOf(fusion)
    ])
  ])
  return [
    `${countedQueries(queryIds.length)} judged`,
    '',
    ...means,
    '',
    ...rows,
    '',
    `learned on all: ${paint(nameOf(fusion), 'bold')}`,
    `(${metric} ${figure(ownMean)} on the very queries that it was learned from)`,
    ''
  ].join('\n')
}

/** Rows in columns; the first and the last are of words, those between of figures. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  return rows.map(row => {
    const cells = row.map((cell, column) => {
      const isText = column === 0 || column === row.length - 1
      return isText ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    })
    return cells.join('  ').trimEnd()
  })
}
