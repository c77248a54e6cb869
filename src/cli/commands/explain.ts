import { Command } from 'commander'
import type { SearchMode } from 'esplanade'
import { addSearchOptions, type CollectionFlags, openToRead } from '../collection-options.ts'
import { explanationTable, snippetLines } from '../explanation-table.ts'
import { printable } from '../highlighted-text.ts'
import { count, modeOption } from '../options.ts'
import { parseQuery } from '../query-argument.ts'
import { terminalOf } from '../terminal.ts'

interface ExplainFlags extends CollectionFlags {
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
    .option('--top <n>', 'terms to show', count(1), 20)
    .option('--vector', 'the query is a vector: {"indices": [], "values": []}')
    .option('--json', 'one JSON object')
    .action(explain)
  return addSearchOptions(command)
}

async function explain(
  directory: string,
  queryText: string,
  key: string,
  flags: ExplainFlags
): Promise<void> {
  const query = parseQuery(queryText, flags.vector)
  const { mode, namespace } = flags
  await using collection = await openToRead(directory, flags)
  const explained = await collection.explain(query, key, { namespace, ...(mode && { mode }) })
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ key, ...explained })}\n`)
    return
  }
  const terminal = terminalOf(process.stdout)
  const heading = `${terminal.paint(printable(key), 'bold')} scores ${explained.score.toFixed(4)}`
  const body =
    explained.terms.length === 0
      ? ['It shares no term with the query.']
      : [
          snippetLines(explained, explained.text.length, terminal),
          explanationTable(explained, flags.top, terminal)
        ]
  process.stdout.write(`${[heading, ...body].join('\n')}\n`)
}
