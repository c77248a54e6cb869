import { Command, InvalidArgumentError, Option } from 'commander'
import { EsplanadeError } from 'esplanade'
import { addSearchOptions } from '../collection-options.ts'
import { count } from '../options.ts'
import { type TuneApproximateFlags, tuneApproximateSearch } from '../tune-approximate.ts'
import { FUSIONS, type TuneFusionFlags, tuneFusionWeights } from '../tune-fusion.ts'

type TuneFlags = TuneApproximateFlags & Partial<TuneFusionFlags>

const HELP = `
With --topics and --qrels: weights of the lists that hybrid searches fuse,
learned from judged queries. They are measured by cross-validation, each query
with what was learned without it, beside the default weights, and kept with the
collection if they are better. Searches of mode hybrid that name no fusion use
what is kept.

  esplanade tune notes.esplanade --topics asked.tsv --qrels judged.tsv

Without: how fast an approximate search may be. The sample is measured with each
setting, and its exact hits are what must be found. --queries takes topics (BEIR
queries.jsonl, or lines of query id, tab, text) or vectors ({"indices": [],
"values": []} a line), best those that people really asked. Without it, documents
of the collection stand in. The choice is kept with the collection, for search
and run with --approximate. A collection that has changed by more than a quarter
since must be tuned again.

  esplanade tune notes.esplanade --queries asked.tsv --overlap 0.98`

/** What is said of one kind of tuning alone. */
const OF_APPROXIMATE = ['overlap', 'k', 'queries', 'sample']
const OF_FUSION = ['metric', 'folds', 'seed', 'depth', 'fusion', 'force'] as const

/** `tune`: what judged queries, or a sample of queries, teach about searching a collection. */
export function tuneCommand(): Command {
  const command = new Command('tune')
    .description('Learn the weights of hybrid search, or how fast an approximate one may be.')
    .argument('<dir>', 'a collection')
    .optionsGroup('Weights of hybrid search:')
    .addOption(
      new Option(
        '--topics <file>',
        'judged queries: BEIR queries.jsonl, or lines of query id, tab, text'
      ).conflicts(OF_APPROXIMATE)
    )
    .option('--qrels <file>', 'BEIR qrels (tsv) or TREC qrels')
    .option('--metric <name>', 'what is made as large as can be (default: nDCG@10)')
    .addOption(
      new Option(
        '--fusion <method>',
        'what the weights are for; auto: what is best (default: convex)'
      ).choices([...Object.keys(FUSIONS), 'auto'])
    )
    .option('--folds <n>', 'of the cross-validation (default: 5)', count(2))
    .option('--seed <n>', 'of what is drawn by chance (default: 1)', count(0))
    .option('--depth <n>', 'hits of each list that take part (default: 1000)', count(1))
    .option('--force', 'keep weights that are no better than the default')
    .optionsGroup('Approximate search:')
    .option('--overlap <share>', 'part of the exact hits that must be found', share, 0.99)
    .option('--k <n>', 'hits of a search', count(1), 10)
    .option('--queries <file>', 'what is searched (default: documents of the collection)')
    .option('--sample <n>', 'queries that are measured, at even distances', count(2), 200)
    .optionsGroup('Both:')
    .option('--json', 'JSON: one object, or of approximate search one a setting, exact first')
    .addHelpText('after', HELP)
    .action(tune)
  return addSearchOptions(command)
}

async function tune(directory: string, flags: TuneFlags): Promise<void> {
  const { topics, qrels } = flags
  if (topics !== undefined && qrels !== undefined) {
    return tuneFusionWeights(directory, { ...flags, topics, qrels })
  }
  const given = OF_FUSION.find(name => flags[name] !== undefined)
  const place =
    topics !== undefined ? '--topics' : qrels !== undefined ? '--qrels' : given && `--${given}`
  if (place === undefined) return tuneApproximateSearch(directory, flags)
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `given without ${topics === undefined ? '--topics' : '--qrels'}`,
    expected: '--topics and --qrels: queries, and judgements of them'
  })
}

function share(value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && number > 0 && number <= 1) return number
  throw new InvalidArgumentError('Expected a number above 0, at most 1.')
}
