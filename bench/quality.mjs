/**
 * `npm run bench -- quality`: retrieval quality of the shipped model, of BM25 and of both in one vector
 * on BEIR collections, from the command line's own `index`, `run` and `eval`, against figures of an
 * independent reference (the same weights in Python, 256 tokens, title + space + text; bm25s with
 * Lucene's variant, k1 1.2, b 0.75, Snowball's stemmer). Exits with 1 where one is off.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: cranfield, scifact, msmarco-pool (default: all)
 *   --modes A,B           of: sparse, bm25, combined (default: all)
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

/** No command takes longer; one that hangs is ended. */
const TIMEOUT_MS = 15 * 60_000

/** Judgements of each collection, with the reference's figures for them. */
const EXPECTED = {
  cranfield: {
    test: {
      sparse: { 'nDCG@10': 0.3761 },
      bm25: { 'nDCG@10': 0.3758 },
      combined: { 'nDCG@10': 0.3935 }
    }
  },
  scifact: {
    test: {
      sparse: { 'nDCG@10': 0.6436, 'RR@10': 0.616, 'R@100': 0.893 },
      bm25: { 'nDCG@10': 0.6791 },
      combined: { 'nDCG@10': 0.694 }
    }
  },
  'msmarco-pool': {
    'dl19-pool': {
      sparse: { 'nDCG@10': 0.6384 },
      bm25: { 'nDCG@10': 0.4349 },
      combined: { 'nDCG@10': 0.6755 }
    },
    'dl20-pool': {
      sparse: { 'nDCG@10': 0.6493 },
      bm25: { 'nDCG@10': 0.4634 },
      combined: { 'nDCG@10': 0.642 }
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
 */
function* measure(folder, judgements, modes) {
  const work = mkdtempSync(join(tmpdir(), 'esplanade-quality-'))
  try {
    const collection = join(work, 'collection')
    const run = join(work, 'run.trec')
    const topics = join(folder, 'queries.jsonl')
    esplanade('index', folder, '--to', collection, '--lexical')
    for (const mode of modes) {
      esplanade('run', collection, topics, '--mode', mode, '--k', '1000', '--to', run)
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
    modes: { type: 'string', default: 'sparse,bm25,combined' },
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
  for (const { mode, qrels, expected, found } of measure(folder, EXPECTED[collection], modes)) {
    const off = Object.keys(expected).filter(
      name => Math.abs(found[name] - expected[name]) > TOLERANCE
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
    process.stdout.write(`${name.padEnd(10)} ${mode.padEnd(9)} ${figures.join(' ')} ${verdict}\n`)
  }
}
if (!allAgree) process.exitCode = 1
