import { Command } from 'commander'
import { type DocumentHit, openIndex, type SparseVector, type TextIndex } from 'esplanade'
import { explanationTable, snippetLines } from '../explanation-table.ts'
import { printable } from '../highlighted-text.ts'
import { count, modeOption } from '../options.ts'
import { parseQuery } from '../query-argument.ts'
import { terminalOf } from '../terminal.ts'
import { tunedStrategy } from './tune.ts'

interface SearchFlags {
  readonly k: number
  readonly explain?: boolean
  readonly top: number
  readonly model?: string
  readonly vector?: boolean
  readonly approximate?: boolean
  readonly json?: boolean
}

export function searchCommand(): Command {
  return new Command('search')
    .description('Find the best documents for a query.')
    .argument('<dir>', 'an index')
    .argument('<query>', 'a text')
    .option('--k <n>', 'documents to show', count(1), 10)
    .addOption(modeOption())
    .option('--explain', 'show which terms each score is made of')
    .option('--top <n>', 'terms that --explain shows', count(1), 8)
    .option('--model <model>', 'where the model of the index is now, if it has moved')
    .option('--vector', 'the query is a vector: {"indices": [], "values": []}')
    .option(
      '--approximate',
      'search with the setting that tune has found: faster, a hit may be missed'
    )
    .option('--json', 'one JSON object a hit')
    .action(search)
}

async function search(directory: string, queryText: string, flags: SearchFlags): Promise<void> {
  const query = parseQuery(queryText, flags.vector)
  await using index = await openIndex(directory, { ...(flags.model && { model: flags.model }) })
  const tuned = flags.approximate ? tunedStrategy(directory, index, flags.k) : undefined
  const hits = await index.search(query, {
    k: flags.k,
    ...(tuned && { strategy: tuned.strategy })
  })
  if (tuned !== undefined && !flags.json) process.stderr.write(`${tuned.note}\n`)
  if (hits.length === 0) {
    const isEmpty = index.manifest.numDocuments === 0
    const none = tuned ? 'no document was found' : 'no document shares a term with this query'
    if (!flags.json) process.stderr.write(`${isEmpty ? 'the index is empty' : none}\n`)
    return
  }
  for (const hit of hits) {
    process.stdout.write(
      flags.json
        ? `${JSON.stringify(await jsonOf(index, query, hit, flags))}\n`
        : `${await textOf(index, query, hit, flags)}\n`
    )
  }
}

async function jsonOf(
  index: TextIndex,
  query: string | SparseVector,
  { rank, key, score, document, passage }: DocumentHit,
  flags: SearchFlags
): Promise<object> {
  const explained = flags.explain ? await index.explain(query, key) : undefined
  return {
    rank,
    key,
    score,
    text: document.text,
    metadata: document.metadata,
    ...(document.passages && { passage }),
    ...(explained && { explanation: explained.explanation, terms: explained.terms })
  }
}

/** Characters of a text that a list of hits shows, and more where each is explained. */
const SNIPPET_LENGTH = 220
const EXPLAINED_LENGTH = 480

async function textOf(
  index: TextIndex,
  query: string | SparseVector,
  { rank, key, score, document }: DocumentHit,
  flags: SearchFlags
): Promise<string> {
  const terminal = terminalOf(process.stdout)
  const { paint } = terminal
  const explained = await index.explain(query, key)
  const { title } = document.metadata
  const heading = [
    paint(`${rank}.`.padStart(4), 'dim'),
    paint(printable(key), 'bold'),
    paint(score.toFixed(4), 'dim'),
    // A title that begins the text is read there.
    typeof title === 'string' && !document.text.startsWith(title) ? printable(title) : ''
  ].join(' ')
  const length = flags.explain ? EXPLAINED_LENGTH : SNIPPET_LENGTH
  const lines = [heading.trimEnd(), snippetLines(explained, length, terminal)]
  if (flags.explain) lines.push(explanationTable(explained, flags.top, terminal), '')
  return lines.join('\n')
}
