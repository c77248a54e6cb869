import { existsSync } from 'node:fs'
import { Command, Option } from 'commander'
import { EsplanadeError } from 'esplanade'
import { type Corpus, openCorpus, rejectDuplicates } from 'esplanade/corpus'
import { type EncodeProgress, type QueryOptions, SparseEncoder } from 'esplanade/encoder'
import { addCorpusOptions, type CorpusFlags, corpusOptions } from '../corpus-options.ts'
import { documentsOf, encodeTexts } from '../encode-texts.ts'
import { EXIT_FAILED } from '../exit-codes.ts'
import { interruptible } from '../interrupt.ts'
import { PartialFile, stdoutLines } from '../line-output.ts'
import {
  loadOptions,
  type ModelFlags,
  maxTokensOption,
  poolingOption,
  precisionOption,
  revisionOption,
  sharingOptions,
  workersOption
} from '../model-options.ts'
import { writeNpz } from '../npz.ts'
import { atLeast, count, pruneMassOption } from '../options.ts'
import { partialPath } from '../output-file.ts'
import { ProblemReport } from '../problem-report.ts'
import { duration, showProgress } from '../progress.ts'
import { idfOption, type QueryFlags, queryModeOption, queryOptions } from '../query-mode-option.ts'
import { counted, readableCount } from '../readable.ts'
import { parseShard, recordsOfShard, type Shard } from '../shard.ts'
import { type LineFormat, parseLine } from '../vector-lines.ts'
import type { WorkRecord } from '../work-record.ts'

interface EncodeFlags extends CorpusFlags, ModelFlags, QueryFlags {
  readonly to?: string
  readonly query?: boolean
  readonly format: LineFormat | 'npz'
  readonly shard: Shard
  readonly resume?: boolean
  readonly model: string
  readonly topTokens?: number
  readonly minWeight?: number
  readonly pruneMass?: number
  readonly strict?: boolean
}

const HELP = `
IN is a BEIR folder, a .jsonl, .csv or .tsv file (.gz too), a folder of .md,
.txt and .html files, or - for JSON lines on standard input. A text is not
split; what is beyond --max-tokens is counted.

  jsonl     {"_id", "indices": [], "values": []} a line, term ids ascending
  anserini  {"id", "contents", "vector": {"token": weight × 100}} a line;
            what rounds to 0 is left out
  npz       one matrix for scipy.sparse.load_npz, a row a text; numpy.load
            finds the keys in "keys"

--shard 2/4 takes the second, sixth, tenth … record of the input. Work in
progress is F.partial; --resume goes on with it.`

/** `encode`: texts to sparse vectors, a line each. */
export function encodeCommand(): Command {
  const command = new Command('encode')
    .description('Encode texts to sparse vectors, a line each.')
    .argument('<in...>', 'files, folders, or - for standard input')
    .option('--to <file>', 'where the vectors go (default: standard output)')
    .option('--query', 'encode as queries, not as documents')
    .addOption(queryModeOption('how queries become vectors'))
    .addOption(idfOption())
    .addOption(
      new Option('--format <format>', 'how vectors are written')
        .choices(['jsonl', 'anserini', 'npz'])
        .default('jsonl')
    )
    .addOption(precisionOption())
    .addOption(workersOption())
    .addOption(
      new Option('--shard <i/n>', 'encode the i-th of n parts')
        .argParser(parseShard)
        .default({ index: 0, numShards: 1 }, '1/1')
    )
    .option('--resume', 'continue what an interrupted run left')
    .option('--model <model>', 'name or folder of the model, or org/name on the hub', 'splade-tiny')
    .addOption(revisionOption())
    .addOption(poolingOption())
    .addOption(maxTokensOption())
    .option('--top-tokens <n>', 'keep the heaviest terms of each vector', count(1))
    .option('--min-weight <w>', 'keep terms of at least this weight', atLeast(0))
    .addOption(pruneMassOption())
    .option(
      '--strict',
      'stop at the first bad record; files are checked before anything is written'
    )
    .addHelpText('after', HELP)
    .action(encode)
  return addCorpusOptions(command)
}

async function encode(inputs: string[], flags: EncodeFlags): Promise<void> {
  const { to, format, resume = false } = flags
  if (to === undefined && (format === 'npz' || resume)) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: resume ? '--resume' : '--format npz',
      problem: 'the vectors go to standard output',
      expected: 'a file',
      remedy: 'Name it with --to'
    })
  }
  for (const [name, value] of Object.entries({ 'query-mode': flags.queryMode, idf: flags.idf })) {
    if (value === undefined || flags.query) continue
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: `--${name}`,
      problem: 'the texts are encoded as documents',
      expected: '--query'
    })
  }
  if (to !== undefined && resume && existsSync(to) && !existsSync(partialPath(to))) {
    process.stderr.write(`${to} is complete: there is nothing to resume\n`)
    return
  }
  const tally = await interruptible(async signal => {
    if (flags.strict && !inputs.includes('-')) await checkAll(inputs, flags, signal)
    const corpus = await openCorpus(inputs, { ...corpusOptions(flags), signal })
    await using encoder = await SparseEncoder.load(flags.model, {
      ...loadOptions(flags, signal),
      ...sharingOptions(flags, corpus.totalBytes)
    })
    if (to === undefined) return await encodeCorpus(corpus, encoder, undefined, flags, signal)
    const file = await PartialFile.open(to, resume ? 'resume' : 'refuse', recordOf(flags, encoder))
    const encoded = await encodeCorpus(corpus, encoder, file, flags, signal).catch(keepWork(file))
    await file.end()
    if (format === 'npz') {
      await writeNpz(to, () => rowsOf(file), encoder.vocabulary.size)
      await file.remove()
    } else await file.publish()
    return encoded
  })
  process.stderr.write(summaryOf(tally, flags))
  if (tally.numProblems > 0) process.exitCode = EXIT_FAILED
}

/** All that decides the vectors and their order, but the input. */
function recordOf(flags: EncodeFlags, encoder: SparseEncoder): WorkRecord {
  const { format, query = false, queryMode, idf, topTokens, minWeight, pruneMass, shard } = flags
  return {
    model: encoder.fingerprint,
    '--query-model': flags.queryModel,
    precision: encoder.precision,
    pooling: encoder.pooling,
    '--max-tokens': encoder.maxTokens,
    '--query': query,
    '--query-mode': queryMode,
    '--idf': idf,
    '--top-tokens': topTokens,
    '--min-weight': minWeight,
    '--prune-mass': pruneMass,
    '--format': format,
    '--shard': `${shard.index + 1}/${shard.numShards}`
  }
}

/** Reads the whole input for `--strict`, so that a bad record is known before the work begins. */
async function checkAll(inputs: string[], flags: EncodeFlags, signal: AbortSignal): Promise<void> {
  const corpus = await openCorpus(inputs, { ...corpusOptions(flags), signal })
  for await (const _ of documentsOf(rejectDuplicates(corpus), stop));
}

function stop(error: EsplanadeError): never {
  throw error
}

/** What one run did. */
interface Tally extends EncodeProgress {
  readonly numPostings: number
  readonly numBefore: number
  readonly numProblems: number
  readonly maxTokens: number
  readonly seconds: number
}

async function encodeCorpus(
  corpus: Corpus,
  encoder: SparseEncoder,
  file: PartialFile | undefined,
  flags: EncodeFlags,
  signal: AbortSignal
): Promise<Tally> {
  const { format, topTokens, minWeight, pruneMass } = flags
  const queries = await queryOptions(flags, encoder)
  let progressed: EncodeProgress = { done: 0, numTokens: 0, numTruncated: 0 }
  const problems = new ProblemReport()
  const report = (error: EsplanadeError) => {
    if (flags.strict) throw error
    problems.add(error)
  }
  const records = recordsOfShard(rejectDuplicates(corpus), flags.shard)
  const display = showProgress('encoding', 'texts')
  const started = performance.now()
  const options: QueryOptions = {
    signal,
    ...(topTokens !== undefined && { topTokens }),
    ...(minWeight !== undefined && { minWeight }),
    ...(pruneMass !== undefined && { pruneMass }),
    ...queries,
    onProgress: progress => {
      progressed = progress
      display.update(progress.done, corpus.totalBytes && corpus.bytesRead / corpus.totalBytes)
    }
  }
  try {
    const numPostings = await encodeTexts(documentsOf(records, report), {
      encoder,
      asQueries: flags.query ?? false,
      options,
      format: format === 'npz' ? 'jsonl' : format,
      output: file ?? stdoutLines,
      ...(file && { linesBefore: file.linesBefore(), placeBefore: file.path })
    })
    const numBefore = file === undefined ? 0 : file.numLines - progressed.done
    const seconds = (performance.now() - started) / 1000
    return {
      ...progressed,
      numPostings,
      numBefore,
      numProblems: problems.count,
      maxTokens: encoder.maxTokens,
      seconds
    }
  } finally {
    display.stop()
  }
}

/** Says what an interrupted run leaves, and passes on why it was interrupted. */
function keepWork(file: PartialFile): (error: unknown) => Promise<never> {
  return async error => {
    const isKept = await file.abandon()
    // Where the earlier work and the command do not fit together, the same command helps nobody.
    if (isKept && !(error instanceof EsplanadeError && error.code === 'INVALID_ARGUMENT')) {
      process.stderr.write(
        `${file.path} keeps the finished lines; the same command with --resume continues them\n`
      )
    }
    throw error
  }
}

async function* rowsOf(file: PartialFile) {
  for await (const line of file.lines()) {
    const { key, weights } = parseLine('jsonl', line, file.path)
    yield { key, indices: [...weights.keys()] as number[], values: [...weights.values()] }
  }
}

function summaryOf(tally: Tally, { to }: EncodeFlags): string {
  const { done, numBefore, numTokens, numTruncated, numPostings, numProblems, seconds } = tally
  const n = readableCount
  const rate = `${n(done / seconds)} texts/s, ${n(numTokens / seconds)} tokens/s`
  const lines = [
    `${counted(done, 'text')}, ${n(numTokens)} tokens encoded in ${duration(seconds)} (${rate})`,
    done > 0 ? `${(numPostings / done).toFixed(1)} terms a text` : undefined,
    numBefore > 0 ? `${counted(numBefore, 'text')} kept from an earlier run` : undefined,
    numTruncated > 0
      ? `${counted(numTruncated, 'text')} longer than ${tally.maxTokens} tokens, read in part`
      : undefined,
    numProblems > 0 ? `${counted(numProblems, 'record')} skipped` : undefined,
    to === undefined ? undefined : `written to ${to}`
  ]
  return `${lines.filter(line => line !== undefined).join('\n')}\n`
}
