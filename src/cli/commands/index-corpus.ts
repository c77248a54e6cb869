import { Command, Option } from 'commander'
import { createIndex, type Metric } from 'esplanade'
import { openCorpus } from 'esplanade/corpus'
import { addCorpusOptions, type CorpusFlags, corpusOptions } from '../corpus-options.ts'
import { EXIT_FAILED } from '../exit-codes.ts'
import { interruptible } from '../interrupt.ts'
import { loadOptions, type ModelFlags, maxTokensOption, poolingOption } from '../model-options.ts'
import { atLeast, count, modeOption } from '../options.ts'
import { ProblemReport } from '../problem-report.ts'
import { duration, showProgress } from '../progress.ts'
import { counted, readableBytes, readableCount } from '../readable.ts'

interface IndexFlags extends CorpusFlags, ModelFlags {
  readonly to: string
  readonly model: string
  readonly passageTokens?: number
  readonly metric: Metric
  readonly topTokens?: number
  readonly minWeight?: number
  readonly overwrite?: boolean
  readonly strict?: boolean
  readonly json?: boolean
}

const INPUTS = `
IN is a BEIR folder, a .jsonl, .csv or .tsv file (.gz too), a folder of .md,
.txt and .html files, or - for JSON lines on standard input. A JSON line may
carry a vector instead of a text: {"_id", "indices": [], "values": []} or
{"_id", "vector": {"token": weight}}.

  esplanade index notes/ --to notes.index
  esplanade index products.csv --to products --key sku --text name,description`

export function indexCommand(): Command {
  const command = new Command('index')
    .description('Encode documents and write an index of them.')
    .argument('<in...>', 'files, folders, or - for standard input')
    .requiredOption('--to <dir>', 'where the index goes')
    .option(
      '--model <model>',
      'name or folder of the model; none: all records have vectors',
      'splade-tiny'
    )
    .addOption(poolingOption())
    .addOption(modeOption())
    .addOption(maxTokensOption())
    .option(
      '--passage-tokens <n>',
      'split longer texts into passages of at most n tokens; 0: never (default: on for folders of files)',
      count(0)
    )
    .addOption(
      new Option('--metric <metric>', 'similarity').choices(['dot', 'cosine']).default('dot')
    )
    .option('--top-tokens <n>', 'keep the heaviest terms of each vector', count(1))
    .option('--min-weight <w>', 'keep terms of at least this weight', atLeast(0))
    .option('--overwrite', 'replace the index that is there')
    .option('--strict', 'stop at the first bad record; nothing is written')
    .option('--json', 'the summary as JSON')
    .addHelpText('after', INPUTS)
    .action(indexCorpus)
  return addCorpusOptions(command)
}

async function indexCorpus(inputs: string[], flags: IndexFlags): Promise<void> {
  const started = performance.now()
  const problems = new ProblemReport()
  let numOtherFiles = 0
  const created = await interruptible(async signal => {
    const corpus = await openCorpus(inputs, { ...corpusOptions(flags), signal })
    const progress = showProgress('indexing', 'passages')
    let fraction: number | undefined
    numOtherFiles = corpus.numOtherFiles
    try {
      return await createIndex(flags.to, corpus, {
        ...definedOf(flags),
        model: flags.model === 'none' ? null : flags.model,
        signal,
        onProblem: error => problems.add(error),
        onProgress: ({ done, numQueued, numEncoded }) => {
          const { totalBytes, bytesRead } = corpus
          if (totalBytes !== undefined) {
            // What has been read is encoded in part only; and reading is some way ahead, which
            // must not make the bar go back.
            const encoded = numQueued === 0 ? 1 : numEncoded / numQueued
            fraction = Math.max(fraction ?? 0, (bytesRead / Math.max(1, totalBytes)) * encoded)
          }
          progress.update(Math.max(done, numEncoded), fraction)
        }
      })
    } finally {
      progress.stop()
    }
  }).catch(explainNothingWritten(flags.to))
  const { manifest, numProblems } = created
  if (numOtherFiles > 0) {
    process.stderr.write(`${counted(numOtherFiles, 'file')} of other kinds left out\n`)
  }
  if (manifest.numDocuments === 0) process.stderr.write('note: the input holds no documents\n')
  const seconds = (performance.now() - started) / 1000
  const bytes = Object.values(manifest.fileBytes).reduce((sum, one) => sum + one, 0)
  if (flags.json) {
    const { numDocuments, numPassages, numTruncated, numPostings } = manifest
    const summary = { numDocuments, numPassages, numTruncated, numPostings, numProblems, bytes }
    process.stdout.write(`${JSON.stringify({ ...summary, seconds: +seconds.toFixed(2) })}\n`)
  } else process.stderr.write(summaryOf(flags.to, created, seconds, bytes))
  if (numProblems > 0) process.exitCode = EXIT_FAILED
}

/** The options that were given, in the shape of the library's. */
function definedOf(flags: IndexFlags) {
  const { passageTokens, topTokens, minWeight, metric } = flags
  return {
    metric,
    overwrite: flags.overwrite ?? false,
    strict: flags.strict ?? false,
    ...(passageTokens !== undefined && { passageTokens }),
    ...(topTokens !== undefined && { topTokens }),
    ...(minWeight !== undefined && { minWeight }),
    load: loadOptions(flags)
  }
}

function explainNothingWritten(directory: string): (error: unknown) => never {
  return error => {
    process.stderr.write(`nothing was written to ${directory}\n`)
    throw error
  }
}

function summaryOf(
  directory: string,
  { manifest, numProblems }: Awaited<ReturnType<typeof createIndex>>,
  seconds: number,
  bytes: number
): string {
  const { numDocuments, numPassages, numTruncated, numPostings, model } = manifest
  const isSplit = numPassages > numDocuments
  const rate = `${readableCount(numPassages / seconds)}${isSplit ? ' passages' : ''}/s`
  const lines = [
    `${counted(numDocuments, 'document')} indexed in ${duration(seconds)} (${rate}), ${readableBytes(bytes)} in ${directory}`,
    isSplit ? counted(numPassages, 'passage') : undefined,
    numPassages > 0
      ? `${(numPostings / numPassages).toFixed(1)} terms a ${isSplit ? 'passage' : 'document'}`
      : undefined,
    numTruncated > 0
      ? `${counted(numTruncated, 'text')} longer than ${model?.maxTokens} tokens, read in part (--passage-tokens splits them)`
      : undefined,
    numProblems > 0 ? `${counted(numProblems, 'record')} skipped` : undefined
  ]
  return `${lines.filter(line => line !== undefined).join('\n')}\n`
}
