import { Command, InvalidArgumentError } from 'commander'
import { type CollectionSnapshot, EsplanadeError, type SearchMode } from 'esplanade'
import { formatRun, readTopics, type Topics } from 'esplanade/eval'
import {
  addSearchOptions,
  type CollectionFlags,
  keysOf,
  openToRead
} from '../collection-options.ts'
import { emptyTopicsNote } from '../evaluation-notes.ts'
import { filterOption } from '../filter-option.ts'
import { addFusionOptions, type FusionFlags, fusionOf } from '../fusion-option.ts'
import { interruptible } from '../interrupt.ts'
import { type LineOutput, PartialFile, stdoutLines } from '../line-output.ts'
import { count, denseStrategyOption, modeOption } from '../options.ts'
import { type ProgressDisplay, showProgress } from '../progress.ts'
import { counted } from '../readable.ts'
import {
  addRerankOptions,
  DEFAULT_DEPTH,
  openSecondStage,
  type RerankFlags,
  type SecondStage
} from '../rerank-option.ts'
import { textLines } from '../text-lines.ts'
import { type TunedStrategy, tunedStrategy } from '../tuned-strategy.ts'

interface RunFlags extends CollectionFlags, RerankFlags, FusionFlags {
  readonly k?: number
  readonly mode?: SearchMode
  readonly denseStrategy?: 'exact' | 'hnsw'
  readonly filter?: unknown
  readonly to?: string
  readonly tag: string
  readonly approximate?: boolean
}

/** What a query is searched with. */
interface CheckedFlags extends RunFlags {
  readonly k: number
  readonly tuned: TunedStrategy | undefined
  readonly second: SecondStage
}

/** As trec_eval's figures are computed to. */
const DEFAULT_HITS = 1000

export function runCommand(): Command {
  const command = new Command('run')
    .description('Search every query of a file and write a TREC run.')
    .argument('<dir>', 'a collection')
    .argument('<topics>', 'BEIR queries.jsonl, or lines of query id, tab, text')
    .option(
      '--k <n>',
      'hits a query (default: 1000; with --rerank as many as are reranked)',
      count(1)
    )
    .addOption(modeOption())
    .addOption(denseStrategyOption())
    .addOption(filterOption())
    .option('--to <file>', 'where the run goes (default: standard output)')
    .option(
      '--approximate',
      'search with the setting that tune has found: faster, hits may be missed'
    )
    .option('--tag <tag>', 'name of the run, without white space', oneWord, 'esplanade')
    .action(run)
  return addRerankOptions(addFusionOptions(addSearchOptions(command)))
}

async function run(directory: string, topicsFile: string, flags: RunFlags): Promise<void> {
  const topics = await readTopics(textLines(topicsFile), { place: topicsFile })
  const note = emptyTopicsNote(topics)
  if (note !== '') process.stderr.write(`note: ${note}\n`)
  await using collection = await openToRead(directory, flags)
  // All queries see the same documents, whatever is written meanwhile.
  await using snapshot = await collection.snapshot()
  // A key that no run can hold is found now rather than by the query that finds it.
  for await (const key of keysOf(snapshot, flags.namespace)) formatRun('0', [{ key, score: 1 }])
  const k = flags.k ?? (flags.rerank === undefined ? DEFAULT_HITS : (flags.depth ?? DEFAULT_DEPTH))
  const tuned = flags.approximate ? await tunedStrategy(directory, collection, k) : undefined
  await using second = await openSecondStage(flags)
  if (tuned !== undefined) process.stderr.write(`${tuned.note}\n`)
  const file = flags.to === undefined ? undefined : await PartialFile.open(flags.to, 'replace')
  const progress = showProgress('searching', 'queries')
  try {
    await interruptible(signal =>
      searchAll(
        snapshot,
        topics,
        file ?? stdoutLines,
        { ...flags, k, tuned, second },
        progress,
        signal
      )
    )
    await file?.end()
    await file?.publish()
    if (flags.to !== undefined) {
      process.stderr.write(
        `${counted(topics.size, 'topic')} searched, run written to ${flags.to}\n`
      )
    }
  } catch (error) {
    // Searching again is cheap, so half a run is not worth keeping.
    await file?.discard()
    throw error
  } finally {
    progress.stop()
  }
}

function oneWord(value: string): string {
  if (/^\S+$/u.test(value)) return value
  throw new InvalidArgumentError('Expected one word.')
}

async function searchAll(
  snapshot: CollectionSnapshot,
  topics: Topics,
  output: LineOutput,
  { k, mode, namespace, filter, tag, tuned, second, ...flags }: CheckedFlags,
  progress: ProgressDisplay,
  signal: AbortSignal
): Promise<void> {
  let done = 0
  for (const [queryId, text] of topics) {
    if (signal.aborted) {
      throw new EsplanadeError('ABORTED', { problem: `stopped after ${done} queries` })
    }
    const { hits } = await snapshot.search(text, {
      ...second.options,
      signal,
      k,
      namespace,
      ...(mode && { mode }),
      ...(flags.denseStrategy && { denseStrategy: flags.denseStrategy }),
      ...fusionOf(flags),
      ...(filter !== undefined && { filter }),
      ...(tuned && { strategy: tuned.strategy })
    })
    for (const line of formatRun(queryId, hits, tag)) await output.write(line)
    progress.update(++done, done / topics.size)
  }
}
