import { availableParallelism, cpus } from 'node:os'
import { basename, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { type Collection, EsplanadeError, type SearchMode } from 'esplanade'
import type { QueryMode } from 'esplanade/encoder'
import {
  type Metric,
  parseMetrics,
  type Qrels,
  readQrels,
  readTopics,
  type Topics
} from 'esplanade/eval'
import { namespaceOption, openToRead } from '../collection-options.ts'
import { renderCostPage } from '../cost-html.ts'
import type { CostRow } from '../cost-row.ts'
import { costTable } from '../cost-table.ts'
import { padEnd } from '../display-width.ts'
import { queries } from '../evaluation-notes.ts'
import { interruptible } from '../interrupt.ts'
import { measureSearch, type SearchSetting } from '../measure-search.ts'
import { count, list } from '../options.ts'
import { writeWholeFile } from '../output-file.ts'
import { showProgress } from '../progress.ts'
import { textLines } from '../text-lines.ts'

interface BenchSearchFlags {
  readonly topics: string
  readonly qrels?: string
  readonly metrics: string
  readonly modes?: SearchMode[]
  readonly queryMode: QueryMode[]
  readonly k: number
  readonly passes: number
  readonly namespace: string
  readonly json?: boolean
  readonly html?: string
}

const MODES: readonly SearchMode[] = ['sparse', 'bm25', 'combined', 'dense', 'hybrid']
const QUERY_MODES: readonly QueryMode[] = ['full', 'no-expansion', 'inference-free']

const HELP = `
Each collection is searched in each mode, and where a mode encodes with a sparse
model, in each query mode. All of them answer all queries, pass after pass; the
first pass does not count. With --qrels, only judged queries are asked, and rows
that no other one beats are marked.

  esplanade bench search notes --topics queries.jsonl --qrels test.tsv \\
    --modes sparse,bm25,combined --query-mode full,inference-free --html cost.html`

/** `bench search`: what searching a collection costs, beside what it finds. */
export function benchSearchCommand(): Command {
  return new Command('search')
    .description('Measure what searching costs, beside what it finds.')
    .argument('<dirs...>', 'collections')
    .requiredOption('--topics <file>', 'BEIR queries.jsonl, or lines of query id, tab, text')
    .option('--qrels <file>', 'BEIR qrels (tsv) or TREC qrels, for the quality')
    .option('--metrics <names>', 'ir-measures names', 'nDCG@10 RR@10 R@100')
    .option(
      '--modes <list>',
      `of ${MODES.join(', ')} (default: all that a collection has)`,
      names(MODES)
    )
    .option('--query-mode <list>', `of ${QUERY_MODES.join(', ')}`, names(QUERY_MODES), ['full'])
    .option('--k <n>', 'hits of a search that is timed', count(1), 10)
    .option('--passes <n>', 'over all queries', count(2), 5)
    .addOption(namespaceOption())
    .option('--json', 'one JSON object a row')
    .option('--html <file>', 'a page with charts as well; needs --qrels')
    .addHelpText('after', HELP)
    .action(benchSearch)
}

/** Parses a list of which each is one of some. */
function names<T extends string>(known: readonly T[]): (value: string) => T[] {
  return value => {
    const given = [...new Set(list(value))]
    const unknown = given.find(name => !(known as readonly string[]).includes(name))
    if (unknown === undefined) return given as T[]
    throw new InvalidArgumentError(`"${unknown}" is none of ${known.join(', ')}.`)
  }
}

async function benchSearch(directories: readonly string[], flags: BenchSearchFlags): Promise<void> {
  if (flags.html !== undefined && flags.qrels === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--html',
      problem: 'given without judgements, so there is no quality to draw',
      expected: '--qrels too'
    })
  }
  const metrics = parseMetrics(flags.metrics)
  const qrels =
    flags.qrels === undefined
      ? undefined
      : await readQrels(textLines(flags.qrels), { place: flags.qrels })
  const topics = judgedTopics(await readTopics(textLines(flags.topics), { place: flags.topics }), {
    qrels,
    place: flags.topics
  })
  const rows = await interruptible(async signal => {
    const all: CostRow[] = []
    for (const directory of directories) {
      all.push(...(await rowsOf(directory, { ...flags, topics, qrels, metrics, signal })))
    }
    return all
  })
  if (flags.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else process.stdout.write(`${machine()}\n\n${shown(costTable(rows))}`)
  if (flags.html !== undefined) {
    await writeWholeFile(flags.html, renderCostPage(rows, metrics[0]!.name, [machine()]))
  }
}

/** Without judgements a query says nothing of quality, and times of other queries do not belong to it. */
function judgedTopics(
  topics: Topics,
  { qrels, place }: { readonly qrels: Qrels | undefined; readonly place: string }
): Topics {
  if (qrels === undefined) return topics
  const judged = new Map([...topics].filter(([queryId]) => qrels.has(queryId)))
  if (judged.size === 0) {
    throw new EsplanadeError('TOPICS_INVALID', {
      place,
      problem: `none of its ${topics.size} queries is judged`,
      expected: 'the queries of the judgements',
      remedy: 'Name the topics that the judgements belong to'
    })
  }
  const numLeftOut = topics.size - judged.size
  if (numLeftOut > 0) process.stderr.write(`${queries(numLeftOut)} without judgements left out\n`)
  return judged
}

interface RowsRequest extends Omit<BenchSearchFlags, 'topics' | 'qrels' | 'metrics'> {
  readonly topics: Topics
  readonly qrels: Qrels | undefined
  readonly metrics: readonly Metric[]
  readonly signal: AbortSignal
}

async function rowsOf(directory: string, request: RowsRequest): Promise<CostRow[]> {
  // Times are those of one thread, as of the search itself.
  await using collection = await openToRead(directory, {}, { numThreads: 1 })
  await using snapshot = await collection.snapshot()
  const { numInMemory } = await snapshot.stats()
  if (numInMemory > 0) {
    process.stderr.write(
      `${directory}: ${numInMemory} passages are in memory yet, and not among the bytes: compact it first\n`
    )
  }
  const settings = settingsOf(collection, request)
  const progress = showProgress('measuring', 'passes')
  try {
    const found = await measureSearch(collection, snapshot, {
      ...request,
      settings,
      onProgress: (done, total) => progress.update(done, done / total)
    })
    return found.map((figures, i) => {
      const { mode, queryMode } = settings[i]!
      const isUsual = queryMode === undefined || queryMode === 'full'
      return {
        collection: basename(resolve(directory)),
        group: mode,
        setting: isUsual ? mode : `${mode}, ${queryMode}`,
        ...figures
      }
    })
  } finally {
    progress.stop()
  }
}

/** Modes that are not named and that the collection cannot do are left out. */
function settingsOf(
  { settings: { model, lexical, dense } }: Collection,
  { modes, queryMode }: RowsRequest
): SearchSetting[] {
  const hasModel = model !== undefined
  const lists = [hasModel, lexical !== undefined, dense?.model !== undefined]
  const isThere: Record<SearchMode, boolean> = {
    sparse: hasModel,
    bm25: lexical !== undefined,
    combined: hasModel && lexical !== undefined,
    dense: dense?.model !== undefined,
    hybrid: lists.filter(Boolean).length > 1
  }
  const usesModel = (mode: SearchMode) => hasModel && mode !== 'bm25' && mode !== 'dense'
  const chosen = modes ?? MODES.filter(mode => isThere[mode])
  if (chosen.length === 0) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--modes',
      problem: 'the collection has neither a model nor lexical terms, so no text can be searched',
      expected: 'a collection that was made with one of them'
    })
  }
  return chosen.flatMap((mode): SearchSetting[] =>
    usesModel(mode) ? queryMode.map(one => ({ mode, queryMode: one })) : [{ mode }]
  )
}

function machine(): string {
  const cpu = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `${cpu}, ${availableParallelism()} cores, Node ${process.version}`
}

function shown(cells: readonly (readonly string[])[]): string {
  const widths = cells[0]!.map((_, i) => Math.max(...cells.map(row => row[i]!.length)))
  const lines = cells.map(row =>
    row
      .map((cell, i) => (i === 0 ? padEnd(cell, widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  )
  return `${lines.join('\n')}\n`
}
