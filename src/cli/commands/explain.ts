import { Command } from 'commander'
import type { HitExplanation, SearchMode } from 'esplanade'
import { addSearchOptions, type CollectionFlags, openToRead } from '../collection-options.ts'
import { explanationTable, snippetLines } from '../explanation-table.ts'
import { filterOption } from '../filter-option.ts'
import { addFusionOptions, type FusionFlags, fusionOf } from '../fusion-option.ts'
import { printable } from '../highlighted-text.ts'
import { count, modeOption } from '../options.ts'
import { parseQuery } from '../query-argument.ts'
import { type Terminal, terminalOf } from '../terminal.ts'

interface ExplainFlags extends CollectionFlags, FusionFlags {
  readonly filter?: unknown
  readonly mode?: SearchMode
  readonly top: number
  readonly vector?: boolean
  readonly json?: boolean
}

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('Say why a document has its score for a query.')
    .argument('<dir>', 'a collection')
    .argument('<query>', 'a text')
    .argument('<key>', 'the key of a document')
    .addOption(modeOption())
    .addOption(filterOption())
    .option('--top <n>', 'terms to show', count(1), 20)
    .option('--vector', 'the query is a vector: {"indices": [], "values": []}')
    .option('--json', 'one JSON object')
    .action(explain)
  return addFusionOptions(addSearchOptions(command))
}

async function explain(
  directory: string,
  queryText: string,
  key: string,
  flags: ExplainFlags
): Promise<void> {
  const query = parseQuery(queryText, flags.vector)
  const { mode, namespace, filter } = flags
  await using collection = await openToRead(directory, flags)
  const explained = await collection.explain(query, key, {
    namespace,
    ...(mode && { mode }),
    ...fusionOf(flags),
    ...(filter !== undefined && { filter })
  })
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ key, ...explained })}\n`)
    return
  }
  const terminal = terminalOf(process.stdout)
  const heading = `${terminal.paint(printable(key), 'bold')} scores ${explained.score.toFixed(4)}`
  process.stdout.write(`${[heading, ...bodyOf(explained, flags.top, terminal)].join('\n')}\n`)
}

function bodyOf(explained: HitExplanation, top: number, terminal: Terminal): string[] {
  const { explanation, score, text } = explained
  // Nothing was compared, and the tree says why.
  if (score === 0 && explanation.details.length === 0) return [`${explanation.description}.`]
  return [
    snippetLines(explained, text.length, terminal),
    explanationTable(explained, top, terminal)
  ]
}
