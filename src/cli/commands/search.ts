import { Command } from 'commander'
import type { CollectionHit, HitExplanation, SearchMode } from 'esplanade'
import { metadataToJson } from 'esplanade/corpus'
import { addSearchOptions, type CollectionFlags, openToRead } from '../collection-options.ts'
import { explanationTable, snippetLines } from '../explanation-table.ts'
import { filterOption } from '../filter-option.ts'
import { addFusionOptions, type FusionFlags, fusionOf } from '../fusion-option.ts'
import { printable } from '../highlighted-text.ts'
import { atLeast, count, denseStrategyOption, modeOption } from '../options.ts'
import { parseQuery } from '../query-argument.ts'
import {
  addRerankOptions,
  openSecondStage,
  type RerankFlags,
  stagesLine
} from '../rerank-option.ts'
import { terminalOf } from '../terminal.ts'
import { tunedStrategy } from '../tuned-strategy.ts'

interface SearchFlags extends CollectionFlags, RerankFlags, FusionFlags {
  readonly k: number
  readonly mode?: SearchMode
  readonly denseStrategy?: 'exact' | 'hnsw'
  readonly filter?: unknown
  readonly minScore?: number
  readonly explain?: boolean
  readonly top: number
  readonly vector?: boolean
  readonly approximate?: boolean
  readonly json?: boolean
}

export function searchCommand(): Command {
  const command = new Command('search')
    .description('Find the best documents for a query.')
    .argument('<dir>', 'a collection')
    .argument('<query>', 'a text')
    .option('--k <n>', 'documents to show', count(1), 10)
    .addOption(modeOption())
    .addOption(denseStrategyOption())
    .addOption(filterOption())
    .option('--min-score <s>', 'leave out documents that score below this', atLeast(0))
    .option('--explain', 'show what each score is made of: lists and terms')
    .option('--top <n>', 'terms that --explain shows', count(1), 8)
    .option('--vector', 'the query is a vector: {"indices": [], "values": []}')
    .option(
      '--approximate',
      'search with the setting that tune has found: faster, a hit may be missed'
    )
    .option('--json', 'one JSON object a hit')
    .action(search)
  return addRerankOptions(addFusionOptions(addSearchOptions(command)))
}

async function search(directory: string, queryText: string, flags: SearchFlags): Promise<void> {
  const query = parseQuery(queryText, flags.vector)
  const { k, mode, namespace, filter, minScore } = flags
  await using collection = await openToRead(directory, flags)
  const tuned = flags.approximate ? await tunedStrategy(directory, collection, k) : undefined
  await using second = await openSecondStage(flags)
  const { hits, stages } = await collection.search(query, {
    ...second.options,
    k,
    namespace,
    ...(mode && { mode }),
    ...(flags.denseStrategy && { denseStrategy: flags.denseStrategy }),
    ...fusionOf(flags),
    // People are shown the words that matched, which the explanation knows.
    explain: flags.explain || !flags.json,
    ...(filter !== undefined && { filter }),
    ...(minScore !== undefined && { minScore }),
    ...(tuned && { strategy: tuned.strategy })
  })
  if (flags.json) {
    for (const hit of hits) {
      const line = { ...jsonOf(hit), ...(flags.rerank && { stages }) }
      process.stdout.write(`${JSON.stringify(line)}\n`)
    }
    return
  }
  if (tuned !== undefined) process.stderr.write(`${tuned.note}\n`)
  if (flags.rerank !== undefined) process.stderr.write(`${stagesLine(stages)}\n`)
  if (hits.length === 0) {
    const { namespaces } = await collection.stats()
    process.stderr.write(`${whyNothing(flags, namespaces[namespace] ?? 0)}\n`)
  }
  for (const hit of hits) process.stdout.write(`${textOf(hit, flags)}\n`)
}

function whyNothing(flags: SearchFlags, numDocuments: number): string {
  if (numDocuments === 0) {
    const { namespace } = flags
    return namespace === ''
      ? 'the collection is empty'
      : `the collection has no documents in the namespace ${JSON.stringify(namespace)}`
  }
  if (flags.approximate || flags.minScore !== undefined) return 'no document was found'
  if (flags.mode === 'dense') return 'no document has a dense vector'
  const which = flags.filter === undefined ? 'no document' : 'no document that passes the filter'
  return `${which} shares a term with this query`
}

function jsonOf(hit: CollectionHit): object {
  const { rank, key, score, text, metadata, passage, explanation, before } = hit
  return {
    rank,
    key,
    score,
    text,
    metadata: metadataToJson(metadata),
    ...(passage && { passage }),
    ...(explanation && explanationOf(explanation)),
    ...(before && {
      before: {
        rank: before.rank,
        score: before.score,
        ...(before.explanation && explanationOf(before.explanation))
      }
    })
  }
}

function explanationOf({ explanation, terms, subtotals, lists }: HitExplanation): object {
  return { explanation, terms, ...(subtotals && { subtotals }), ...(lists && { lists }) }
}

/** Characters of a text that a list of hits shows, and more where each is explained. */
const SNIPPET_LENGTH = 220
const EXPLAINED_LENGTH = 480

function textOf(
  { rank, key, score, text, metadata, before, ...hit }: CollectionHit,
  flags: SearchFlags
): string {
  const terminal = terminalOf(process.stdout)
  const { paint } = terminal
  const { title } = metadata
  const heading = [
    paint(`${rank}.`.padStart(4), 'dim'),
    paint(printable(key), 'bold'),
    paint(score.toFixed(4), 'dim'),
    before ? paint(`(was ${before.rank}. with ${before.score.toFixed(4)})`, 'dim') : '',
    // A title that begins the text is read there.
    typeof title === 'string' && !text.startsWith(title) ? printable(title) : ''
  ]
    .filter(part => part !== '')
    .join(' ')
  // Which words matched the first stage knows.
  const explanation = before?.explanation ?? hit.explanation
  const length = flags.explain ? EXPLAINED_LENGTH : SNIPPET_LENGTH
  const lines = [heading, snippetLines(explanation!, length, terminal)]
  if (flags.explain) lines.push(explanationTable(explanation!, flags.top, terminal), '')
  return lines.join('\n')
}
