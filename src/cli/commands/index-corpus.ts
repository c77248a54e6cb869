import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import {
  type Collection,
  corpusDocuments,
  EsplanadeError,
  type Metric,
  type OpenOptions,
  open,
  replaceCollection
} from 'esplanade'
import { type Corpus, type CorpusRecord, openCorpus } from 'esplanade/corpus'
import { keysOf, namespaceOption } from '../collection-options.ts'
import { addCorpusOptions, type CorpusFlags, corpusOptions } from '../corpus-options.ts'
import { EXIT_FAILED } from '../exit-codes.ts'
import { collectionBytes } from '../folder-bytes.ts'
import {
  denseIndexOption,
  denseModelOption,
  type IndexModeFlags,
  keptModesOption,
  modeOptions
} from '../index-modes.ts'
import { IndexProgress } from '../index-progress.ts'
import { type IndexSummary, summaryJson, summaryText } from '../index-summary.ts'
import { interruptible } from '../interrupt.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  precisionOption,
  queryModelOption,
  revisionOption,
  sharingOptions,
  workersOption
} from '../model-options.ts'
import { atLeast, count, pruneMassOption } from '../options.ts'
import { ProblemReport } from '../problem-report.ts'
import { counted } from '../readable.ts'

interface IndexFlags extends CorpusFlags, ModelFlags, IndexModeFlags {
  readonly to: string
  readonly namespace: string
  readonly passageTokens?: number
  readonly metric?: Metric
  readonly topTokens?: number
  readonly minWeight?: number
  readonly pruneMass?: number
  readonly overwrite?: boolean
  readonly prune?: boolean
  readonly strict?: boolean
  readonly json?: boolean
}

const HELP = `
IN is a BEIR folder, a .jsonl, .csv or .tsv file (.gz too), a folder of .md,
.txt and .html files, or - for JSON lines on standard input. A JSON line may
carry a vector instead of a text: {"_id", "indices": [], "values": []} or
{"_id", "vector": {"token": weight}}.

The collection is made where there is none. Where there is one, documents are
added, and those of the same key replaced; what has not changed is passed over,
so the same command again takes in only what is new. Model, metric and limits
are fixed when the collection is made.

  esplanade index notes/ --to notes.esplanade
  esplanade index notes/ --to notes.esplanade --prune
  esplanade index notes/ --to notes.esplanade --dense-model models/my-encoder
  esplanade index products.csv --to products --key sku --text name,description`

export function indexCommand(): Command {
  const command = new Command('index')
    .description('Encode documents and put them into a collection, which is made if need be.')
    .argument('<in...>', 'files, folders, or - for standard input')
    .requiredOption('--to <dir>', 'the collection')
    .addOption(namespaceOption())
    .option('--prune', 'delete documents of the namespace that are not in IN')
    .option('--overwrite', 'replace the whole collection, once the new one is complete')
    .option(
      '--model <model>',
      "name or folder of the model, or org/name on the hub; none: all records have vectors (default: the collection's own, splade-tiny for a new one)"
    )
    .addOption(denseModelOption())
    .addOption(denseIndexOption())
    .addOption(keptModesOption())
    .addOption(queryModelOption())
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(precisionOption())
    .addOption(workersOption())
    .addOption(maxTokensOption())
    .option(
      '--passage-tokens <n>',
      'split longer texts into passages of at most n tokens; 0: never (default: on for folders of files)',
      count(0)
    )
    .addOption(
      new Option('--metric <metric>', 'similarity (default: dot)').choices(['dot', 'cosine'])
    )
    .option('--top-tokens <n>', 'keep the heaviest terms of each vector', count(1))
    .option('--min-weight <w>', 'keep terms of at least this weight', atLeast(0))
    .addOption(pruneMassOption())
    .option(
      '--lexical',
      'words are terms too, weighted by BM25 (default for a new collection with a model, unless --metric cosine)'
    )
    .option('--no-lexical', 'the terms of the model only')
    .option('--strict', 'stop at the first bad record; nothing is written')
    .option('--json', 'the summary as JSON')
    .addHelpText('after', HELP)
    .action(indexCorpus)
  return addCorpusOptions(command)
}

async function indexCorpus(inputs: string[], flags: IndexFlags): Promise<void> {
  const started = performance.now()
  const replaces = flags.overwrite && existsSync(flags.to)
  const summary = await interruptible(async signal => {
    const corpus = await openCorpus(inputs, { ...corpusOptions(flags), signal })
    const task = { inputs, corpus, flags, signal }
    // Where nothing is yet there is nothing to be replaced.
    return replaces
      ? replaceCollection(flags.to, beside => indexInto(beside, task))
      : indexInto(flags.to, task)
  }).catch(error => {
    if (replaces) process.stderr.write(`${flags.to} is as it was: nothing of it was replaced\n`)
    throw error
  })
  if (summary.numOtherFiles > 0) {
    process.stderr.write(`${counted(summary.numOtherFiles, 'file')} of other kinds left out\n`)
  }
  if (summary.numRead === 0 && summary.numProblems === 0) {
    process.stderr.write('note: the input holds no documents\n')
  }
  const done = { ...summary, seconds: (performance.now() - started) / 1000 }
  if (flags.json) process.stdout.write(`${JSON.stringify(summaryJson(done))}\n`)
  else process.stderr.write(summaryText(flags.to, done))
  if (summary.numProblems > 0) process.exitCode = EXIT_FAILED
}

interface IndexTask {
  readonly inputs: readonly string[]
  readonly corpus: Corpus
  readonly flags: IndexFlags
  readonly signal: AbortSignal
}

/** Puts the corpus into the collection of a directory, and says what that did. */
async function indexInto(directory: string, task: IndexTask): Promise<IndexSummary> {
  const wasThere = existsSync(directory)
  const isNew = !existsSync(join(directory, 'collection.json'))
  await using collection = await open(directory, openOptions(task)).catch(error => {
    process.stderr.write(`nothing was written to ${task.flags.to}\n`)
    throw error
  })
  try {
    const summary = await writeCorpus(collection, task)
    return { ...summary, bytes: (await collectionBytes(directory)).total }
  } catch (error) {
    const { numDocuments } = await collection.stats()
    if (isNew && numDocuments === 0) {
      await takeAway(collection, wasThere)
      process.stderr.write(`nothing was written to ${task.flags.to}\n`)
    } else explainKept(error, isNew, numDocuments, task.flags)
    throw error
  }
}

/**
 * Removes a collection that never held a document, as if it had not been begun. It is moved aside while
 * no other process can write to it.
 */
async function takeAway(collection: Collection, wasThere: boolean): Promise<void> {
  const { directory } = collection
  const aside = `${directory}.partial-${process.pid}`
  try {
    await rename(directory, aside)
  } catch {
    return // an empty collection does no harm
  }
  if (wasThere) await mkdir(directory)
  await collection.close()
  await rm(aside, { recursive: true, force: true })
}

/** What was written stays: says so where work was cut short. */
function explainKept(error: unknown, isNew: boolean, numHeld: number, flags: IndexFlags): void {
  if (!(error instanceof EsplanadeError && error.code === 'ABORTED') || flags.overwrite) return
  const what = isNew ? `${counted(numHeld, 'document')} are in` : 'what was written stays in'
  process.stderr.write(`${what} ${flags.to}; the same command goes on from there\n`)
}

async function writeCorpus(
  collection: Collection,
  { inputs, corpus, flags, signal }: IndexTask
): Promise<Omit<IndexSummary, 'bytes'>> {
  const { namespace, strict = false, passageTokens } = flags
  const problems = new ProblemReport()
  const options = {
    namespace,
    strict,
    ...(passageTokens !== undefined && { passageTokens }),
    onProblem: (error: EsplanadeError) => problems.add(error)
  }
  let records: AsyncIterable<CorpusRecord> | CorpusRecord[] = corpus
  if (strict) {
    // Read once before anything is written; what cannot be read twice is kept.
    if (inputs.includes('-')) records = await arrayOf(corpus)
    const again = Array.isArray(records)
      ? records
      : await openCorpus(inputs, { ...corpusOptions(flags), signal })
    for await (const _ of corpusDocuments(again, collection, options));
  }
  // Read once more before, for the mean length of all texts; what cannot be read twice is not.
  const isPreviewed = collection.settings.lexical !== undefined && !inputs.includes('-')
  const preview = isPreviewed
    ? corpusDocuments(await openCorpus(inputs, { ...corpusOptions(flags), signal }), collection, {
        ...options,
        strict: false,
        onProblem: () => undefined
      })
    : undefined
  const progress = new IndexProgress(corpus)
  const keys = new Set<string>()
  const documents = async function* () {
    for await (const document of corpusDocuments(records, collection, options)) {
      keys.add(document.key)
      progress.read(document)
      yield document
    }
  }
  let written: Awaited<ReturnType<Collection['upsert']>>
  try {
    written = await collection.upsert(documents(), {
      onlyChanged: true,
      ...(preview && { preview }),
      signal,
      onProgress: done => progress.update(done)
    })
  } finally {
    progress.stop()
  }
  if (keys.size === 0 && problems.count > 0) throw allSkipped(problems.count)
  const numDeleted = flags.prune ? await prune(collection, keys, problems.count, namespace) : 0
  await tidyUp(collection, signal)
  const { numDocuments, numEntries, numDead, numPostings } = await collection.stats()
  return {
    numRead: keys.size,
    ...written,
    numDeleted,
    numProblems: problems.count,
    numDocuments,
    numPassages: numEntries - numDead,
    numDead,
    numPostings,
    numOtherFiles: corpus.numOtherFiles,
    ...tokensRead(collection)
  }
}

/** Tokens of a text that the models read; where there is a dense one only, those that it does. */
function tokensRead({ settings }: Collection) {
  const { model, dense } = settings
  const denseTokens = dense?.model?.maxTokens
  return { maxTokens: model?.maxTokens ?? denseTokens, maxDenseTokens: denseTokens }
}

/**
 * Makes segments of what was written, and joins small ones, so that the next `open` is fast. All is
 * durable already: who does not want to wait interrupts, and the next writer does it.
 */
async function tidyUp(collection: Collection, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const interrupted = new Promise<void>(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([collection.flush().then(() => collection.settle()), interrupted])
}

/** Deletes what the input does not have. */
async function prune(
  collection: Collection,
  keys: ReadonlySet<string>,
  numProblems: number,
  namespace: string
): Promise<number> {
  if (numProblems > 0 || keys.size === 0) {
    const why = keys.size === 0 ? 'the input holds no documents' : 'records were skipped'
    process.stderr.write(`nothing was pruned, because ${why}\n`)
    return 0
  }
  const gone: string[] = []
  for await (const key of keysOf(collection, namespace)) if (!keys.has(key)) gone.push(key)
  return collection.delete(gone, { namespace })
}

/** What the collection is to be, as far as the options say so. */
function openOptions({ flags, signal, corpus }: IndexTask): OpenOptions {
  const { passageTokens, topTokens, minWeight, pruneMass, metric } = flags
  return {
    ...modeOptions(flags),
    ...(metric !== undefined && { metric }),
    ...(passageTokens !== undefined && { passageTokens }),
    ...(topTokens !== undefined && { topTokens }),
    ...(minWeight !== undefined && { minWeight }),
    ...(pruneMass !== undefined && { pruneMass }),
    load: { ...loadOptions(flags, signal), ...sharingOptions(flags, corpus.totalBytes) }
  }
}

async function arrayOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** A wrong `--key`, say, must not look like an empty corpus. */
function allSkipped(numProblems: number): EsplanadeError {
  return new EsplanadeError('CORPUS_INVALID', {
    problem: `not one of ${numProblems} records could be indexed`,
    remedy: 'Correct the problems that were reported for them'
  })
}
