/**
 * `npm run bench -- profile [--docs 30000,100000,1000000] [--json]`: what `docs/search-speed.md` rests on.
 * Of each query the least of twelve times, so of a machine that nobody disturbs, and what the times are made
 * of by least squares: so much a posting, a document that is scored exactly, a term, and the rest. The
 * vectors are those of `npm run bench -- search`.
 */
import { parseArgs } from 'node:util'
import { SparseIndexBuilder } from 'esplanade/search'
import { quantile } from './encode/spread.mjs'
import { readCsr, rowOf } from './search/csr.mjs'
import { documentFile, queryFile } from './search/vectors.mjs'

const PASSES = 12
const NUM_QUERIES = 400
const CASES = [
  { strategy: 'windowed', k: 10 },
  { strategy: 'max-score', k: 10 },
  { strategy: 'windowed', k: 1000 }
]

const { values } = parseArgs({
  options: {
    docs: { type: 'string', default: '30000,100000,1000000' },
    json: { type: 'boolean', default: false }
  }
})

const queries = readCsr(await queryFile('short'))
const vectors = Array.from({ length: NUM_QUERIES }, (_, i) => rowOf(queries, i))
for (const numDocuments of values.docs.split(',').map(Number)) {
  process.stderr.write(`${numDocuments} documents are indexed\n`)
  const index = await indexOf(numDocuments)
  const rows = await profiles(index)
  if (values.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
  else console.table(rows)
}

async function indexOf(numDocuments) {
  const documents = readCsr(await documentFile(numDocuments))
  const builder = new SparseIndexBuilder()
  for (let i = 0; i < numDocuments; i++) builder.add(String(i), rowOf(documents, i))
  return builder.finish({ reorder: true })
}

/** A row a case; the cases take turns, pass by pass. */
async function profiles(index) {
  const measured = CASES.map(() => ({
    least: new Float64Array(vectors.length).fill(Number.POSITIVE_INFINITY),
    costs: []
  }))
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [at, options] of CASES.entries()) {
      const { least, costs } = measured[at]
      for (const [i, vector] of vectors.entries()) {
        const started = performance.now()
        const { stats } = await index.search(vector, options)
        least[i] = Math.min(least[i], performance.now() - started)
        costs[i] = [stats.numPostings, stats.numScored, stats.numQueryTerms, 1]
      }
    }
  }
  return CASES.map((options, at) => ({ docs: index.size, ...options, ...fitted(measured[at]) }))
}

function fitted({ least, costs }) {
  const [posting, scored, term, rest] = leastSquares(costs, least)
  const p50 = numbers => quantile([...numbers], 0.5)
  return {
    ms: rounded(p50(least), 4),
    postings: p50(costs.map(([own]) => own)),
    scored: p50(costs.map(([, own]) => own)),
    nsPerPosting: rounded(1e6 * posting, 2),
    nsPerScored: Math.round(1e6 * scored),
    usPerTerm: rounded(1e3 * term, 1),
    usRest: rounded(1e3 * rest, 0)
  }
}

function rounded(value, digits) {
  return Number(value.toFixed(digits))
}

/** The factors of the columns that come nearest to the values: the normal equations, by elimination. */
function leastSquares(rows, target) {
  const size = rows[0].length
  const scales = rows[0].map((_, j) => Math.max(...rows.map(row => row[j])) || 1)
  const scaled = rows.map(row => row.map((value, j) => value / scales[j]))
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) =>
      scaled.reduce((sum, row) => sum + row[i] * row[j], 0)
    ),
    scaled.reduce((sum, row, n) => sum + row[i] * target[n], 0)
  ])
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      if (i === j) continue
      const factor = matrix[j][i] / matrix[i][i]
      for (let at = i; at <= size; at++) matrix[j][at] -= factor * matrix[i][at]
    }
  }
  return matrix.map((row, i) => row[size] / row[i] / scales[i])
}
