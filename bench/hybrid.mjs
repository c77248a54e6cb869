/**
 * How long a hybrid search of a collection takes beside what it is made of, by one thread and with ready
 * vectors: the flat scan of the dense vectors alone (k 10), the three lists, the fusion, and the whole from
 * call to hits. Nothing is timed before the hits equal those of the library's `fuse` over lists of all
 * documents.
 *
 * Documents are real texts, passages of MS MARCO where they lie beside the project, then definitions of
 * WordNet; queries are questions (or parts of definitions). All vectors are made of these texts, by
 * the shipped model and all-MiniLM-L6-v2, once. With `--unrelated` documents are those of
 * `npm run bench -- search`, with texts of other passages and dense vectors that are the clusters of
 * `npm run bench -- dense`: so no list agrees with another, and each must be read far down.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dotProduct, open } from 'esplanade'
import { DenseEncoder } from 'esplanade/encoder'
import { fuse } from 'esplanade/fusion'
import { DenseIndexBuilder } from 'esplanade/search'
import { mixture } from './dense/mixture.mjs'
import { quantile } from './encode/spread.mjs'
import { DENSE_MODEL, denseDocuments } from './pareto/vectors.mjs'
import { readCsr, rowOf } from './search/csr.mjs'
import { tinyDocuments, tinyQueries } from './search/tiny.mjs'
import {
  documentFile,
  documentTexts,
  queryFile,
  realTexts,
  shortTexts,
  source,
  textFile
} from './search/vectors.mjs'

const HELP = `npm run bench -- hybrid [options]
  --docs N        documents (default: 100000)
  --unrelated     lists that have nothing to do with each other
  --dimensions D  numbers of a dense vector, with --unrelated (default: 384)
  --queries Q     queries (default: 100)
  --passes P      timed passes over all queries; the least of each query counts (default: 10)
  --k K           hits of a query (default: 10)
  --checked C     queries whose hits are compared first (default: 10)
  --compact       one segment in place of several
  --tiny          made-up vectors and texts, for a try; unrelated
  --json          one JSON object instead of a table
`
const BATCH = 1000
const WEIGHTS = { sparse: 0.25, dense: 0.5, bm25: 0.25 }

const NAMES = {
  'flat scan alone': 'flat scan alone',
  encode: 'words of the query',
  sparse: 'sparse list, as long as it must be',
  dense: 'dense list, as long as it must be',
  bm25: 'BM25 list, as long as it must be',
  fuse: 'fusion, with true scores',
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
    unrelated: { type: 'boolean', default: false },
    compact: { type: 'boolean', default: false },
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
  const { documents, queries } = await (values.tiny || values.unrelated
    ? unrelated(numDocuments, numQueries, dimensions)
    : related(numDocuments, numQueries))
  const collection = await open(join(folder, 'collection'), {
    model: null,
    lexical: true,
    dense: { dimensions: documents[0].dense.length, metric: 'cosine' },
    durability: 'group'
  })
  try {
    await run(collection, documents, queries, { numPasses, numChecked, k })
  } finally {
    await collection.close()
  }
}

async function run(collection, documents, queries, { numPasses, numChecked, k }) {
  say(`${documents.length} documents are written`)
  for (let first = 0; first < documents.length; first += BATCH) {
    await collection.upsert(documents.slice(first, first + BATCH))
  }
  await collection.flush()
  await collection.settle()
  if (values.compact) await collection.compact()
  say(`hits of ${numChecked} queries are compared`)
  const snapshot = await collection.snapshot()
  try {
    await checkAgreement(snapshot, queries.slice(0, numChecked), documents, k)
    say('queries are timed')
    const { numSegments } = await snapshot.stats()
    const { node } = process.versions
    const report = {
      machine: { cpu: cpus()[0]?.model.trim(), cores: availableParallelism(), node },
      collection: {
        vectors: values.tiny ? 'made up' : source,
        lists: values.tiny || values.unrelated ? 'unrelated' : 'related',
        numDocuments: documents.length,
        dimensions: documents[0].dense.length,
        numSegments,
        k
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

/** Documents of which all three vectors are of the same text, and queries likewise. */
async function related(numDocuments, numQueries) {
  const parts = realTexts()
  const all = parts.flatMap(({ texts }) => texts)
  if (numDocuments > all.length) {
    throw new Error(`--docs ${numDocuments}: there are ${all.length} texts; --unrelated has more`)
  }
  const texts = all.slice(0, numDocuments)
  const name = `${source}-texts-${numDocuments}`
  const sparse = readCsr(await textFile(name, texts))
  const dense = (await Promise.all(parts.map(denseDocuments))).flat()
  const documents = texts.map((text, i) => ({
    key: `d${i}`,
    text,
    vector: copyOf(rowOf(sparse, i)),
    dense: dense[i]
  }))
  const asked = shortTexts().slice(0, numQueries)
  const vectors = readCsr(await queryFile('short'))
  const encoder = await DenseEncoder.load(DENSE_MODEL)
  const queries = []
  for await (const vector of encoder.encodeQuery(streamOf(asked))) {
    const text = asked[queries.length]
    queries.push({ text, sparse: copyOf(rowOf(vectors, queries.length)), dense: vector })
  }
  await encoder.close()
  return { documents, queries }
}

async function* streamOf(texts) {
  yield* texts
}

/** Documents whose three vectors are of different things. */
async function unrelated(numDocuments, numQueries, dimensions) {
  const { documents, texts, queries } = await sparseVectors(numDocuments, numQueries)
  const dense = mixture(numDocuments + numQueries, dimensions)
  return {
    documents: Array.from({ length: numDocuments }, (_, i) => ({
      key: `d${i}`,
      text: texts[i % texts.length],
      vector: copyOf(rowOf(documents, i)),
      dense: dense[queries.length + i]
    })),
    queries: queries.map((query, i) => ({ ...query, dense: dense[i] }))
  }
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

function copyOf({ terms, weights }) {
  return { terms: terms.slice(), weights: weights.slice() }
}

/** The hits must be those of `fuse` over lists that every document was scored for. */
async function checkAgreement(snapshot, queries, documents, k) {
  const builder = new DenseIndexBuilder(documents[0].dense.length)
  for (const { key, dense } of documents) builder.add(key, dense)
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
        list: await denseIndex.search(query.dense, { k: documents.length }),
        missing: 'score',
        weight: WEIGHTS.dense
      },
      { name: 'bm25', list: listOf(found[i].bm25), missing: 'zero', weight: WEIGHTS.bm25 }
    ]
    const expected = fuse(lists, { method: 'convex' }, { depth: documents.length })
      .sort((a, b) => b.score - a.score || numberOf(a) - numberOf(b))
      .slice(0, k)
    const { hits } = await snapshot.search(query, { mode: 'hybrid', k })
    const told = some => JSON.stringify(some.map(({ key, score }) => [key, score]))
    if (told(hits) !== told(expected)) {
      throw new Error(`query ${i}: the hits are not those of fuse over exhaustive lists`)
    }
  }
}

/** In the order of writing. */
function numberOf({ key }) {
  return Number(key.slice(1))
}

/** All documents that match anything, best first; documents stand in the order of writing. */
function listOf(scored) {
  const hits = scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score)
  return {
    hits: hits.map((hit, i) => ({ ...hit, rank: i + 1 })),
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
    // One after the other: what a query has left behind is of no use to the next.
    for (const [i, query] of queries.entries()) {
      const flat = await snapshot.search({ dense: query.dense }, { mode: 'dense', k })
      note('flat scan alone', i, msOf(flat.stages, 'search'))
    }
    for (const [i, query] of queries.entries()) {
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
  const { vectors, lists, numDocuments, dimensions, numSegments, k } = collection
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    `${numDocuments} documents in ${numSegments} segments, ${vectors}, ${lists} lists, dense ${dimensions}, k ${k}`,
    '',
    '| part | ms, p50 of the least of each query |',
    '|---|---|',
    ...Object.entries(NAMES).map(([part, name]) => `| ${name} | ${ms[part].toFixed(2)} |`)
  ]
  return `${lines.join('\n')}\n`
}
