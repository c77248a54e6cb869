/**
 * `npm run bench -- quality`: retrieval quality of the shipped model, of BM25, of both in one vector, of
 * a dense model, and of these fused, on BEIR collections, from the command line's own `index`, `run` and
 * `eval`, against figures of an independent reference (the same weights in Python, 256 tokens, title +
 * space + text; bm25s with Lucene's variant, k1 1.2, b 0.75, Snowball's stemmer). Exits with 1 where one
 * is off.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: cranfield, scifact, msmarco-pool (default: all)
 *   --modes A,B           of: sparse, bm25, combined, dense, hybrid, rrf, sparse+bm25, sparse+dense,
 *                         sparse+dense-rrf (default: all)
 *   --dense-model PATH    default: the one in models/, all-MiniLM-L6-v2 of 8-bit weights; it encodes some
 *                         80 passages a second, and is not asked where no mode has a dense list
 *   --json                one object a row
 *
 * The collections are not part of the project; their licences do not allow it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cli = join(root, 'dist/cli/main.js')

/** How far a figure may be from the reference's. */
const TOLERANCE = 0.002

/** The same for dense vectors, whose 8-bit activations differ a little from one runtime to another. */
const DENSE_TOLERANCE = 0.003

/** No command takes longer; one that hangs is ended. */
const TIMEOUT_MS = 60 * 60_000

/** What the rows are, as options of `run`. */
const MODES = {
  sparse: ['--mode', 'sparse'],
  bm25: ['--mode', 'bm25'],
  combined: ['--mode', 'combined'],
  dense: ['--mode', 'dense'],
  hybrid: ['--mode', 'hybrid'],
  rrf: ['--mode', 'hybrid', '--fusion', 'rrf'],
  'sparse+bm25': ['--mode', 'hybrid', '--weights', 'dense=0'],
  'sparse+dense': ['--mode', 'hybrid', '--weights', 'bm25=0'],
  'sparse+dense-rrf': ['--mode', 'hybrid', '--fusion', 'rrf', '--weights', 'bm25=0']
}

/** Modes that need no dense model. */
const WITHOUT_DENSE = ['sparse', 'bm25', 'combined', 'sparse+bm25']

/** Judgements of each collection, with the reference's figures for them. */
const EXPECTED = {
  cranfield: {
    test: {
      sparse: { 'nDCG@10': 0.3761 },
      bm25: { 'nDCG@10': 0.3758 },
      combined: { 'nDCG@10': 0.3935 },
      dense: { 'nDCG@10': 0.3987 },
      hybrid: { 'nDCG@10': 0.4372 },
      rrf: { 'nDCG@10': 0.4266 },
      'sparse+bm25': { 'nDCG@10': 0.3988 },
      'sparse+dense': { 'nDCG@10': 0.4191 },
      'sparse+dense-rrf': { 'nDCG@10': 0.4182 }
    }
  },
  scifact: {
    test: {
      sparse: { 'nDCG@10': 0.6436, 'RR@10': 0.616, 'R@100': 0.893 },
      bm25: { 'nDCG@10': 0.6791 },
      combined: { 'nDCG@10': 0.694 },
      dense: { 'nDCG@10': 0.6468 },
      hybrid: { 'nDCG@10': 0.734 },
      rrf: { 'nDCG@10': 0.713 },
      'sparse+bm25': { 'nDCG@10': 0.7089 },
      'sparse+dense': { 'nDCG@10': 0.7005 },
      'sparse+dense-rrf': { 'nDCG@10': 0.6891 }
    }
  },
  'msmarco-pool': {
    'dl19-pool': {
      sparse: { 'nDCG@10': 0.6384 },
      bm25: { 'nDCG@10': 0.4349 },
      combined: { 'nDCG@10': 0.6755 },
      dense: { 'nDCG@10': 0.6421 },
      hybrid: { 'nDCG@10': 0.6892 },
      rrf: { 'nDCG@10': 0.6783 },
      'sparse+bm25': { 'nDCG@10': 0.6507 },
      'sparse+dense': { 'nDCG@10': 0.6941 },
      'sparse+dense-rrf': { 'nDCG@10': 0.6809 }
    },
    'dl20-pool': {
      sparse: { 'nDCG@10': 0.6493 },
      bm25: { 'nDCG@10': 0.4634 },
      combined: { 'nDCG@10': 0.642 },
      dense: { 'nDCG@10': 0.6675 },
      hybrid: { 'nDCG@10': 0.6921 },
      rrf: { 'nDCG@10': 0.6923 },
      'sparse+bm25': { 'nDCG@10': 0.6157 },
      'sparse+dense': { 'nDCG@10': 0.7012 },
      'sparse+dense-rrf': { 'nDCG@10': 0.7023 }
    }
  }
}

/** @param {string[]} args */
function esplanade(...args) {
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args], {
    timeout: TIMEOUT_MS,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit']
  })
  if (status !== 0) process.exit(status ?? 1)
  return stdout
}

/**
 * @param {string} folder a BEIR collection
 * @param {Record<string, Record<string, Record<string, number>>>} judgements by qrels and mode
 * @param {string[]} modes
 * @param {string} denseModel
 */
function* measure(folder, judgements, modes, denseModel) {
  const work = mkdtempSync(join(tmpdir(), 'esplanade-quality-'))
  try {
    const collection = join(work, 'collection')
    const run = join(work, 'run.trec')
    const topics = join(folder, 'queries.jsonl')
    const hasDense = modes.some(mode => !WITHOUT_DENSE.includes(mode))
    const dense = hasDense ? ['--dense-model', denseModel] : []
    esplanade('index', folder, '--to', collection, '--lexical', ...dense)
    for (const mode of modes) {
      esplanade('run', collection, topics, ...MODES[mode], '--k', '1000', '--to', run)
      for (const [qrels, expected] of Object.entries(judgements)) {
        const file = join(folder, 'qrels', `${qrels}.tsv`)
        const metrics = 'nDCG@10 RR@10 R@100'
        const found = esplanade('eval', run, '--qrels', file, '--metrics', metrics, '--json')
        yield { mode, qrels, expected: expected[mode], found: JSON.parse(found) }
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(root, '../shared/data/beir') },
    collections: { type: 'string', default: Object.keys(EXPECTED).join() },
    modes: { type: 'string', default: Object.keys(MODES).join() },
    'dense-model': {
      type: 'string',
      default: join(root, 'models/all-MiniLM-L6-v2/model_int8.onnx')
    },
    json: { type: 'boolean', default: false }
  }
})

let allAgree = true
for (const collection of values.collections.split(',')) {
  const folder = resolve(values.data, collection)
  if (!(collection in EXPECTED) || !existsSync(folder)) {
    process.stderr.write(`no collection ${collection} in ${values.data}\n`)
    process.exit(2)
  }
  const modes = values.modes.split(',')
  const unknown = modes.find(mode => !(mode in MODES))
  if (unknown !== undefined) {
    process.stderr.write(`no mode ${unknown}; there are ${Object.keys(MODES).join(', ')}\n`)
    process.exit(2)
  }
  const rows = measure(folder, EXPECTED[collection], modes, values['dense-model'])
  for (const { mode, qrels, expected, found } of rows) {
    const tolerance = WITHOUT_DENSE.includes(mode) ? TOLERANCE : DENSE_TOLERANCE
    const off = Object.keys(expected).filter(
      name => Math.abs(found[name] - expected[name]) > tolerance
    )
    allAgree &&= off.length === 0
    const name = qrels === 'test' ? collection : qrels
    if (values.json) {
      process.stdout.write(
        `${JSON.stringify({ collection: name, mode, found, expected, agrees: off.length === 0 })}\n`
      )
      continue
    }
    const figures = Object.entries(found).map(([metric, value]) => {
      const reference = expected[metric]
      const beside = reference === undefined ? '' : ` (${reference.toFixed(4)})`
      return `${metric} ${value.toFixed(4)}${beside}`.padEnd(26)
    })
    const verdict = off.length === 0 ? 'agrees' : `OFF: ${off.join(', ')}`
    process.stdout.write(`${name.padEnd(10)} ${mode.padEnd(16)} ${figures.join(' ')} ${verdict}\n`)
  }
}
if (!allAgree) process.exitCode = 1
