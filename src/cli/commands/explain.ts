import { Command } from 'commander'
import { openIndex } from 'esplanade'
import { explanationTable, snippetLines } from '../explanation-table.ts'
import { printable } from '../highlighted-text.ts'
import { count } from '../options.ts'
import { parseQuery } from '../query-argument.ts'
import { terminalOf } from '../terminal.ts'

interface ExplainFlags {
  readonly top: number
  readonly model?: string
  readonly vector?: boolean
  readonly json?: boolean
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('Say why a document has its score for a query.')
    .argument('<dir>', 'an index')
    .argument('<query>', 'a text')
    .argument('<key>', 'the key of a document')
    .option('--top <n>', 'terms to show', count(1), 20)
    .option('--model <model>', 'where the model of the index is now, if it has moved')
    .option('--vector', 'the query is a vector: {"indices": [], "values": []}')
    .option('--json', 'one JSON object')
    .action(explain)
}

async function explain(
  directory: string,
  queryText: string,
  key: string,
  flags: ExplainFlags
): Promise<void> {
  const query = parseQuery(queryText, flags.vector)
  await using index = await openIndex(directory, { ...(flags.model && { model: flags.model }) })
  const explained = await index.explain(query, key)
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
