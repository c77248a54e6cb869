/** Writes all documents in batches of 1,000 while searches go on, then searches idly. */
import { open } from 'esplanade'
import { readCsr, rowOf } from '../search/csr.mjs'
import { done } from '../search/done.mjs'
import { readRows } from '../search/timing.mjs'
import { SteadySearches } from './latency.mjs'
import { metadataOf } from './metadata.mjs'

const BATCH = 1000
const PERIOD_MS = 10
const IDLE_S = 15

const {
  place,
  documents,
  queries: queryFile,
  durability,
  rate,
  compact
} = JSON.parse(process.argv[2])
const csr = readCsr(documents)
const queries = readRows(queryFile)
const numRows = csr.offsets.length - 1
const collection = await open(place, { model: null, durability })
const search = query => collection.search(query)

const busy = new SteadySearches(search, queries, PERIOD_MS)
const started = performance.now()
let metadataBytes = 0
let lastSaid = started
for (let first = 0; first < numRows; first += BATCH) {
  const batch = []
  for (let row = first; row < Math.min(first + BATCH, numRows); row++) {
    const metadata = metadataOf(row)
    if (row % 100 === 0) metadataBytes += 100 * JSON.stringify(metadata).length
    batch.push({ key: String(row), vector: rowOf(csr, row), metadata })
  }
  await collection.upsert(batch)
  // Documents arrive at a steady rate, if one was named.
  const early =
    rate === undefined ? 0 : (1000 * (first + BATCH)) / rate - (performance.now() - started)
  if (early > 0) await new Promise(resolve => setTimeout(resolve, early))
  if (performance.now() - lastSaid > 10_000) {
    lastSaid = performance.now()
    const rate = Math.round((1000 * first) / (lastSaid - started))
    process.stderr.write(`${first} documents, ${rate}/s\n`)
  }
}
const writeS = (performance.now() - started) / 1000
const whileWriting = await busy.stop()
const settling = performance.now()
await collection.flush()
await collection.settle()
const settleS = (performance.now() - settling) / 1000
const idly = new SteadySearches(search, queries, PERIOD_MS)
await new Promise(resolve => setTimeout(resolve, IDLE_S * 1000))
const whenIdle = await idly.stop()
const compacting = performance.now()
if (compact) await collection.compact()
const compactS = (performance.now() - compacting) / 1000
const { numSegments } = await collection.stats()
await collection.close()
const row = {
  writeS,
  docsPerS: numRows / writeS,
  settleS,
  ...(compact && { compactS }),
  numSegments,
  numPostings: csr.terms.length,
  metadataBytes,
  busyP50Ms: whileWriting.p50Ms,
  busyP99Ms: whileWriting.p99Ms,
  busyMaxMs: whileWriting.maxMs,
  idleP50Ms: whenIdle.p50Ms,
  idleP99Ms: whenIdle.p99Ms
}
process.stdout.write(`${JSON.stringify(row)}\n`)
done()
