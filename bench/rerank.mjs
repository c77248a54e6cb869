/**
 * `npm run bench -- rerank`: when a second stage pays: nDCG@10 on BEIR collections without one, with dense
 * vectors and with MaxSim over the token vectors of the same dense model, each after two first stages;
 * and how long each stage of a query takes. Exits with 1 where a figure is off that of an independent
 * reference. Nothing is tuned to these collections: there are no parameters.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: scifact, cranfield, msmarco-pool (default: all)
 *   --seconds A,B         of: none, dense, MaxSim (default: all; MaxSim encodes every candidate)
 *   --depth N             hits that are reranked (default: 100)
 *   --timed N             queries that are timed, of the last collection (default: 5; 0: none)
 *   --passes N            how often each is timed; the least counts (default: 3)
 *   --json                one object a row
 *   --store               write the tables of docs/rerank.md
 *
 * Vectors of documents are encoded once and kept in `.cache/bench-judged`, as is MaxSim of each pair.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { open } from 'esplanade'
import { DenseEncoder } from 'esplanade/encoder'
import { ColbertEncoder, denseReranker, maxSimReranker } from 'esplanade/rerank'
import { DATA, JUDGEMENTS, judgedCollection, ndcgOf } from './judged/collections.mjs'
import { maxSimOfPairs } from './judged/max-sim-pairs.mjs'
import { storeTables, textOf } from './judged/page.mjs'
import { DENSE_MODEL, denseDocuments } from './pareto/vectors.mjs'
import { rowOf } from './search/csr.mjs'

const MODES = ['sparse', 'combined']

/** The same weights in Python, MaxSim by numpy: nDCG@10 by first and second stage. */
const EXPECTED = {
  sparse: {
    none: { SciFact: 0.6436, Cranfield: 0.3761, 'DL19-pool': 0.6384, 'DL20-pool': 0.6493 },
    dense: { SciFact: 0.6564, Cranfield: 0.4057, 'DL19-pool': 0.6451, 'DL20-pool': 0.6836 },
    MaxSim: { SciFact: 0.7031, Cranfield: 0.4024 }
  },
  combined: {
    none: { SciFact: 0.694, Cranfield: 0.3935, 'DL19-pool': 0.6755, 'DL20-pool': 0.642 },
    dense: { SciFact: 0.6545, Cranfield: 0.4071 },
    MaxSim: { SciFact: 0.7041, Cranfield: 0.4023 }
  }
}

/** How far a figure may be from the reference's. */
const TOLERANCE = 0.003

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: DATA },
    collections: { type: 'string', default: Object.keys(JUDGEMENTS).join() },
    seconds: { type: 'string', default: 'none,dense,MaxSim' },
    depth: { type: 'string', default: '100' },
    timed: { type: 'string', default: '5' },
    passes: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    store: { type: 'boolean', default: false }
  }
})
const [depth, numTimed, numPasses] = [options.depth, options.timed, options.passes].map(Number)

const rows = MODES.flatMap(mode =>
  options.seconds.split(',').map(second => ({ mode, second, ndcg: {} }))
)
let times = []
const names = options.collections.split(',')
for (const name of names) {
  const judged = await judgedCollection(options.data, name)
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-rerank-'))
  try {
    await withCollection(judged, join(folder, 'collection'), async collection => {
      await measureQuality(judged, collection)
      if (name === names.at(-1) && numTimed > 0) times = await measureTimes(judged, collection)
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function withCollection(judged, directory, use) {
  const { name, keys, texts, documents } = judged
  const dense = await denseDocuments(judged)
  process.stderr.write(`${name}: indexing\n`)
  const collection = await open(directory, {
    model: 'splade-tiny',
    lexical: true,
    load: { precision: 'float32' },
    dense: { dimensions: dense.find(one => one).length, metric: 'cosine' }
  })
  await collection.upsert(
    keys.map((key, i) => {
      const own = dense[i] && { dense: dense[i] }
      return { key, text: texts[i], vector: rowOf(documents, i), ...own }
    })
  )
  await collection.compact()
  try {
    await use(collection)
  } finally {
    await collection.close()
  }
}

/** MaxSim of each topic and what any of the first stages finds for it. */
async function maxSimScores({ topics, keys, texts, name }, collection) {
  const candidates = []
  for (const [, text] of topics) {
    const found = new Set()
    for (const mode of MODES) {
      const { hits } = await collection.search(text, { mode, k: depth })
      for (const { key } of hits) found.add(key)
    }
    candidates.push([...found])
  }
  const textOfKey = new Map(keys.map((key, i) => [key, texts[i]]))
  return maxSimOfPairs(name, topics, candidates, textOfKey)
}

async function measureQuality(judged, collection) {
  const { topics, name } = judged
  const scores =
    rows.some(({ second }) => second === 'MaxSim') && (await maxSimScores(judged, collection))
  const encoder = await DenseEncoder.load(DENSE_MODEL)
  const queries = await encoder.encodeQuery(topics.map(([, text]) => text))
  await encoder.close()
  for (const row of rows) {
    const { mode, second } = row
    process.stderr.write(`${name}: ${mode}, ${second}\n`)
    const found = await ndcgOf(judged, (text, i) => {
      const common = { mode, k: depth }
      if (second === 'none') return collection.search(text, common)
      if (second === 'dense') {
        return collection.search({ text, dense: queries[i] }, { ...common, rerank: 'dense' })
      }
      const rerank = (_, hits) => hits.map(({ key }) => scores[i].get(key))
      return collection.search(text, { ...common, rerank })
    })
    Object.assign(row.ndcg, found)
  }
}

/** Of each way the least time of each stage, on average over the queries, in milliseconds. */
async function measureTimes({ name, topics }, collection) {
  const encoder = await DenseEncoder.load(DENSE_MODEL)
  const tokens = await ColbertEncoder.load(DENSE_MODEL)
  const ways = [
    ['none', undefined],
    ['dense, stored vectors', { ...denseReranker(encoder), reads: ['dense'] }],
    ['dense, texts encoded', denseReranker(encoder)],
    ['MaxSim, texts encoded', maxSimReranker(tokens)]
  ]
  const least = ways.map(() => new Map())
  const step = Math.max(1, Math.floor(topics.length / numTimed))
  const timed = topics.filter((_, i) => i % step === 0).slice(0, numTimed)
  // The first pass warms up.
  for (let pass = 0; pass <= numPasses; pass++) {
    for (const [id, text] of pass === 0 ? timed.slice(0, 1) : timed) {
      process.stderr.write(`${name}: timing query ${id}, pass ${pass}\n`)
      for (const [i, [, rerank]] of ways.entries()) {
        const search = { mode: 'sparse', k: 10, ...(rerank && { rerank, depth }) }
        const { stages } = await collection.search(text, search)
        if (pass === 0) continue
        for (const { stage, ms, parts = [] } of stages) {
          for (const [part, partMs] of [[stage, ms], ...parts.map(one => [one.stage, one.ms])]) {
            const key = `${part} ${id}`
            least[i].set(key, Math.min(least[i].get(key) ?? Number.POSITIVE_INFINITY, partMs))
          }
        }
      }
    }
  }
  await encoder.close()
  await tokens.close()
  return ways.map(([way], i) => {
    const meanOf = stage => {
      const found = timed.map(([id]) => least[i].get(`${stage} ${id}`) ?? 0)
      return found.reduce((sum, one) => sum + one, 0) / found.length
    }
    const first = meanOf('encode') + meanOf('search') + meanOf('read')
    const [query, documents, score] = ['encode query', 'encode documents', 'score'].map(meanOf)
    return { way, first, query, documents, score, total: first + meanOf('rerank') }
  })
}

for (const row of rows) {
  row.off = []
  if (depth !== 100) continue
  for (const [name, value] of Object.entries(row.ndcg)) {
    const expected = EXPECTED[row.mode][row.second]?.[name]
    if (expected === undefined || Math.abs(value - expected) <= TOLERANCE) continue
    row.off.push(`${name} ${value.toFixed(4)}, not ${expected}`)
  }
}

const twoDigits = number => `${Number(number.toPrecision(2))}`
const titles = Object.keys(rows[0].ndcg)
const quality = {
  head: ['first stage', 'second stage', ...titles.map(title => `${title} nDCG@10`)],
  body: rows.map(({ mode, second, ndcg }) => [
    mode,
    second,
    ...titles.map(title => ndcg[title].toFixed(4))
  ])
}
const [plain] = times
const timing = {
  head: [
    'second stage',
    'first ms',
    'encode query ms',
    'encode documents ms',
    'score ms',
    'total ms',
    '× one stage'
  ],
  body: times.map(({ way, first, query, documents, score, total }) => [
    way,
    ...[first, query, documents, score, total, total / plain.total].map(twoDigits)
  ])
}
if (options.json) {
  for (const row of [...rows, ...times]) process.stdout.write(`${JSON.stringify(row)}\n`)
} else process.stdout.write(`${textOf(quality)}\n${textOf(timing)}`)
if (options.store) storeTables('rerank.md', { quality, timing })
for (const { mode, second, off } of rows) {
  for (const figure of off) process.stderr.write(`${mode}, ${second}: ${figure}\n`)
  if (off.length > 0) process.exitCode = 1
}
