import { Command, Option } from 'commander'
import { EsplanadeError } from 'esplanade'
import { renderChartFile, renderCostPage } from '../cost-html.ts'
import { COSTS, type CostRow, readCostRows } from '../cost-row.ts'
import { writeWholeFile } from '../output-file.ts'
import { textLines } from '../text-lines.ts'

interface ParetoFlags {
  readonly cost: string
  readonly metric?: string
  readonly svg?: string
  readonly html?: string
}

const HELP = `
Joins what several calls of bench search have measured, such as collections
that were pruned in different ways:

  esplanade bench search whole --topics T --qrels Q --json > whole.jsonl
  esplanade bench search pruned --topics T --qrels Q --json > pruned.jsonl
  esplanade bench pareto whole.jsonl pruned.jsonl --html cost.html`

/** `bench pareto`: what was measured, as a chart. */
export function benchParetoCommand(): Command {
  return new Command('pareto')
    .description('Draw what bench search has measured: quality over cost.')
    .argument('<rows...>', 'lines of bench search --json, or - for standard input')
    .addOption(
      new Option('--cost <cost>', 'what --svg draws quality over')
        .choices(Object.keys(COSTS))
        .default('flops')
    )
    .option('--metric <name>', 'the quality, as the rows name it (default: their first one)')
    .option('--svg <file>', 'one chart')
    .option('--html <file>', 'a page with all charts and a table')
    .addHelpText('after', HELP)
    .action(pareto)
}

async function pareto(files: readonly string[], flags: ParetoFlags): Promise<void> {
  const { svg, html } = flags
  if (svg === undefined && html === undefined) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      problem: 'there is nowhere to draw to',
      expected: '--svg FILE, --html FILE, or both'
    })
  }
  const cost = COSTS[flags.cost]!
  const rows: CostRow[] = []
  for (const file of files) {
    rows.push(...(await readCostRows(textLines(file), file, { cost, metric: flags.metric })))
  }
  if (rows.length === 0) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: files.join(', '),
      problem: 'there is no row',
      expected: 'lines of bench search --json'
    })
  }
  const metric = flags.metric ?? Object.keys(rows[0]!.metrics)[0]!
  if (svg !== undefined) await writeWholeFile(svg, renderChartFile({ rows, cost, metric }))
  if (html !== undefined) await writeWholeFile(html, renderCostPage(rows, metric, []))
}
