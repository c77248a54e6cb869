/**
 * `npm run bench -- query-modes`: what each query mode finds and costs: nDCG@10 on BEIR collections
 * against figures of an independent reference, active query terms, and how long a query takes. Exits
 * with 1 where a figure is off. Nothing is tuned to these collections: there are no parameters.
 *
 *   --data DIR            folder of BEIR collections (default: ../shared/data/beir)
 *   --collections A,B     of: scifact, cranfield, msmarco-pool (default: all)
 *   --passes N            how often each query is timed (default: 20)
 *   --unchecked           do not compare with the reference: for other data
 *   --json                one object a mode
 *   --store               write the table of docs/query-modes.md
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'esplanade'
import { alternate } from './judged/alternate.mjs'
import { judgedCollection, ndcgOf } from './judged/collections.mjs'
import { judgedOptions } from './judged/options.mjs'
import { storeTables, textOf } from './judged/page.mjs'
import { rowOf } from './search/csr.mjs'

const MODES = ['full', 'no-expansion', 'inference-free']

/** The same weights in Python, with df counted over the vectors of the documents. */
const EXPECTED = {
  full: { SciFact: 0.6436, Cranfield: 0.3761, 'DL19-pool': 0.6384, 'DL20-pool': 0.6493 },
  'inference-free': {
    SciFact: 0.6382,
    Cranfield: 0.3491,
    'DL19-pool': 0.6023,
    'DL20-pool': 0.6047
  }
}

/** How far a figure may be from the reference's. */
const TOLERANCE = 0.003

const options = judgedOptions()
const rows = MODES.map(mode => ({ mode, ndcg: {}, off: [] }))
for (const name of options.collections) {
  const judged = await judgedCollection(options.data, name)
  const folder = mkdtempSync(join(tmpdir(), 'esplanade-query-modes-'))
  try {
    await measure(judged, join(folder, 'collection'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The figures of a collection; active terms and times are those of the last one. */
async function measure(judged, directory) {
  const { name, topics } = judged
  process.stderr.write(`${name}: indexing\n`)
  const load = { precision: 'float32' }
  const collection = await open(directory, { model: 'splade-tiny', lexical: false, load })
  try {
    await collection.upsert(documentsOf(judged))
    await collection.compact()
    const encoder = await collection.encoder()
    const idf = await collection.idf()
    const encode = (text, queryMode) => encoder.encodeQuery(text, { queryMode, idf })
    for (const row of rows) {
      const queryMode = row.mode
      process.stderr.write(`${name}: ${queryMode}\n`)
      const found = await ndcgOf(judged, text => collection.search(text, { queryMode, k: 1000 }))
      Object.assign(row.ndcg, found)
      row.vectors = await Promise.all(topics.map(([, text]) => encode(text, queryMode)))
      const numTerms = row.vectors.reduce((sum, { terms }) => sum + terms.length, 0)
      row.queryTerms = numTerms / topics.length
    }
    if (name !== options.collections.at(-1)) return
    const texts = topics.map(([, text]) => text)
    const timed = way => alternate(texts, MODES.map(way), options.passes)
    const encodeMs = await timed(mode => text => encode(text, mode))
    const searchMs = await timed(
      (_, i) => (_text, at) => collection.search(rows[i].vectors[at], { k: 10 })
    )
    const totalMs = await timed(queryMode => text => collection.search(text, { queryMode, k: 10 }))
    for (const [i, row] of rows.entries()) {
      Object.assign(row, { encodeMs: encodeMs[i], searchMs: searchMs[i], totalMs: totalMs[i] })
    }
  } finally {
    await collection.close()
  }
}

function* documentsOf({ keys, texts, documents }) {
  for (const [i, key] of keys.entries()) {
    yield { key, text: texts[i], vector: rowOf(documents, i) }
  }
}

for (const row of rows) {
  for (const [name, value] of Object.entries(row.ndcg)) {
    const expected = EXPECTED[row.mode]?.[name]
    const isOff = expected !== undefined && Math.abs(value - expected) > TOLERANCE
    if (isOff && !options.unchecked) row.off.push(`${name} ${value.toFixed(4)}, not ${expected}`)
  }
}

const [full] = rows
const names = Object.keys(full.ndcg)
const ratio = (a, b) => (a / b).toPrecision(2)
const table = {
  head: [
    'mode',
    ...names.map(name => `${name} nDCG@10`),
    'query terms',
    'encode µs',
    '× full',
    'search µs',
    '× full',
    'text → hits µs',
    '× full'
  ],
  body: rows.map(row => [
    row.mode,
    ...names.map(name => row.ndcg[name].toFixed(4)),
    row.queryTerms.toFixed(1),
    ...['encodeMs', 'searchMs', 'totalMs'].flatMap(time => [
      (1000 * row[time]).toFixed(0),
      ratio(row[time], full[time])
    ])
  ])
}
if (options.json) {
  for (const { vectors: _, ...row } of rows) process.stdout.write(`${JSON.stringify(row)}\n`)
} else process.stdout.write(textOf(table))
if (options.store) storeTables('query-modes.md', { modes: table })
for (const { mode, off } of rows) {
  for (const figure of off) process.stderr.write(`${mode}: ${figure}\n`)
  if (off.length > 0) process.exitCode = 1
}
