/**
 * How fast texts become vectors: passages and tokens a second, peak memory, and the time of one
 * query, each round in a process of its own. With `--peer PYTHON` sentence-transformers encodes the
 * same texts, a round of theirs after each of ours.
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
import { spreadOf } from './encode/spread.mjs'

const HELP = `npm run bench -- encode [options]
  --texts N      texts of a round (default: 2000)
  --rounds R     rounds, each in a fresh process (default: 5)
  --peer PYTHON  alternate with sentence-transformers, run by this Python
  --json         one JSON object instead of tables
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
  const { values } = parseArgs({
    options: {
      texts: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '5' },
      peer: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const [numTexts, numRounds] = [countOf(values, 'texts'), countOf(values, 'rounds')]
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-bench-'))
  try {
    const report = await measure(folder, numTexts, numRounds, values.peer)
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * @param {string} folder for what the rounds read
 * @param {number} numTexts
 * @param {number} numRounds
 * @param {string | undefined} python that runs the peer
 */
async function measure(folder, numTexts, numRounds, python) {
  const agreement = await checkAgreement()
  const corpus = corpusOf(numTexts, folder)
  const ours = []
  const peers = []
  for (let round = 1; round <= numRounds; round++) {
    ours.push(runOurs(corpus.path, numTexts))
    say(`round ${round}: ${ours.at(-1).textsPerS.toFixed(1)} texts/s`)
    if (python === undefined) continue
    peers.push(runPeer(python, corpus.path, numTexts))
    say(`         ${peers.at(-1).textsPerS.toFixed(1)} texts/s by the peer`)
  }
  const { numTokens } = ours[0]
  const spread = (runs, field) => spreadOf(runs.map(run => run[field]))
  return {
    machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version },
    corpus: { name: corpus.name, numTexts: ours[0].numTexts, numTokens },
    agreement,
    textsPerS: spread(ours, 'textsPerS'),
    tokensPerS: spread(ours, 'tokensPerS'),
    peakRssMiB: spread(ours, 'peakRssMiB'),
    queryMsP50: spread(ours, 'queryMsP50'),
    queryMsP90: spread(ours, 'queryMsP90'),
    ...(peers.length > 0 && {
      peer: {
        name: peers[0].peer,
        textsPerS: spread(peers, 'textsPerS'),
        queryMsP50: spread(peers, 'queryMsP50'),
        // Neighbours in time share the machine's mood, so the ratio is taken pair by pair.
        timesFaster: spreadOf(ours.map((run, i) => run.textsPerS / peers[i].textsPerS)),
        timesFasterQuery: spreadOf(ours.map((run, i) => peers[i].queryMsP50 / run.queryMsP50))
      }
    })
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

function runOurs(path, numTexts) {
  return runJson(process.execPath, [join(root, 'bench/encode/round.mjs'), path, String(numTexts)])
}

function runPeer(python, path, numTexts) {
  return runJson(python, [peerScript, join(root, 'models/splade-tiny'), path, String(numTexts)])
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

function render({ machine, corpus, agreement, peer, ...figures }) {
  const { name, numTexts, numTokens } = corpus
  const perText = (numTokens / numTexts).toFixed(0)
  const row = (label, { min, median, max }, digits) =>
    [label.padEnd(34), ...[min, median, max].map(x => x.toFixed(digits).padStart(10))].join('')
  return `${[
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    `${numTexts} texts of ${name}, ${perText} tokens each, float32`,
    `${agreement.numTexts} reference texts agree within ${agreement.maxDifference.toExponential(1)}`,
    '',
    `${' '.repeat(34)}${['min', 'median', 'max'].map(word => word.padStart(10)).join('')}`,
    row('texts/s', figures.textsPerS, 1),
    row('tokens/s', figures.tokensPerS, 0),
    row('peak RSS, MiB', figures.peakRssMiB, 0),
    row('one query, ms, p50', figures.queryMsP50, 2),
    row('one query, ms, p90', figures.queryMsP90, 2),
    ...(peer === undefined
      ? []
      : [
          row(`${peer.name} texts/s`, peer.textsPerS, 1),
          row(`${peer.name} query p50`, peer.queryMsP50, 2),
          row('times faster, texts', peer.timesFaster, 2),
          row('times faster, one query', peer.timesFasterQuery, 2)
        ])
  ].join('\n')}\n`
}
