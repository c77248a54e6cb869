import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCorpus } from 'esplanade/corpus'
import { SparseEncoder } from 'esplanade/encoder'
import { evaluate, readQrels, readTopics } from 'esplanade/eval'
import { CsrBuilder, cachedFile, readCsr } from '../search/csr.mjs'

/**
 * BEIR collections with their vectors, for benchmarks that try many settings on the same vectors: the
 * documents are encoded once, by the shipped model in float32, and kept in `.cache/bench-judged`. Delete
 * the folder when the model has changed.
 *
 * The collections are not part of the project; their licences do not allow it.
 *
 * @typedef {object} Judged
 * @property {string} name
 * @property {string[]} keys
 * @property {string[]} texts
 * @property {import('../search/csr.mjs').Csr} documents
 * @property {[id: string, text: string][]} topics those that are judged
 * @property {{ name: string, qrels: Awaited<ReturnType<typeof readQrels>> }[]} judgements
 */

const path = name => fileURLToPath(new URL(name, import.meta.url))
const cacheFolder = path('../../.cache/bench-judged')

/** Where the collections lie unless `--data` says otherwise. */
export const DATA = path('../../../shared/data/beir')

/** The names of each collection's judgements: of its file, and of the row in a table. */
export const JUDGEMENTS = {
  scifact: [['test', 'SciFact']],
  cranfield: [['test', 'Cranfield']],
  'msmarco-pool': [
    ['dl19-pool', 'DL19-pool'],
    ['dl20-pool', 'DL20-pool']
  ]
}

/**
 * @param {string} data the folder of the collections
 * @param {string} name
 * @returns {Promise<Judged>}
 */
export async function judgedCollection(data, name) {
  const folder = resolve(data, name)
  if (!(name in JUDGEMENTS) || !existsSync(folder)) {
    process.stderr.write(`no collection ${name} in ${data}\n`)
    process.exit(2)
  }
  const keys = []
  const texts = []
  for await (const record of await openCorpus([folder])) {
    if (record.kind === 'problem') throw record.error
    keys.push(record.document.key)
    texts.push(record.document.text)
  }
  mkdirSync(cacheFolder, { recursive: true })
  const hash = createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 8)
  const file = join(cacheFolder, `${name}-${hash}.csr`)
  await cachedFile(file, () => encoded(name, texts))
  const judgements = []
  for (const [qrels, title] of JUDGEMENTS[name]) {
    const found = await readQrels(lines(join(folder, 'qrels', `${qrels}.tsv`)))
    judgements.push({ name: title, qrels: found })
  }
  const all = await readTopics(lines(join(folder, 'queries.jsonl')))
  const topics = [...all].filter(([id]) => judgements.some(({ qrels }) => qrels.has(id)))
  return { name, keys, texts, documents: readCsr(file), topics, judgements }
}

/**
 * nDCG@10 by name of the judgements, over the first 1,000 hits.
 *
 * @param {Judged} judged
 * @param {(text: string, topicIndex: number) => Promise<{ hits: readonly { key: string, score: number }[] }>} search
 * @returns {Promise<Record<string, number>>}
 */
export async function ndcgOf({ topics, judgements }, search) {
  const run = new Map()
  for (const [i, [id, text]] of topics.entries()) run.set(id, (await search(text, i)).hits)
  return Object.fromEntries(
    judgements.map(({ name, qrels }) => [name, evaluate(run, qrels, ['nDCG@10']).means['nDCG@10']])
  )
}

function lines(file) {
  return readFileSync(file, 'utf8').split('\n')
}

async function encoded(name, texts) {
  const encoder = await SparseEncoder.load('splade-tiny', { precision: 'float32' })
  const built = new CsrBuilder()
  for await (const { terms, weights } of encoder.encodeDocument(stream(texts))) {
    built.add(terms, weights)
    if (built.numRows % 2000 === 0) {
      process.stderr.write(`${name}: ${built.numRows} of ${texts.length} texts encoded\n`)
    }
  }
  await encoder.close()
  return built.finish()
}

async function* stream(texts) {
  yield* texts
}
