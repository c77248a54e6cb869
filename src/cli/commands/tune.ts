import { Command, InvalidArgumentError } from 'commander'
import {
  EsplanadeError,
  openIndex,
  pruneVector,
  type SparseVector,
  sparseVector,
  type TextIndex
} from 'esplanade'
import { readTopics } from 'esplanade/eval'
import {
  type ApproximateStrategy,
  type MeasuredSetting,
  saveTuning,
  type TuneResult,
  type Tuning,
  tuneApproximate
} from 'esplanade/search'
import { interruptible } from '../interrupt.ts'
import { count } from '../options.ts'
import { showProgress } from '../progress.ts'
import { counted } from '../readable.ts'
import { terminalOf } from '../terminal.ts'
import { textLines } from '../text-lines.ts'

interface TuneFlags {
  readonly overlap: number
  readonly k: number
  readonly queries?: string
  readonly sample: number
  readonly model?: string
  readonly json?: boolean
}

const HELP = `
The sample is measured with each setting, and its exact hits are what must be
found. --queries takes topics (BEIR queries.jsonl, or lines of query id, tab,
text) or vectors ({"indices": [], "values": []} a line), best those that people
really asked. Without it, documents of the index stand in.

The choice is kept in DIR/tuning.json, for search and run with --approximate.

  esplanade tune notes.index --queries asked.tsv --overlap 0.98`

/** `tune`: the fastest approximate search of an index that still finds enough. */
export function tuneCommand(): Command {
  return new Command('tune')
    .description('Find how fast an approximate search of an index may be.')
    .argument('<dir>', 'an index')
    .option('--overlap <share>', 'part of the exact hits that must be found', share, 0.99)
    .option('--k <n>', 'hits of a search', count(1), 10)
    .option('--queries <file>', 'what is searched (default: documents of the index)')
    .option('--sample <n>', 'queries that are measured, at even distances', count(2), 200)
    .option('--model <model>', 'where the model of the index is now, if it has moved')
    .option('--json', 'one JSON object a setting, exact search first')
    .addHelpText('after', HELP)
    .action(tune)
}

async function tune(directory: string, flags: TuneFlags): Promise<void> {
  await using index = await openIndex(directory, { ...(flags.model && { model: flags.model }) })
  const { overlap, k } = flags
  const result = await interruptible(async signal => {
    const queries = await sampleOf(index, flags, signal)
    const progress = showProgress('tuning', 'searches')
    try {
      return await tuneApproximate(index.index, queries, {
        overlap,
        k,
        signal,
        onProgress: ({ done, total }) => progress.update(done, total && done / total)
      })
    } finally {
      progress.stop()
    }
  })
  const { best, sampleSize } = result
  const { numDocuments, numPostings } = index.manifest
  await saveTuning(
    directory,
    best && {
      overlap,
      k,
      strategy: best.strategy,
      numDocuments,
      numPostings,
      measuredOverlap: rounded(best.overlap),
      sampleSize
    }
  )
  process.stdout.write(flags.json ? jsonOf(result) : tableOf(result, k))
  process.stderr.write(
    best === undefined
      ? `no setting that finds ${overlap} of the exact top ${k} is faster: nothing is kept\n`
      : `kept: ${nameOf(best.strategy)}; search and run use it with --approximate\n`
  )
}

function share(value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && number > 0 && number <= 1) return number
  throw new InvalidArgumentError('Expected a number above 0, at most 1.')
}

/** The setting that an index was tuned to. */
export interface TunedStrategy {
  readonly strategy: ApproximateStrategy
  /** What it is worth, for a person. */
  readonly note: string
}

/**
 * The setting that tuning found for an index, for `--approximate`.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` where the index has not been tuned; `INDEX_CORRUPT`,
 *   `INDEX_VERSION` where the tuning cannot be used
 */
export function tunedStrategy(directory: string, { tuning }: TextIndex, k: number): TunedStrategy {
  if (tuning === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--approximate',
      problem: 'no setting has been found for this index that is faster than exact search',
      remedy: `Look for one: esplanade tune ${directory}`
    })
  }
  return { strategy: tuning.strategy, note: `approximate: ${worthOf(tuning, k)}` }
}

function worthOf({ k: tunedK, measuredOverlap }: Tuning, k: number): string {
  const worth = `overlap@${tunedK} ${measuredOverlap.toFixed(3)} as measured by tune`
  return k === tunedK ? worth : `${worth}; for ${counted(k, 'hit')} it may be another`
}

async function sampleOf(
  index: TextIndex,
  { queries, sample }: TuneFlags,
  signal: AbortSignal
): Promise<SparseVector[]> {
  if (queries === undefined) {
    const vectors = ownQueries(index, sample)
    process.stderr.write(
      `no queries were given: the heaviest terms of ${counted(vectors.length, 'document')} stand for queries\n`
    )
    return vectors
  }
  const lines: string[] = []
  for await (const line of textLines(queries)) lines.push(line)
  const filled = [...lines.entries()].filter(([, line]) => line.trim() !== '')
  if (/^\s*\{.*"indices"\s*:/.test(filled[0]?.[1] ?? '')) {
    return atEvenDistances(filled, sample).map(([i, line]) => vectorOf(line, `${queries}:${i + 1}`))
  }
  const topics = await readTopics(lines, { place: queries })
  const encoder = await index.encoder()
  return encoder.encodeQuery(atEvenDistances([...topics.values()], sample), { signal })
}

/** Terms of a made-up query: from so many to so many, as queries of different lengths have them. */
const MIN_TERMS = 8
const MAX_TERMS = 24

/** The heaviest terms of documents at even distances; a passage counts as a document. */
function ownQueries({ index }: TextIndex, numQueries: number): SparseVector[] {
  return atEvenDistances([...index.keys()], numQueries)
    .map(key => index.vectorOf(key))
    .filter(({ terms }) => terms.length > 0)
    .map((vector, i) => {
      const topTokens = MIN_TERMS + (i % (MAX_TERMS - MIN_TERMS + 1))
      return pruneVector(vector, { topTokens })
    })
}

function atEvenDistances<T>(all: readonly T[], count: number): T[] {
  const length = Math.min(count, all.length)
  return Array.from({ length }, (_, i) => all[Math.floor((i * all.length) / length)]!)
}

function vectorOf(line: string, place: string): SparseVector {
  const isNumbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every(one => typeof one === 'number')
  let cause: unknown
  try {
    const { indices, values } = JSON.parse(line) ?? {}
    if (isNumbers(indices) && isNumbers(values)) return sparseVector(indices, values, place)
  } catch (error) {
    if (error instanceof EsplanadeError) throw error
    cause = error
  }
  throw new EsplanadeError('TOPICS_INVALID', {
    place,
    problem: 'this is no vector, as the first line is',
    expected: '{"indices": [3, 17], "values": [0.5, 1.25]}',
    cause
  })
}

/** `alpha 0.4, gamma 0.6, 12 terms`; what a setting leaves as it is in exact search is not named. */
function nameOf({ alpha = 1, gamma = 1, queryTerms }: ApproximateStrategy): string {
  const parts = [
    `alpha ${alpha}`,
    ...(gamma < 1 ? [`gamma ${gamma}`] : []),
    ...(queryTerms === undefined ? [] : [`${queryTerms} terms`])
  ]
  return parts.join(', ')
}

function jsonOf({ exactLatencyMs, settings, best }: TuneResult): string {
  const exact = { strategy: 'auto', overlap: 1, latencyMs: exactLatencyMs }
  return [exact, ...settings]
    .map(setting => {
      const { strategy, overlap, latencyMs } = setting
      return {
        strategy,
        overlap: rounded(overlap),
        latencyMs: rounded(latencyMs),
        speedup: rounded(exactLatencyMs / latencyMs),
        isChosen: setting === best
      }
    })
    .map(row => `${JSON.stringify(row)}\n`)
    .join('')
}

/** To more digits than were measured. */
function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

/** Exact search, then the settings that no other one beats, the fastest last. */
function tableOf({ exactLatencyMs, settings, best }: TuneResult, k: number): string {
  const { paint } = terminalOf(process.stdout)
  const shown = settings
    .filter(setting => setting === best || !settings.some(other => beats(other, setting)))
    .sort((a, b) => b.latencyMs - a.latencyMs)
  const rows = shown.map(({ strategy, overlap, latencyMs }) => [
    nameOf(strategy),
    overlap.toFixed(4),
    latencyMs.toFixed(3),
    (exactLatencyMs / latencyMs).toFixed(2)
  ])
  const cells = [
    ['', `overlap@${k}`, 'ms a query', 'times faster'],
    ['exact', '1.0000', exactLatencyMs.toFixed(3), '1.00'],
    ...rows
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  const lines = cells.map((row, i) => {
    const padded = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    )
    const isChosen = best !== undefined && shown[i - 2] === best
    const line = `${isChosen ? '→' : ' '} ${padded.join('  ')}`
    return isChosen ? paint(line, 'bold') : line
  })
  const numBeaten = settings.length - shown.length
  if (numBeaten > 0) lines.push(`  ${counted(numBeaten, 'setting')} more, slower or worse (--json)`)
  return `${lines.join('\n')}\n`
}

function beats(a: MeasuredSetting, b: MeasuredSetting): boolean {
  const isNoWorse = a.overlap >= b.overlap && a.latencyMs <= b.latencyMs
  return isNoWorse && (a.overlap > b.overlap || a.latencyMs < b.latencyMs)
}
