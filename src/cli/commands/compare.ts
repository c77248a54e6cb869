import { basename } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { EsplanadeError } from 'esplanade'
import {
  compareReports,
  evaluate,
  type Metric,
  type NamedReport,
  parseMetrics,
  type Qrels,
  type RankOrder,
  readQrels,
  readRun,
  readTopics,
  type Topics
} from 'esplanade/eval'
import { addSearchOptions, type CollectionFlags, openToRead } from '../collection-options.ts'
import { explainBy } from '../compare-explain.ts'
import { renderHtml } from '../compare-html.ts'
import { renderJson } from '../compare-json.ts'
import { renderMarkdown } from '../compare-markdown.ts'
import { renderTerminal } from '../compare-terminal.ts'
import {
  type CompareView,
  findMoves,
  type MovesRequest,
  type NamedRun,
  notesOf,
  type RunMoves,
  type SignificanceTest
} from '../compare-view.ts'
import { judgeRun } from '../judge-run.ts'
import { count, list } from '../options.ts'
import { writeWholeFile } from '../output-file.ts'
import { terminalOf } from '../terminal.ts'
import { textLines } from '../text-lines.ts'

type Format = 'terminal' | 'markdown' | 'json' | 'html'

interface CompareFlags extends CollectionFlags {
  readonly qrels: string
  readonly metrics: string
  readonly baseline?: string
  readonly names?: string[]
  readonly order: RankOrder
  readonly test: SignificanceTest
  readonly confidence: number
  readonly permutations: number
  readonly seed: number
  readonly moved: number
  readonly topics?: string
  readonly collection?: string
  readonly format: Format
  readonly to?: string
}

const HELP = `
The first run is the baseline, unless --baseline names another. Queries are
sorted and drawn by the first metric. A run is named by its file.

  esplanade compare bm25.trec splade.trec --qrels qrels.tsv
  esplanade compare bm25.trec splade.trec --qrels qrels.tsv \\
    --topics queries.jsonl --collection scifact --format html --to compare.html`

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('Set runs beside each other: differences, their significance, what moved.')
    .argument('<runs...>', 'two or more TREC runs')
    .requiredOption('--qrels <file>', 'BEIR qrels (tsv) or TREC qrels')
    .option('--metrics <names>', 'ir-measures names', 'nDCG@10 RR@10 R@100')
    .option('--baseline <name>', 'the run that the others are compared with (default: the first)')
    .option('--names <names>', 'names of the runs, separated by commas', list)
    .addOption(
      new Option('--order <order>', 'how hits are ordered before they are judged')
        .choices(['float32', 'float64', 'given'])
        .default('float32')
    )
    .addOption(
      new Option('--test <test>', 'what the marks are by')
        .choices(['t-test', 'randomization'])
        .default('t-test')
    )
    .option('--confidence <share>', 'of the intervals', confidence, 0.95)
    .option('--permutations <n>', 'draws of the randomization test', count(1), 100_000)
    .option('--seed <n>', 'of what is drawn by chance', count(0), 1)
    .option('--moved <n>', 'queries that gained and that lost most, of each', count(0), 5)
    .option('--topics <file>', 'texts of the queries: BEIR queries.jsonl, tsv or TREC')
    .option('--collection <dir>', 'a collection that says why documents moved (needs --topics)')
    .addOption(
      new Option('--format <format>', 'what is written')
        .choices(['terminal', 'markdown', 'json', 'html'])
        .default('terminal')
    )
    .option('--to <file>', 'where it goes (default: standard output)')
    .addHelpText('after', HELP)
    .action(compare)
  return addSearchOptions(command)
}

async function compare(runFiles: string[], flags: CompareFlags): Promise<void> {
  const names = runNames(runFiles, flags.names)
  if (flags.collection !== undefined && flags.topics === undefined) {
    throw invalid('--collection', 'it needs the texts of the queries', '--topics with their file')
  }
  const metrics = parseMetrics(flags.metrics)
  const qrels = await readQrels(textLines(flags.qrels), { place: flags.qrels })
  const topics = flags.topics === undefined ? undefined : await topicsOf(flags.topics, qrels)
  const runs: NamedRun[] = []
  for (const [i, file] of runFiles.entries()) {
    runs.push({ name: names[i]!, run: await readRun(textLines(file), { place: file }) })
  }
  const reports = runs.map(({ name, run }, i) => ({
    name,
    report: judgeRun({ run: runFiles[i]!, qrels: flags.qrels }, () =>
      evaluate(run, qrels, metrics, { order: flags.order })
    )
  }))
  const view = await viewOf(runs, reports, qrels, topics, metrics, flags)
  const rendered = render(view, flags.format, flags.to === undefined)
  if (flags.to === undefined) process.stdout.write(rendered)
  else await writeWholeFile(flags.to, rendered)
  if (flags.to !== undefined) process.stderr.write(`comparison written to ${flags.to}\n`)
}

async function viewOf(
  runs: readonly NamedRun[],
  reports: readonly NamedReport[],
  qrels: Qrels,
  topics: Topics | undefined,
  metrics: readonly Metric[],
  flags: CompareFlags
): Promise<CompareView> {
  const { baseline, test, confidence, permutations, seed, order } = flags
  const comparison = compareReports(reports, {
    ...(baseline !== undefined && { baseline }),
    confidence,
    numPermutations: permutations,
    seed
  })
  const mainMetric = metrics[0]!.name
  const moves = await explainedMoves(flags, topics, {
    runs,
    reports,
    qrels,
    baseline: comparison.baseline,
    metric: mainMetric,
    order,
    numQueries: flags.moved
  })
  return {
    comparison,
    reports,
    qrelsFile: flags.qrels,
    test,
    confidence,
    numPermutations: permutations,
    seed,
    mainMetric,
    notes: notesOf(reports, topics),
    topics,
    moves
  }
}

async function explainedMoves(
  flags: CompareFlags,
  topics: Topics | undefined,
  request: Omit<MovesRequest, 'explain'>
): Promise<RunMoves[]> {
  if (flags.collection === undefined || topics === undefined) {
    return findMoves({ ...request, explain: undefined })
  }
  await using collection = await openToRead(flags.collection, flags)
  await using snapshot = await collection.snapshot()
  // Awaited here: the collection has to be open until all is explained.
  return await findMoves({ ...request, explain: explainBy(snapshot, topics, flags.namespace) })
}

function render(view: CompareView, format: Format, isShown: boolean): string {
  if (format === 'html') return renderHtml(view)
  if (format === 'json') return renderJson(view)
  if (format === 'markdown') return `${renderMarkdown(view).trimEnd()}\n`
  const terminal = terminalOf(process.stdout)
  const plain = { ...terminal, paint: (text: string) => text }
  return `${renderTerminal(view, isShown ? terminal : plain).trimEnd()}\n`
}

/** Names of the runs: those given, else their files' without endings, else the paths. */
function runNames(files: readonly string[], given: readonly string[] | undefined): string[] {
  if (files.length < 2) throw invalid('runs', 'one run alone was given', 'two or more')
  if (given !== undefined) {
    if (given.length === files.length) return [...given]
    const problem = `${given.length} names for ${files.length} runs`
    throw invalid('--names', problem, 'a name for each run, separated by commas')
  }
  const short = files.map(file => basename(file).replace(/(\.(trec|run|txt|gz))+$/i, ''))
  return new Set(short).size === files.length ? short : [...files]
}

async function topicsOf(file: string, qrels: Qrels): Promise<Topics> {
  const topics = await readTopics(textLines(file), { place: file })
  for (const queryId of topics.keys()) if (qrels.has(queryId)) return topics
  throw new EsplanadeError('TOPICS_INVALID', {
    place: file,
    problem: `none of its ${topics.size} queries is judged`,
    expected: 'the queries of the judgements',
    remedy: 'Name the topics that the runs were made from'
  })
}

function confidence(value: string): number {
  const share = Number(value)
  if (value.trim() !== '' && share > 0 && share < 1) return share
  throw new InvalidArgumentError('Expected a number between 0 and 1, such as 0.95.')
}

function invalid(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', { place, problem, expected })
}
