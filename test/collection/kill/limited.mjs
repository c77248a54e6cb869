/**
 * Writes to a collection under a limit of file sizes (`ulimit -f`), which is how a disk is full for LMDB,
 * until a write is refused; waits for a line on its standard input, which says that the limit is
 * gone, and writes on.
 *
 * node limited.mjs DIRECTORY
 */
import { readSync } from 'node:fs'
import { open } from 'esplanade'

const weights = Array.from({ length: 100 }, () => 1)
const batch = (number, count = 50) =>
  Array.from({ length: count }, (_, i) => ({
    key: `${number}-${i}`,
    vector: { terms: weights.map((_, term) => term * 7 + i), weights },
    text: 'x'.repeat(1000)
  }))

const collection = await open(process.argv[2], { model: null })
let numAcknowledged = 0
let code
try {
  for (; numAcknowledged < 400; numAcknowledged++) await collection.upsert(batch(numAcknowledged))
} catch (error) {
  code = error.code
}
const { numDocuments } = await collection.stats()
const { hits } = await collection.search({ terms: [7], weights: [1] }, { k: 100 })
console.log(JSON.stringify({ code, numAcknowledged, numDocuments, numHits: hits.length }))

readSync(0, Buffer.alloc(1))
await collection.upsert(batch(numAcknowledged))
await collection.flush()
await collection.close()
console.log(JSON.stringify({ done: true }))
