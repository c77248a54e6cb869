import { Command, Option } from 'commander'
import { evaluate, parseMetrics, type RankOrder, readQrels, readRun } from 'esplanade/eval'
import { evaluationNotes } from '../evaluation-notes.ts'
import { judgeRun } from '../judge-run.ts'
import { textLines } from '../text-lines.ts'

interface EvalFlags {
  readonly qrels: string
  readonly metrics: string
  readonly order: RankOrder
  readonly perQuery?: boolean
  readonly json?: boolean
}

const ORDER_HELP = `
Hits are put in the order of trec_eval: by score as float32, then by key, both
descending; the rank column is ignored. --order given keeps the order of the
file instead, for runs whose scores were rounded and so tie.

  esplanade eval run.trec --qrels qrels.tsv --metrics "nDCG@10 RR(rel=2)@10"`

export function evalCommand(): Command {
  return new Command('eval')
    .description('Judge a TREC run by relevance judgements.')
    .argument('<run>', 'lines of query id, Q0, key, rank, score, tag')
    .requiredOption('--qrels <file>', 'BEIR qrels (tsv) or TREC qrels')
    .option('--metrics <names>', 'ir-measures names', 'nDCG@10 RR@10 R@100')
    .addOption(
      new Option('--order <order>', 'how hits are ordered before they are judged')
        .choices(['float32', 'float64', 'given'])
        .default('float32')
    )
    .option('--per-query', 'each query, then the means')
    .option('--json', 'one JSON object')
    .addHelpText('after', ORDER_HELP)
    .action(evaluateRun)
}

async function evaluateRun(runFile: string, flags: EvalFlags): Promise<void> {
  const metrics = parseMetrics(flags.metrics)
  const run = await readRun(textLines(runFile), { place: runFile })
  const qrels = await readQrels(textLines(flags.qrels), { place: flags.qrels })
  const report = judgeRun({ run: runFile, qrels: flags.qrels }, () =>
    evaluate(run, qrels, metrics, { order: flags.order })
  )
  const { queryIds, perQuery, means } = report
  if (flags.json) {
    if (flags.perQuery) {
      queryIds.forEach((queryId, i) => {
        const values = report.metrics.map(name => [name, perQuery[name]![i]])
        process.stdout.write(`${JSON.stringify({ queryId, ...Object.fromEntries(values) })}\n`)
      })
    }
    process.stdout.write(`${JSON.stringify(means)}\n`)
  } else {
    const rows = flags.perQuery
      ? queryIds.map((queryId, i) => [queryId, ...report.metrics.map(name => perQuery[name]![i]!)])
      : []
    printTable([
      ['', ...report.metrics],
      ...rows,
      [`mean of ${queryIds.length}`, ...report.metrics.map(name => means[name]!)]
    ])
  }
  for (const note of evaluationNotes(report)) process.stderr.write(`note: ${note}\n`)
  const asGiven = evaluate(run, qrels, metrics, { order: 'given' })
  const moved = report.metrics.filter(
    name => asGiven.means[name]!.toFixed(4) !== means[name]!.toFixed(4)
  )
  if (flags.order !== 'given' && moved.length > 0) {
    const figures = moved.map(name => `${name} ${asGiven.means[name]!.toFixed(4)}`).join(', ')
    process.stderr.write(
      `note: scores tie, or the run is not sorted by them; in the order of the file: ${figures} (--order given)\n`
    )
  }
}

function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map(row =>
    row.map(cell => (typeof cell === 'number' ? cell.toFixed(4) : cell))
  )
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  for (const row of cells) {
    const [first, ...rest] = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)
    )
    process.stdout.write(`${[first, ...rest].join('  ')}\n`)
  }
}
