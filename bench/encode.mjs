/**
 * How fast texts become vectors, in all precisions: passages and tokens a second, peak memory, and
 * the time of one query. Each round of each is a process of its own, and they take turns. With
 * `--peer PYTHON` sentence-transformers and a plain run of ONNX Runtime encode the same texts.
 *
 * Nothing is timed before the vectors agree with the reference outputs in `test/golden`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkAgreement } from './encode/agreement.mjs'
import { corpusOf } from './encode/corpus.mjs'
import { SHAPES, writeShape } from './encode/shape.mjs'
import { spreadOf } from './encode/spread.mjs'

const PRECISIONS = ['float32', 'mixed', 'int8']
const HELP = `npm run bench -- encode [options]
  --texts N          texts of a round (default: 2000)
  --rounds R         rounds of each, every one in a fresh process (default: 5)
  --precision LIST   what is measured (default: ${PRECISIONS.join()})
  --shape SHAPE      a model with random weights in place of splade-tiny:
                     ${Object.keys(SHAPES).join(', ')}
  --join N           so many passages make one text (default: 1)
  --max-tokens N     tokens of a text that are read (default: 256)
  --batch-tokens N   tokens of a batch (default: the library's)
  --workers N        worker threads (default: 0, all in one)
  --peer PYTHON      take turns with sentence-transformers and ONNX Runtime, run
                     by this Python
  --json             one JSON object instead of tables
`
const root = fileURLToPath(new URL('..', import.meta.url))
const peerScript = join(root, '..', 'shared', 'peers', 'encode_peer.py')

try {
  await main()
} catch (error) {
  say(error.message)
  process.exitCode = 1
}

async function main() {
  const count = { type: 'string' }
  const { values } = parseArgs({
    options: {
      texts: { ...count, default: '2000' },
      rounds: { ...count, default: '5' },
      precision: { type: 'string', default: PRECISIONS.join() },
      shape: { type: 'string' },
      join: { ...count, default: '1' },
      'max-tokens': { ...count, default: '256' },
      'batch-tokens': count,
      workers: count,
      peer: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-'))
  try {
    const report = await measure(folder, planOf(values, folder))
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is measured. */
function planOf(values, folder) {
  const { shape, peer } = values
  const precisions = values.precision.split(',')
  const unknown = precisions.find(precision => !PRECISIONS.includes(precision))
  if (unknown !== undefined) throw new Error(`--precision ${unknown}: expected ${PRECISIONS}`)
  if (shape !== undefined && SHAPES[shape] === undefined) {
    throw new Error(`--shape ${shape}: expected ${Object.keys(SHAPES).join(' or ')}`)
  }
  const load = {
    maxTokens: countOf(values, 'max-tokens'),
    ...(values['batch-tokens'] && { maxBatchTokens: countOf(values, 'batch-tokens') }),
    ...(values.workers && { numWorkers: countOf(values, 'workers') })
  }
  return {
    ...{ precisions, load, python: peer, shape: shape ?? 'splade-tiny' },
    model: shape === undefined ? join(root, 'models/splade-tiny') : writeShape(shape, folder),
    numTexts: countOf(values, 'texts'),
    numRounds: countOf(values, 'rounds'),
    numJoined: countOf(values, 'join')
  }
}

/**
 * @param {string} folder for what the rounds read
 * @param {ReturnType<typeof planOf>} plan
 */
async function measure(folder, plan) {
  const { precisions, load, shape, numTexts, numRounds } = plan
  const agreement = {}
  for (const precision of precisions) agreement[precision] = await checkAgreement(precision)
  const corpus = corpusOf(numTexts, folder, plan.numJoined)
  const sides = sidesOf(plan, corpus.path)
  const runs = Object.fromEntries(Object.keys(sides).map(name => [name, []]))
  for (let round = 1; round <= numRounds; round++) {
    for (const [name, run] of Object.entries(sides)) {
      const result = run()
      runs[name].push(result)
      say(`round ${round}: ${name.padEnd(24)} ${result.textsPerS.toFixed(1)} texts/s`)
    }
  }
  const first = runs[precisions[0]][0]
  const base = runs['sentence-transformers'] ?? runs[precisions[0]]
  const { numTokens, termsPerText } = first
  return {
    machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version },
    corpus: { name: corpus.name, numTexts: first.numTexts, numTokens, termsPerText },
    ...{ model: shape, load, agreement },
    base: runs['sentence-transformers'] ? 'sentence-transformers' : precisions[0],
    figures: Object.fromEntries(
      Object.entries(runs).map(([name, all]) => [
        name,
        figuresOf(all, base, numTokens / first.numTexts)
      ])
    )
  }
}

/** Who takes turns, by name. */
function sidesOf({ precisions, load, model, numTexts, python }, path) {
  const round = join(root, 'bench/encode/round.mjs')
  const ours = precisions.map(precision => {
    const options = JSON.stringify({ path, numTexts, model, load: { ...load, precision } })
    return [precision, () => runJson(process.execPath, [round, options])]
  })
  if (python === undefined) return Object.fromEntries(ours)
  const args = [model, path, String(numTexts)]
  const onnx = join(root, 'bench/encode/onnx_peer.py')
  return {
    ...Object.fromEntries(ours),
    'ONNX Runtime, all logits': () => runJson(python, [onnx, ...args, String(load.maxTokens)]),
    // It reads 256 tokens of a text.
    ...(load.maxTokens === 256 && {
      'sentence-transformers': () => runJson(python, [peerScript, ...args])
    })
  }
}

function figuresOf(runs, base, tokensPerText) {
  const spread = field => spreadOf(runs.map(run => run[field]))
  return {
    textsPerS: spread('textsPerS'),
    tokensPerS: spreadOf(runs.map(run => run.textsPerS * tokensPerText)),
    queryMsP50: spread('queryMsP50'),
    ...(runs[0].peakRssMiB && { peakRssMiB: spread('peakRssMiB') }),
    // Neighbours in time share the machine's mood, so ratios are taken round by round.
    timesFaster: spreadOf(runs.map((run, i) => run.textsPerS / base[i].textsPerS)),
    timesFasterQuery: spreadOf(runs.map((run, i) => base[i].queryMsP50 / run.queryMsP50))
  }
}

/**
 * @param {Record<string, unknown>} values
 * @param {'texts' | 'rounds'} option
 */
function countOf(values, option) {
  const number = Number(values[option])
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${option} ${values[option]}: expected a whole number from 1`)
}

/** Runs a program and parses the last line that it prints. */
function runJson(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1))
  throw new Error(`${program} ${args[0]} failed: ${error?.message ?? stderr}`)
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function render({ machine, corpus, model, load, agreement, base, figures }) {
  const { name, numTexts, numTokens, termsPerText } = corpus
  const cell = (spread, digits) =>
    spread === undefined
      ? ''.padStart(22)
      : `${spread.median.toFixed(digits)} (${spread.min.toFixed(digits)}-${spread.max.toFixed(digits)})`.padStart(
          22
        )
  const agreements = Object.entries(agreement).map(
    ([precision, { maxDifference }]) => `${precision} ${maxDifference.toExponential(1)}`
  )
  const workers = load.numWorkers ? `, ${load.numWorkers} workers` : ''
  return `${[
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    `${model}: ${numTexts} texts of ${name}, ${(numTokens / numTexts).toFixed(0)} tokens and ${termsPerText.toFixed(0)} terms each${workers}`,
    `largest difference from the reference: ${agreements.join(', ')}`,
    `median (least-most) of the rounds; "times" is against ${base}`,
    '',
    ['', 'texts/s', 'tokens/s', 'times', 'query ms p50', 'query times', 'peak RSS MiB']
      .map((title, i) => (i === 0 ? title.padEnd(26) : title.padStart(22)))
      .join(''),
    ...Object.entries(figures).map(([side, row]) =>
      [
        side.padEnd(26),
        cell(row.textsPerS, 1),
        cell(row.tokensPerS, 0),
        cell(row.timesFaster, 2),
        cell(row.queryMsP50, 2),
        cell(row.timesFasterQuery, 2),
        cell(row.peakRssMiB, 0)
      ].join('')
    )
  ].join('\n')}\n`
}
