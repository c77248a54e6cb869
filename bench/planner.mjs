/**
 * `npm run bench -- planner [--docs 30000,100000] [--json]`: what the choices of
 * `src/search/planner.ts` rest on. Measures, on the vectors of the search benchmark, `windowed`
 * against `max-score` for several k and lengths of queries, and `document-at-a-time` against
 * `windowed` for filters of several sizes. The two alternate pass by pass; the figures are medians
 * of all queries over four passes, the first dropped.
 */
import { parseArgs } from 'node:util'
import { SparseIndexBuilder } from 'esplanade/search'
import { readCsr, rowOf } from './search/csr.mjs'
import { documentFile, queryFile } from './search/vectors.mjs'

const PASSES = 4
const NUM_QUERIES = 300
const HITS = [10, 32, 100, 300, 1000]
const FILTER_SHARES = [0.0005, 0.002, 0.005, 0.02]

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '30000,100000' },
    json: { type: 'boolean', default: false }
  }
})

const rows = []
for (const numDocuments of values.docs.split(',').map(Number)) {
  const index = await indexOf(numDocuments)
  for (const queries of ['short', 'long']) {
    const vectors = await vectorsOf(queries)
    for (const k of HITS) await compare(index, vectors, { queries, k })
    for (const share of FILTER_SHARES) {
      const every = Math.round(1 / share)
      const filter = index.documentSet(key => Number(key) % every === 0)
      await compare(index, vectors, { queries, k: 10, filter })
    }
  }
}
if (values.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
else console.table(rows)

/** Adds the row of two strategies under the same conditions. */
async function compare(index, vectors, { queries, k, filter }) {
  const strategies = ['windowed', filter === undefined ? 'max-score' : 'document-at-a-time']
  const times = strategies.map(() => [])
  for (let pass = 0; pass < PASSES; pass++) {
    // All queries by one, then by the other: the second would find the caches filled by the first.
    for (const [i, strategy] of strategies.entries()) {
      for (const query of vectors) {
        const started = performance.now()
        await index.search(query, { k, filter, strategy })
        if (pass > 0) times[i].push(performance.now() - started)
      }
    }
  }
  const [windowedMs, otherMs] = times.map(median)
  rows.push({
    docs: index.size,
    queries,
    k,
    filter: filter?.size ?? '',
    windowedMs: Number(windowedMs.toFixed(4)),
    other: strategies[1],
    otherMs: Number(otherMs.toFixed(4)),
    faster: otherMs < windowedMs ? strategies[1] : 'windowed'
  })
}

async function indexOf(numDocuments) {
  const csr = readCsr(await documentFile(numDocuments))
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < numDocuments; i++) builder.add(String(i), rowOf(csr, i))
  return builder.finish()
}

async function vectorsOf(kind) {
  const csr = readCsr(await queryFile(kind))
  const numRows = Math.min(NUM_QUERIES, csr.offsets.length - 1)
  return Array.from({ length: numRows }, (_, i) => rowOf(csr, i))
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
}
