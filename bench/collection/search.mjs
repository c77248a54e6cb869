/** Opens the collection and searches it, without and with filters, once the hits are right. */
import { existsSync, readFileSync } from 'node:fs'
import { open } from 'esplanade'
import { readCsr } from '../search/csr.mjs'
import { done } from '../search/done.mjs'
import { memoryOf, readRows, timePasses } from '../search/timing.mjs'
import { metadataOf } from './metadata.mjs'

const NUM_CHECKED = 20

const { place, queries: queryFile, documents, filters } = JSON.parse(process.argv[2])
const queries = readRows(queryFile)
const started = performance.now()
const collection = await open(place, { readOnly: true })
const openS = (performance.now() - started) / 1000
const { latency } = await timePasses(queries, query => collection.search(query), 3)
const { rssMiB } = memoryOf()
const fileMiB = mappedMiB()
const { segmentBytes } = await collection.stats()
const filtered = []
for (const percent of filters) {
  const filter = { percentile: { $lt: percent } }
  const first = performance.now()
  await collection.search(queries[0], { filter })
  const firstMs = performance.now() - first
  const own = await timePasses(queries, query => collection.search(query, { filter }), 2)
  filtered.push({ percent, firstMs, p50Ms: own.latency.p50Ms })
}
await check()
await collection.close()
const row = { openS, ...latency, rssMiB, fileMiB, segmentBytes, filters: filtered }
process.stdout.write(`${JSON.stringify(row)}\n`)
done()

/** Pages of files that the kernel holds and has mapped, where it tells; it takes them back at need. */
function mappedMiB() {
  if (!existsSync('/proc/self/status')) return 0
  const [, kibibytes] = /RssFile:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kibibytes ?? 0) / 1024
}

/** The hits of some queries must be those of a scan of the vectors. */
async function check() {
  const csr = readCsr(documents)
  for (const percent of [100, ...filters]) {
    const filter = percent === 100 ? undefined : { percentile: { $lt: percent } }
    for (const query of queries.slice(0, NUM_CHECKED)) {
      const { hits } = await collection.search(query, filter ? { filter } : {})
      const expected = scan(csr, query, row => metadataOf(row).percentile < percent)
      const found = hits.map(({ key, score }) => `${key} ${score}`)
      if (String(found) === String(expected)) continue
      throw new Error(`with ${percent} % of the documents ${found}, not ${expected}`)
    }
  }
}

function scan(csr, query, passes) {
  const weights = new Float64Array(2 ** 16)
  query.terms.forEach((term, i) => {
    weights[term] = query.weights[i]
  })
  const best = []
  for (let row = 0; row < csr.offsets.length - 1; row++) {
    let score = 0
    for (let i = csr.offsets[row]; i < csr.offsets[row + 1]; i++) {
      score += weights[csr.terms[i]] * csr.weights[i]
    }
    if (score === 0 || (best.length === 10 && score <= best[9].score) || !passes(row)) continue
    best.push({ row, score })
    best.sort((a, b) => b.score - a.score || a.row - b.row)
    best.length = Math.min(best.length, 10)
  }
  return best.map(({ row, score }) => `${row} ${score}`)
}
