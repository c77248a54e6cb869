/**
 * `npm run bench -- pruning`: what static pruning of documents costs and saves: nDCG@10 on BEIR
 * collections, terms a document, bytes of the index and how long a search takes beside the same without
 * pruning. The settings are round numbers over the range of each limit, not chosen by their results.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: scifact, cranfield, msmarco-pool (default: all)
 *   --passes N            how often each query is timed (default: 20)
 *   --json                one object a setting
 *   --store               write the table of docs/pruning.md
 */
import { pruneVector } from 'esplanade'
import { SparseEncoder } from 'esplanade/encoder'
import { SparseIndexBuilder } from 'esplanade/search'
import { alternate } from './judged/alternate.mjs'
import { judgedCollection, ndcgOf } from './judged/collections.mjs'
import { judgedOptions } from './judged/options.mjs'
import { storeTables, textOf } from './judged/page.mjs'
import { rowOf } from './search/csr.mjs'

const SETTINGS = [
  {},
  ...[0.95, 0.9, 0.8, 0.7, 0.5].map(pruneMass => ({ pruneMass })),
  ...[128, 64, 32, 16].map(topTokens => ({ topTokens })),
  ...[0.1, 0.25, 0.5, 1].map(minWeight => ({ minWeight }))
]

const options = judgedOptions()
const rows = SETTINGS.map(setting => ({ setting, ndcg: {} }))
for (const name of options.collections) {
  await measure(await judgedCollection(options.data, name))
}

/** The figures of a collection; terms, bytes and times are those of the last one. */
async function measure(judged) {
  const { name, topics } = judged
  const encoder = await SparseEncoder.load('splade-tiny', { precision: 'float32' })
  const vectors = await encoder.encodeQuery(topics.map(([, text]) => text))
  await encoder.close()
  const indexes = []
  for (const row of rows) {
    process.stderr.write(`${name}: ${titleOf(row.setting)}\n`)
    const index = await indexOf(judged, row.setting)
    indexes.push(index)
    Object.assign(row.ndcg, await ndcgOf(judged, (_, i) => index.search(vectors[i], { k: 1000 })))
    row.terms = index.numPostings / index.size
    row.bytes = index.segmentBytes().reduce((sum, { length }) => sum + length, 0)
  }
  if (name === options.collections.at(-1)) {
    process.stderr.write(`${name}: times\n`)
    const ways = indexes.map(index => vector => index.search(vector, { k: 10 }))
    const times = await alternate(vectors, ways, options.passes)
    for (const [i, row] of rows.entries()) row.searchMs = times[i]
  }
  for (const index of indexes) await index.close()
}

async function indexOf({ keys, documents }, setting) {
  const builder = new SparseIndexBuilder()
  for (const [i, key] of keys.entries()) {
    builder.add(key, pruneVector(rowOf(documents, i), setting))
  }
  return builder.finish()
}

function titleOf(setting) {
  const [[name, value] = ['none']] = Object.entries(setting)
  return value === undefined ? name : `${name} ${value}`
}

const [whole] = rows
const names = Object.keys(whole.ndcg)
const table = {
  head: [
    'limit',
    ...names.map(name => `${name} nDCG@10`),
    'terms',
    'bytes',
    '× none',
    'search µs',
    '× none'
  ],
  body: rows.map(({ setting, ndcg, terms, bytes, searchMs }) => [
    titleOf(setting),
    ...names.map(name => ndcg[name].toFixed(4)),
    terms.toFixed(1),
    bytes.toLocaleString('en'),
    (bytes / whole.bytes).toFixed(2),
    (1000 * searchMs).toFixed(0),
    (searchMs / whole.searchMs).toFixed(2)
  ])
}
if (options.json) for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
else process.stdout.write(textOf(table))
if (options.store) storeTables('pruning.md', { limits: table })
