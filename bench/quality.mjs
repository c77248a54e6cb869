/**
 * `npm run bench -- quality`: retrieval quality of the shipped model on BEIR collections, from the
 * command line's own `index`, `run` and `eval`, against figures of an independent reference (the
 * same weights in Python, 256 tokens, title + space + text). Exits with 1 where one is off.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: cranfield, scifact, msmarco-pool (default: all)
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
  cranfield: { test: { 'nDCG@10': 0.3761 } },
  scifact: { test: { 'nDCG@10': 0.6436, 'RR@10': 0.616, 'R@100': 0.893 } },
  'msmarco-pool': { 'dl19-pool': { 'nDCG@10': 0.638 }, 'dl20-pool': { 'nDCG@10': 0.649 } }
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
 * @param {Record<string, Record<string, number>>} judgements
 */
function* measure(folder, judgements) {
  const work = mkdtempSync(join(tmpdir(), 'esplanade-quality-'))
  try {
    const collection = join(work, 'collection')
    const run = join(work, 'run.trec')
    esplanade('index', folder, '--to', collection)
    esplanade('run', collection, join(folder, 'queries.jsonl'), '--k', '1000', '--to', run)
    for (const [qrels, expected] of Object.entries(judgements)) {
      const found = JSON.parse(
        esplanade(
          'eval',
          run,
          '--qrels',
          join(folder, 'qrels', `${qrels}.tsv`),
          '--metrics',
          'nDCG@10 RR@10 R@100',
          '--json'
        )
      )
      yield { qrels, expected, found }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: join(root, '../shared/data/beir') },
    collections: { type: 'string', default: Object.keys(EXPECTED).join() },
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
  for (const { qrels, expected, found } of measure(folder, EXPECTED[collection])) {
    const off = Object.keys(expected).filter(
      name => Math.abs(found[name] - expected[name]) > TOLERANCE
    )
    allAgree &&= off.length === 0
    const name = qrels === 'test' ? collection : qrels
    if (values.json) {
      process.stdout.write(
        `${JSON.stringify({ collection: name, found, expected, agrees: off.length === 0 })}\n`
      )
      continue
    }
    const figures = Object.entries(found).map(([metric, value]) => {
      const reference = expected[metric]
      const beside = reference === undefined ? '' : ` (${reference.toFixed(4)})`
      return `${metric} ${value.toFixed(4)}${beside}`.padEnd(26)
    })
    const verdict = off.length === 0 ? 'agrees' : `OFF: ${off.join(', ')}`
    process.stdout.write(`${name.padEnd(14)} ${figures.join(' ')} ${verdict}\n`)
  }
}
if (!allAgree) process.exitCode = 1
