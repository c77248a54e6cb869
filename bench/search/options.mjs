import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

export const HELP = `npm run bench -- search [options]
How long exact and approximate search take, one query at a time on one thread, beside other engines
on the same vectors in the same run. Every side runs in fresh processes, in turn; nothing is timed
before its hits are those of the exhaustive search.

  --docs N            documents: 30000, 100000, 1000000 or another number (default: 30000)
  --queries KIND      short, long or ed (default: short)
  --k K               hits wanted (default: 10)
  --strategy NAME     auto, exhaustive, windowed, max-score or block-max; may be given several times
                      (default: auto and windowed)
  --approximate       also tries approximate settings, and marks the fastest that reaches --overlap
  --overlap X         part of the true hits that an approximate setting must find (default: 0.975)
  --precision P       float32 or float16 (default: float32)
  --no-reorder        leaves the documents in the order in which they were added
  --threads N         also times searchMany on N threads, as queries a second
  --rounds R          rounds, each in fresh processes (default: 3)
  --zvec-docs N       documents that zvec gets, which is slow; 0 leaves it out (default: 20000)
  --peers DIR         also times the engines of DIR/search_peers.py
  --engine NAME       one of these: numba, seismic or bmp; may be given several times (default: all)
  --peer-python PATH  the Python that runs them (default: python3)
  --peer-rounds R     rounds in which the peers run, too (default: 1)
  --rebuild           builds our index even where one is kept from an earlier run
  --tiny              small made-up vectors, to see that the benchmark works
  --json              one JSON object a row instead of tables
  --store             keeps the rows in bench/results/search.jsonl and writes docs/benchmarks.md
  --render            measures nothing: writes docs/benchmarks.md from the rows that are kept
`

const STRATEGIES = ['auto', 'exhaustive', 'windowed', 'max-score', 'block-max']
const ENGINES = ['numba', 'seismic', 'bmp']

/** An option that makes no sense. */
export class UsageError extends Error {}

/**
 * @param {string[]} args
 * @throws {UsageError}
 */
export function optionsOf(args) {
  const values = parsed(args)
  const options = {
    numDocuments: countOf(values, 'docs', 1),
    queries: oneOf(values, 'queries', ['short', 'long', 'ed']),
    k: countOf(values, 'k', 1),
    strategies: eachOf(values, 'strategy', STRATEGIES),
    approximate: values.approximate,
    overlap: partOf(values, 'overlap'),
    precision: oneOf(values, 'precision', ['float32', 'float16']),
    reorder: !values['no-reorder'],
    threads: values.threads === undefined ? undefined : countOf(values, 'threads', 1),
    rounds: countOf(values, 'rounds', 1),
    numZvecDocuments: countOf(values, 'zvec-docs', 0),
    peers: values.peers,
    engines: eachOf(values, 'engine', ENGINES),
    peerPython: values['peer-python'],
    peerRounds: countOf(values, 'peer-rounds', 1),
    rebuild: values.rebuild,
    tiny: values.tiny,
    json: values.json,
    store: values.store,
    render: values.render,
    help: values.help
  }
  if (options.tiny && options.store) {
    throw new UsageError('--store keeps figures of real vectors only, not those of --tiny')
  }
  if (options.peers !== undefined && !existsSync(join(options.peers, 'search_peers.py'))) {
    throw new UsageError(`--peers ${options.peers}: expected a folder with search_peers.py`)
  }
  return options
}

/** @typedef {ReturnType<typeof optionsOf>} Options */

/**
 * The command that measures the same again. Places of one machine are left open.
 *
 * @param {Options} options
 */
export function commandOf(options) {
  const { numDocuments, queries, k, strategies, overlap, precision, rounds, peerRounds } = options
  const isUsual = String(strategies) === 'auto,windowed'
  const isAllEngines = String(options.engines) === String(ENGINES)
  const parts = [
    `npm run bench -- search --docs ${numDocuments} --queries ${queries} --k ${k}`,
    ...(isUsual ? [] : strategies.map(name => `--strategy ${name}`)),
    options.approximate && `--approximate --overlap ${overlap}`,
    precision !== 'float32' && `--precision ${precision}`,
    !options.reorder && '--no-reorder',
    options.threads !== undefined && `--threads ${options.threads}`,
    rounds !== 3 && `--rounds ${rounds}`,
    options.numZvecDocuments !== 20_000 && `--zvec-docs ${options.numZvecDocuments}`,
    options.peers !== undefined && '--peers DIR --peer-python PYTHON',
    ...(isAllEngines ? [] : options.engines.map(name => `--engine ${name}`)),
    peerRounds !== 1 && `--peer-rounds ${peerRounds}`,
    '--store'
  ]
  return parts.filter(part => typeof part === 'string').join(' ')
}

function parsed(args) {
  const text = fallback => ({ type: /** @type {const} */ ('string'), default: fallback })
  const flag = { type: /** @type {const} */ ('boolean'), default: false }
  const several = names => ({
    type: /** @type {const} */ ('string'),
    multiple: /** @type {const} */ (true),
    default: names
  })
  try {
    return parseArgs({
      args,
      options: {
        docs: text('30000'),
        queries: text('short'),
        k: text('10'),
        strategy: several(['auto', 'windowed']),
        approximate: flag,
        overlap: text('0.975'),
        precision: text('float32'),
        'no-reorder': flag,
        threads: { type: 'string' },
        rounds: text('3'),
        'zvec-docs': text('20000'),
        peers: { type: 'string' },
        engine: several(ENGINES),
        'peer-python': text('python3'),
        'peer-rounds': text('1'),
        rebuild: flag,
        tiny: flag,
        json: flag,
        store: flag,
        render: flag,
        help: flag
      }
    }).values
  } catch (error) {
    throw new UsageError(error.message)
  }
}

function countOf(values, option, least) {
  const number = Number(values[option])
  if (values[option] !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new UsageError(`--${option} ${values[option]}: expected a whole number from ${least}`)
}

function partOf(values, option) {
  const number = Number(values[option])
  if (number > 0 && number <= 1) return number
  throw new UsageError(`--${option} ${values[option]}: expected a number above 0, at most 1`)
}

function oneOf(values, option, names) {
  if (names.includes(values[option])) return values[option]
  throw new UsageError(`--${option} ${values[option]}: expected ${names.join(' or ')}`)
}

function eachOf(values, option, names) {
  for (const name of values[option]) {
    if (!names.includes(name)) {
      throw new UsageError(`--${option} ${name}: expected one of ${names.join(', ')}`)
    }
  }
  return [...new Set(values[option])]
}
