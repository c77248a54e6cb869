/**
 * How fast dense vectors are searched, by one thread: milliseconds of a query, and how many vectors were
 * scored in float32 after the scan of the codes. Nothing is timed before the hits of `int8` equal those
 * of `float32`, score by score. With `--hnsw` also how fast a graph is, how long it takes to build, and
 * how much of the exact hits it finds.
 *
 * Vectors are a mixture that resembles encoded texts (points around centres, all of length 1), or with
 * `--model` the definitions of WordNet, encoded.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { DenseEncoder } from 'esplanade/encoder'
import { buildHnsw, DenseIndexBuilder } from 'esplanade/search'
import { readNouns } from '../examples/reverse-dictionary/wordnet.mjs'
import { mixture } from './dense/mixture.mjs'
import { quantile } from './encode/spread.mjs'

const HELP = `npm run bench -- dense [options]
  --vectors N     vectors of the index (default: 100000)
  --dimensions D  numbers of a vector (default: 384)
  --queries Q     queries (default: 100)
  --passes P      timed passes over all queries (default: 5)
  --k K           hits of a query (default: 10)
  --metric M      cosine, dot or euclidean (default: cosine)
  --hnsw          builds a graph as well, and searches it with several numbers of candidates
  --model PATH    encodes definitions of WordNet with this dense model
  --json          one JSON object instead of a table
`
/** Candidates that a graph's search keeps. */
const EXPANSIONS = [16, 32, 64, 128, 256]

const { values } = parseArgs({
  options: {
    vectors: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '384' },
    queries: { type: 'string', default: '100' },
    passes: { type: 'string', default: '5' },
    k: { type: 'string', default: '10' },
    metric: { type: 'string', default: 'cosine' },
    hnsw: { type: 'boolean', default: false },
    model: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

try {
  if (values.help) process.stdout.write(HELP)
  else await main()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

async function main() {
  const [numVectors, numQueries, numPasses, k] = ['vectors', 'queries', 'passes', 'k'].map(countOf)
  const numAll = numVectors + numQueries
  const vectors =
    values.model === undefined
      ? mixture(numAll, countOf('dimensions'))
      : await encoded(values.model, numAll)
  const queries = vectors.slice(0, numQueries)
  const indexes = ['float32', 'int8'].map(precision =>
    indexOf(vectors.slice(numQueries), precision)
  )
  await checkAgreement(indexes, queries, k)
  const rows = []
  for (const index of indexes) {
    const { precision, isWasm } = index
    const bytes = index.toBytes().length
    rows.push({ precision, isWasm, bytes, ...(await measure(index, queries, numPasses, { k })) })
  }
  const hnsw = values.hnsw ? await measureGraph(indexes[1], queries, numPasses, k) : undefined
  const report = {
    machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node: process.version },
    collection: {
      vectors: values.model ?? 'mixture',
      numVectors: indexes[0].size,
      dimensions: indexes[0].dimensions,
      metric: values.metric,
      k
    },
    rows,
    ...(hnsw && { hnsw })
  }
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
}

/** @param {string} option */
function countOf(option) {
  const number = Number(values[option])
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${option} ${values[option]}: expected a whole number from 1`)
}

async function encoded(model, numVectors) {
  const encoder = await DenseEncoder.load(model)
  const texts = []
  for (const { text } of readNouns()) {
    if (texts.length === numVectors) break
    texts.push(text)
  }
  try {
    return await encoder.encodeDocument(texts, {
      onProgress: ({ done }) => {
        if (done % 5000 === 0) process.stderr.write(`${done} texts encoded\n`)
      }
    })
  } finally {
    await encoder.close()
  }
}

function indexOf(vectors, precision) {
  const builder = new DenseIndexBuilder(vectors[0].length)
  for (const [i, vector] of vectors.entries()) builder.add(String(i), vector)
  return builder.finish({ metric: values.metric, precision })
}

async function checkAgreement([exact, screened], queries, k) {
  for (const query of queries) {
    const [a, b] = [await exact.search(query, { k }), await screened.search(query, { k })]
    const told = ({ hits, min, max }) => JSON.stringify([hits, min, max])
    if (told(a) !== told(b)) throw new Error('int8 does not give the hits of float32')
  }
}

async function measure(index, queries, numPasses, options) {
  const times = []
  let numScored = 0
  for (let pass = 0; pass < numPasses; pass++) {
    for (const query of queries) {
      const before = performance.now()
      const { stats } = await index.search(query, options)
      times.push(performance.now() - before)
      numScored += stats.numScored
    }
  }
  return {
    msMin: quantile(times, 0),
    msP50: quantile(times, 0.5),
    msP99: quantile(times, 0.99),
    numScored: numScored / times.length
  }
}

async function measureGraph(dense, queries, numPasses, k) {
  const before = performance.now()
  const index = await buildHnsw(dense, {
    onProgress: ({ done }) => {
      if (done % 6400 === 0) process.stderr.write(`${done} vectors linked\n`)
    }
  })
  const buildMs = performance.now() - before
  const rows = []
  for (const expansion of EXPANSIONS) {
    const { overlap } = await index.measureOverlap({ queries, k, expansion })
    const times = await measure(index, queries, numPasses, { k, expansion })
    rows.push({ expansion, overlap, ...times })
  }
  const { settings, measured } = index
  return { settings, measured, buildMs, bytes: (await index.toBytes()).length, rows }
}

function render({ machine, collection, rows, hnsw }) {
  const { vectors, numVectors, dimensions, metric, k } = collection
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    `${numVectors} × ${dimensions}, ${vectors}, ${metric}, k ${k}, one thread`,
    '',
    '| precision | MB | ms least | p50 | p99 | scored in float32 |',
    '|---|---|---|---|---|---|'
  ]
  for (const row of rows) {
    lines.push(line([row.precision, (row.bytes / 1e6).toFixed(0), ...timesOf(row)]))
  }
  if (hnsw !== undefined) {
    const { settings, measured, buildMs, bytes } = hnsw
    lines.push(
      '',
      `HNSW, ${settings.connectivity} links, ${settings.expansionAdd} candidates while it is built`,
      `built in ${(buildMs / 1000).toFixed(1)} s, ${(bytes / 1e6).toFixed(0)} MB beside the vectors`,
      `overlap@${measured.k} of ${measured.sampleSize} of its own vectors: ${measured.overlap.toFixed(3)}`,
      '',
      `| candidates | overlap@${k} | ms least | p50 | p99 | scored in float32 |`,
      '|---|---|---|---|---|---|'
    )
    for (const row of hnsw.rows) {
      lines.push(line([row.expansion, row.overlap.toFixed(3), ...timesOf(row)]))
    }
  }
  return `${lines.join('\n')}\n`
}

function timesOf({ msMin, msP50, msP99, numScored }) {
  return [...[msMin, msP50, msP99].map(ms => ms.toFixed(2)), numScored.toFixed(0)]
}

function line(cells) {
  return `| ${cells.join(' | ')} |`
}
