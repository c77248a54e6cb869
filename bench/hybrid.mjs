/**
 * How long a hybrid search of a collection takes beside what it is made of, by one thread and with ready
 * vectors: the flat scan of the dense vectors alone (k 10), the three lists of 1,000 documents, the
 * fusion, and the whole from call to hits. Nothing is timed before the hits equal those of the library's
 * `fuse` over lists that are made exhaustively.
 *
 * Sparse vectors are those of `npm run bench -- search` (131 terms on average), texts the passages of
 * the same source, each used as often as it takes, dense vectors the mixture of `npm run bench -- dense`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dotProduct, open } from 'esplanade'
import { fuse } from 'esplanade/fusion'
import { DenseIndexBuilder } from 'esplanade/search'
import { mixture } from './dense/mixture.mjs'
import { quantile } from './encode/spread.mjs'
import { readCsr, rowOf } from './search/csr.mjs'
import { tinyDocuments, tinyQueries } from './search/tiny.mjs'
import { documentFile, documentTexts, queryFile, shortTexts, source } from './search/vectors.mjs'

const HELP = `npm run bench -- hybrid [options]
  --docs N        documents (default: 100000)
  --dimensions D  numbers of a dense vector (default: 384)
  --queries Q     queries (default: 100)
  --passes P      timed passes over all queries; the least of each query counts (default: 10)
  --k K           hits of a query (default: 10)
  --checked C     queries whose hits are compared first (default: 10)
  --tiny          made-up sparse vectors and texts, for a try
  --json          one JSON object instead of a table
`
const DEPTH = 1000
const BATCH = 1000
const WEIGHTS = { sparse: 0.25, dense: 0.5, bm25: 0.25 }

const NAMES = {
  'flat scan alone': 'flat scan alone',
  encode: 'words of the query',
  sparse: `sparse list, k ${DEPTH}`,
  dense: 'dense list, as long as it must be',
  bm25: `BM25 list, k ${DEPTH}`,
  fuse: 'fusion, with true dense scores',
  read: 'documents read',
  whole: 'the whole',
  'above the flat scan': 'above the flat scan'
}

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '384' },
    queries: { type: 'string', default: '100' },
    passes: { type: 'string', default: '10' },
    k: { type: 'string', default: '10' },
    checked: { type: 'string', default: '10' },
    tiny: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

const folder = mkdtempSync(join(tmpdir(), 'esplanade-hybrid-'))
try {
  if (values.help) process.stdout.write(HELP)
  else await main()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function main() {
  const [numDocuments, dimensions, numQueries, numPasses, k, numChecked] = [
    'docs',
    'dimensions',
    'queries',
    'passes',
    'k',
    'checked'
  ].map(countOf)
  const sparse = await sparseVectors(numDocuments, numQueries)
  const dense = mixture(numDocuments + numQueries, dimensions)
  const queries = sparse.queries.map((query, i) => ({ ...query, dense: dense[i] }))
  const spec = { numDocuments, dimensions, numPasses, numChecked, k }
  const collection = await open(join(folder, 'collection'), {
    model: null,
    lexical: true,
    dense: { dimensions, metric: 'cosine' },
    durability: 'group'
  })
  try {
    await run(collection, sparse, queries, dense.slice(queries.length), spec)
  } finally {
    await collection.close()
  }
}

async function run(collection, sparse, queries, dense, spec) {
  const { numDocuments, dimensions, numPasses, numChecked, k } = spec
  say(`${numDocuments} documents are written`)
  for (let first = 0; first < numDocuments; first += BATCH) {
    await collection.upsert(batchOf(first, Math.min(first + BATCH, numDocuments), sparse, dense))
  }
  await collection.flush()
  await collection.settle()
  say(`hits of ${numChecked} queries are compared`)
  const snapshot = await collection.snapshot()
  try {
    await checkAgreement(snapshot, queries.slice(0, numChecked), dense, k)
    say('queries are timed')
    const { numSegments } = await snapshot.stats()
    const { node } = process.versions
    const report = {
      machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node },
      collection: {
        vectors: values.tiny ? 'made up' : source,
        numDocuments,
        dimensions,
        numSegments,
        k,
        depth: DEPTH
      },
      ms: await measure(snapshot, queries, numPasses, k)
    }
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : render(report))
  } finally {
    await snapshot.close()
  }
}

/** @param {string} option */
function countOf(option) {
  const number = Number(values[option])
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${option} ${values[option]}: expected a whole number from 1`)
}

/** Sparse vectors with texts, and queries as vectors and texts. */
async function sparseVectors(numDocuments, numQueries) {
  if (values.tiny) {
    const texts = Array.from({ length: 50 }, (_, i) => `word${i % 7} word${i % 11} word${i}`)
    return paired(tinyDocuments(numDocuments), texts, tinyQueries('short'), texts, numQueries)
  }
  const documents = readCsr(await documentFile(numDocuments))
  const queries = readCsr(await queryFile('short'))
  return paired(documents, documentTexts(), queries, shortTexts(), numQueries)
}

function paired(documents, texts, queryVectors, queryTexts, numQueries) {
  const count = Math.min(numQueries, queryVectors.offsets.length - 1)
  const queries = Array.from({ length: count }, (_, i) => ({
    sparse: copyOf(rowOf(queryVectors, i)),
    text: queryTexts[i % queryTexts.length]
  }))
  return { documents, texts, queries }
}

function* batchOf(first, end, { documents, texts }, dense) {
  for (let i = first; i < end; i++) {
    const vector = copyOf(rowOf(documents, i))
    yield { key: `d${i}`, text: texts[i % texts.length], vector, dense: dense[i] }
  }
}

function copyOf({ terms, weights }) {
  return { terms: terms.slice(), weights: weights.slice() }
}

/** The hits must be those of `fuse` over lists that every document was scored for. */
async function checkAgreement(snapshot, queries, dense, k) {
  const builder = new DenseIndexBuilder(dense[0].length)
  for (const [i, vector] of dense.entries()) builder.add(`d${i}`, vector)
  const denseIndex = builder.finish({ metric: 'cosine', precision: 'float32' })
  const wordQueries = []
  for (const { text } of queries) {
    wordQueries.push(await snapshot.queryVector(text, { mode: 'bm25' }))
  }
  const found = queries.map(() => ({ sparse: [], bm25: [] }))
  for await (const { key, vectors, lexicalVectors } of snapshot.documents({
    includeVectors: true
  })) {
    for (const [i, { sparse }] of queries.entries()) {
      found[i].sparse.push({ key, score: dotProduct(sparse, vectors[0]) })
      found[i].bm25.push({ key, score: dotProduct(wordQueries[i], lexicalVectors[0]) })
    }
  }
  for (const [i, query] of queries.entries()) {
    const lists = [
      { name: 'sparse', list: listOf(found[i].sparse), missing: 'zero', weight: WEIGHTS.sparse },
      {
        name: 'dense',
        list: await denseIndex.search(query.dense, { k: DEPTH }),
        missing: 'score',
        weight: WEIGHTS.dense
      },
      { name: 'bm25', list: listOf(found[i].bm25), missing: 'zero', weight: WEIGHTS.bm25 }
    ]
    const expected = fuse(lists, { method: 'convex' }, { k, depth: DEPTH })
    const { hits } = await snapshot.search(query, { mode: 'hybrid', k })
    const told = some => JSON.stringify(some.map(({ key, score }) => [key, score]))
    if (told(hits) !== told(expected)) {
      throw new Error(`query ${i}: the hits are not those of fuse over exhaustive lists`)
    }
  }
}

/** All documents that match anything, best first; documents stand in the order of writing. */
function listOf(scored) {
  const hits = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score)
  return {
    hits: hits.slice(0, DEPTH).map((hit, i) => ({ ...hit, rank: i + 1 })),
    min: hits.length < scored.length ? 0 : (hits.at(-1)?.score ?? 0),
    max: hits[0]?.score ?? 0,
    scoresOf: () => new Float64Array()
  }
}

/** Of each part the median over the queries of the least time of each. */
async function measure(snapshot, queries, numPasses, k) {
  const least = new Map()
  const note = (name, query, ms) => {
    const times = least.get(name) ?? new Float64Array(queries.length).fill(Number.POSITIVE_INFINITY)
    least.set(name, times)
    times[query] = Math.min(times[query], ms)
  }
  // The first pass warms up.
  for (let pass = 0; pass <= numPasses; pass++) {
    if (pass === 1) least.clear()
    for (const [i, query] of queries.entries()) {
      const flat = await snapshot.search({ dense: query.dense }, { mode: 'dense', k })
      note('flat scan alone', i, msOf(flat.stages, 'search'))
      const before = performance.now()
      const { stages } = await snapshot.search(query, { mode: 'hybrid', k })
      note('whole', i, performance.now() - before)
      for (const { stage, ms } of stages) note(stage, i, ms)
      for (const { stage, ms } of stages.find(({ stage }) => stage === 'search').parts) {
        note(stage, i, ms)
      }
    }
  }
  const p50 = Array.from(least, ([name, times]) => [name, quantile([...times], 0.5)])
  const whole = least.get('whole')
  const flat = least.get('flat scan alone')
  const above = quantile(
    Array.from(whole, (ms, i) => ms - flat[i]),
    0.5
  )
  return { ...Object.fromEntries(p50), 'above the flat scan': above }
}

function msOf(stages, name) {
  return stages.find(({ stage }) => stage === name).ms
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function render({ machine, collection, ms }) {
  const { vectors, numDocuments, dimensions, numSegments, k } = collection
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    `${numDocuments} documents in ${numSegments} segments, ${vectors}, dense ${dimensions}, k ${k}`,
    '',
    '| part | ms, p50 of the least of each query |',
    '|---|---|',
    ...Object.entries(NAMES).map(([part, name]) => `| ${name} | ${ms[part].toFixed(2)} |`)
  ]
  return `${lines.join('\n')}\n`
}
