/**
 * The peer from npm, zvec: `zvec.mjs SPEC`, where SPEC is JSON, builds a collection of sparse
 * vectors in a folder, or opens it in this fresh process and times the same queries as ours. Prints
 * one line of JSON.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { overlapOf } from './agreement.mjs'
import { readCsr, rowOf } from './csr.mjs'
import { done } from './done.mjs'
import { memoryOf, readRows, timePasses } from './timing.mjs'

const BATCH = 500
const spec = JSON.parse(process.argv[2])
const zvec = (await import('@zvec/zvec')).default
zvec.ZVecInitialize({ queryThreads: 1, logLevel: zvec.ZVecLogLevel.ERROR })
const result = spec.step === 'build' ? build(spec) : await round(spec)
process.stdout.write(`${JSON.stringify({ ...result, ...memoryOf() })}\n`)
done()

/** @param {{ folder: string, documents: string, indexType: 'FLAT' | 'HNSW' }} spec */
function build({ folder, documents, indexType }) {
  const csr = readCsr(documents)
  const numDocuments = csr.offsets.length - 1
  const collection = zvec.ZVecCreateAndOpen(folder, schemaOf(indexType))
  const started = performance.now()
  for (let start = 0; start < numDocuments; start += BATCH) {
    const batch = []
    for (let i = start; i < Math.min(start + BATCH, numDocuments); i++) {
      batch.push({ id: String(i), vectors: { splade: objectOf(rowOf(csr, i)) } })
    }
    const refused = collection.insertSync(batch).find(({ ok }) => !ok)
    if (refused !== undefined) throw new Error(`zvec refuses a document: ${refused.message}`)
  }
  collection.optimizeSync()
  const buildS = (performance.now() - started) / 1000
  collection.closeSync()
  return { buildS, numBytes: bytesBelow(folder), numPostings: csr.terms.length }
}

/** @param {{ folder: string, queries: string, truth: string, k: number, passes: number }} spec */
async function round({ folder, queries, truth, k, passes }) {
  const vectors = readRows(queries).map(objectOf)
  const started = performance.now()
  const collection = zvec.ZVecOpen(folder, { readOnly: true })
  const openS = (performance.now() - started) / 1000
  const options = { fieldName: 'splade', topk: k, outputFields: [] }
  const search = vector => collection.querySync({ ...options, vector })
  const { found, latency } = await timePasses(vectors, search, passes)
  const memory = memoryOf()
  collection.closeSync()
  const documents = found.map(hits => hits.map(({ id }) => Number(id)))
  const overlap = overlapOf(
    documents,
    readRows(truth).map(({ terms }) => terms)
  )
  return { overlap, ...latency, openS, ...memory }
}

function schemaOf(indexType) {
  const { ZVecDataType, ZVecIndexType, ZVecMetricType } = zvec
  const indexParams = { indexType: ZVecIndexType[indexType], metricType: ZVecMetricType.IP }
  const vectors = { name: 'splade', dataType: ZVecDataType.SPARSE_VECTOR_FP32, indexParams }
  return new zvec.ZVecCollectionSchema({ name: 'passages', vectors })
}

function objectOf({ terms, weights }) {
  return Object.fromEntries(Array.from(terms, (term, i) => [term, weights[i]]))
}

function bytesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
