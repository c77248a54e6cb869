import { spawn } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { EsplanadeError } from 'esplanade'
import { type Precision, runtimeVersion } from 'esplanade/encoder'
import { type EncodeFigures, type EncodeSetup, encodeOnce, quantile } from '../bench-encode-once.ts'
import { padEnd } from '../display-width.ts'
import { interruptible } from '../interrupt.ts'
import { atLeast, count, list } from '../options.ts'
import { showProgress } from '../progress.ts'
import { readableBytes, readableCount } from '../readable.ts'
import { terminalOf } from '../terminal.ts'

interface BenchFlags {
  readonly model: string
  readonly corpus?: string
  readonly precision: Precision[]
  readonly workers: number[]
  readonly batchTokens: number[]
  readonly seconds: number
  readonly rounds: number
  readonly json?: boolean
}

/** In the order of the table. */
const PRECISIONS: readonly Precision[] = ['float32', 'mixed', 'int8']

const HELP = `
Each row is measured in a process of its own, one after the other, then all once
more, as often as --rounds says: what disturbs the machine for a while disturbs
all of them. The table has the medians, and the least and the most texts/s.

Without --corpus the texts are our own, of some 75 tokens; with it the first
2,000 of the corpus, and the shortest of these are the queries.

  esplanade bench encode --model org/name --precision mixed --workers 0,2,4`

/** `bench encode`: texts and queries to vectors, in all precisions. */
export function benchEncodeCommand(): Command {
  const numCores = availableParallelism()
  return new Command('encode')
    .description('Measure how fast a model encodes on this machine.')
    .option('--model <model>', 'name or folder of the model, or org/name on the hub', 'splade-tiny')
    .option('--corpus <in>', 'a corpus to measure with (default: texts of our own)')
    .option('--precision <list>', 'what is compared', precisions, [...PRECISIONS])
    .option(
      '--workers <list>',
      'numbers of worker threads; 0: none, the runtime has all cores',
      counts(0),
      numCores > 1 ? [0, numCores] : [0]
    )
    .option('--batch-tokens <list>', 'tokens of a batch', counts(1), [1024])
    .option(
      '--seconds <s>',
      'how long passages are encoded for a row, and queries',
      atLeast(0.1),
      3
    )
    .option('--rounds <n>', 'how often each row is measured', count(1), 3)
    .option('--json', 'one JSON object a row')
    .addHelpText('after', HELP)
    .action(benchEncode)
}

/** What the processes of `bench encode` run. */
export function encodeOnceCommand(): Command {
  return new Command('encode-once').argument('<setup>').action(async (setup: string) => {
    const figures = await encodeOnce(JSON.parse(setup) as EncodeSetup)
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  })
}

function precisions(value: string): Precision[] {
  const names = list(value)
  const unknown = names.find(name => !(PRECISIONS as readonly string[]).includes(name))
  if (unknown === undefined) return names as Precision[]
  throw new InvalidArgumentError(`"${unknown}" is none of ${PRECISIONS.join(', ')}.`)
}

function counts(min: number): (value: string) => number[] {
  return value => list(value).map(count(min))
}

/** A row of the table: a setup and what each round gave. */
interface Row {
  readonly setup: EncodeSetup
  readonly rounds: EncodeFigures[]
}

async function benchEncode(flags: BenchFlags): Promise<void> {
  const setups = setupsOf(flags)
  const rows = await interruptible(signal => measure(setups, flags.rounds, signal))
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    node: process.version,
    runtime: await runtimeVersion()
  }
  if (flags.json) {
    for (const row of rows) process.stdout.write(`${JSON.stringify({ ...jsonOf(row), machine })}\n`)
    return
  }
  const { model, corpus, seconds, rounds } = flags
  process.stdout.write(
    `${model} on ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ONNX Runtime ${machine.runtime}\n` +
      `${corpus ?? 'texts of our own'}, ${rounds} × ${seconds} s a row\n\n${tableOf(rows)}`
  )
}

function setupsOf(flags: BenchFlags): EncodeSetup[] {
  const { model, corpus, precision, workers, batchTokens, seconds } = flags
  return precision.flatMap(one =>
    workers.flatMap(numWorkers =>
      batchTokens.map(maxBatchTokens => ({
        model,
        ...(corpus !== undefined && { corpus }),
        precision: one,
        numWorkers,
        maxBatchTokens,
        seconds
      }))
    )
  )
}

/** Round after round of all rows. One that turns out to be another one in disguise is left out. */
async function measure(
  setups: readonly EncodeSetup[],
  numRounds: number,
  signal: AbortSignal
): Promise<Row[]> {
  let rows: Row[] = setups.map(setup => ({ setup, rounds: [] }))
  const total = numRounds * rows.length
  const display = showProgress('measuring', 'rows')
  try {
    for (let round = 0; round < numRounds; round++) {
      for (const [i, row] of rows.entries()) {
        row.rounds.push(await inOwnProcess(row.setup, signal))
        const done = round * rows.length + i + 1
        display.update(done, done / total)
      }
      if (round === 0) rows = rows.filter((row, i) => rows.findIndex(same(row)) === i)
    }
  } finally {
    display.stop()
  }
  return rows
}

/** Whether another row measures the same: a model that has one precision only gives it thrice. */
function same({ setup, rounds }: Row): (other: Row) => boolean {
  return other =>
    other.rounds[0]!.precision === rounds[0]!.precision &&
    other.setup.numWorkers === setup.numWorkers &&
    other.setup.maxBatchTokens === setup.maxBatchTokens
}

/** A fresh process: its peak memory is its own, and nothing is warm from the row before. */
async function inOwnProcess(setup: EncodeSetup, signal: AbortSignal): Promise<EncodeFigures> {
  const args = [process.argv[1]!, 'bench', 'encode-once', JSON.stringify(setup)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    if (code === 0) return JSON.parse(stdout)
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (signal.aborted) {
    throw new EsplanadeError('ABORTED', {
      problem: 'the measurement was stopped',
      cause: signal.reason
    })
  }
  throw new EsplanadeError('RUNTIME_FAILED', {
    place: `${setup.precision}, ${setup.numWorkers} workers`,
    problem: `the process that measures failed: ${stderr.trim()}`
  })
}

const median = (row: Row, figure: Exclude<keyof EncodeFigures, 'precision'>) =>
  quantile(
    row.rounds.map(round => round[figure]),
    0.5
  )

function jsonOf(row: Row): object {
  const { model, corpus, numWorkers, maxBatchTokens, seconds } = row.setup
  const textsPerS = row.rounds.map(round => round.textsPerS)
  const digits = (value: number) => Number(value.toPrecision(6))
  return {
    model,
    ...(corpus !== undefined && { corpus }),
    precision: row.rounds[0]!.precision,
    numWorkers,
    maxBatchTokens,
    seconds,
    numRounds: row.rounds.length,
    textsPerS: digits(median(row, 'textsPerS')),
    minTextsPerS: digits(Math.min(...textsPerS)),
    maxTextsPerS: digits(Math.max(...textsPerS)),
    tokensPerS: digits(median(row, 'tokensPerS')),
    queryMsP50: digits(median(row, 'queryMsP50')),
    queryMsP99: digits(median(row, 'queryMsP99')),
    loadMs: digits(median(row, 'loadMs')),
    peakBytes: median(row, 'peakBytes')
  }
}

const HEAD = [
  'precision',
  'workers',
  'batch',
  'texts/s',
  'least–most',
  'tokens/s',
  'query ms',
  'p99',
  'load ms',
  'memory'
]

/** A line a row; the fastest one is marked. */
function tableOf(rows: readonly Row[]): string {
  const { paint } = terminalOf(process.stdout)
  const fastest = rows.reduce((a, b) => (median(b, 'textsPerS') > median(a, 'textsPerS') ? b : a))
  const cells = rows.map(row => {
    const texts = row.rounds.map(round => round.textsPerS)
    return [
      row.rounds[0]!.precision,
      row.setup.numWorkers === 0 ? 'none' : String(row.setup.numWorkers),
      readableCount(row.setup.maxBatchTokens),
      readableCount(median(row, 'textsPerS')),
      `${readableCount(Math.min(...texts))}–${readableCount(Math.max(...texts))}`,
      readableCount(median(row, 'tokensPerS')),
      median(row, 'queryMsP50').toFixed(2),
      median(row, 'queryMsP99').toFixed(2),
      readableCount(median(row, 'loadMs')),
      readableBytes(median(row, 'peakBytes'))
    ]
  })
  const widths = HEAD.map((name, i) => Math.max(name.length, ...cells.map(row => row[i]!.length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? padEnd(cell, widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
  const lines = cells.map((row, i) =>
    rows[i] === fastest ? paint(`→ ${line(row)}`, 'bold') : `  ${line(row)}`
  )
  return `${[`  ${line(HEAD)}`, ...lines].join('\n')}\n`
}
