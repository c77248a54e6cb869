import {
  type Collection,
  type CollectionDocument,
  type CollectionSnapshot,
  EsplanadeError,
  pruneVector,
  type SparseVector,
  saveTuning,
  similarity,
  sparseVector
} from 'esplanade'
import { readTopics } from 'esplanade/eval'
import {
  type ApproximateStrategy,
  type MeasuredSetting,
  type Tunable,
  type TuneResult,
  tuneApproximate
} from 'esplanade/search'
import { type CollectionFlags, keysOf, openToRead } from './collection-options.ts'
import { interruptible } from './interrupt.ts'
import { showProgress } from './progress.ts'
import { counted } from './readable.ts'
import { terminalOf } from './terminal.ts'
import { textLines } from './text-lines.ts'

/** Options of `tune` for the approximate search. */
export interface TuneApproximateFlags extends CollectionFlags {
  readonly overlap: number
  readonly k: number
  readonly queries?: string
  readonly sample: number
  readonly json?: boolean
}

/** The fastest approximate search of a collection that still finds enough. */
export async function tuneApproximateSearch(
  directory: string,
  flags: TuneApproximateFlags
): Promise<void> {
  await using collection = await openToRead(directory, flags)
  // Nothing that is written meanwhile disturbs the comparison.
  await using snapshot = await collection.snapshot()
  const { overlap, k, namespace } = flags
  const result = await interruptible(async signal => {
    const queries = await sampleOf(snapshot, flags, signal)
    const progress = showProgress('tuning', 'searches')
    try {
      return await tuneApproximate(tunableOf(collection, snapshot, namespace), queries, {
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
  const { numDocuments, numPostings } = await snapshot.stats()
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

/** The documents of a namespace as what can be tuned. */
function tunableOf(
  { settings: { metric } }: Collection,
  snapshot: CollectionSnapshot,
  namespace: string
): Tunable {
  const scoreOf = async (query: SparseVector, key: string): Promise<number> => {
    const document = await snapshot.get(key, { namespace, includeVectors: true })
    const scores = wholeVectors(document).map(vector => similarity(query, vector, metric))
    return Math.max(0, ...scores)
  }
  return {
    search: async (query, options) => ({
      ...(await snapshot.search(query, { ...options, namespace })),
      scoresOf: keys => Promise.all(keys.map(key => scoreOf(query, key)))
    })
  }
}

async function sampleOf(
  snapshot: CollectionSnapshot,
  { queries, sample, namespace }: TuneApproximateFlags,
  signal: AbortSignal
): Promise<SparseVector[]> {
  if (queries === undefined) {
    const vectors = await ownQueries(snapshot, sample, namespace)
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
  const vectors: SparseVector[] = []
  for (const text of atEvenDistances([...topics.values()], sample)) {
    vectors.push(await snapshot.queryVector(text, { signal }))
  }
  return vectors
}

/** What is searched of a document: the terms of the model, and its words behind them. */
function wholeVectors(document: CollectionDocument | undefined): SparseVector[] {
  const { vectors = [], lexicalVectors } = document ?? {}
  return vectors.map(({ terms, weights }, i) => {
    const words = lexicalVectors?.[i]
    if (words === undefined) return { terms, weights }
    return {
      terms: Uint32Array.from([...terms, ...words.terms]),
      weights: Float32Array.from([...weights, ...words.weights])
    }
  })
}

/** Terms of a made-up query: from so many to so many, as queries of different lengths have them. */
const MIN_TERMS = 8
const MAX_TERMS = 24

/** The heaviest terms of documents at even distances. */
async function ownQueries(
  snapshot: CollectionSnapshot,
  numQueries: number,
  namespace: string
): Promise<SparseVector[]> {
  const keys: string[] = []
  for await (const key of keysOf(snapshot, namespace)) keys.push(key)
  const queries: SparseVector[] = []
  for (const [i, key] of atEvenDistances(keys, numQueries).entries()) {
    const vectors = wholeVectors(await snapshot.get(key, { namespace, includeVectors: true }))
    // Of a long document another passage each time.
    const vector = vectors[i % vectors.length]!
    const topTokens = MIN_TERMS + (i % (MAX_TERMS - MIN_TERMS + 1))
    if (vector.terms.length > 0) queries.push(pruneVector(vector, { topTokens }))
  }
  return queries
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
