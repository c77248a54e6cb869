import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { SparseEncoder } from 'esplanade/encoder'
import { readNouns } from '../../examples/reverse-dictionary/wordnet.mjs'
import { CsrBuilder, cachedFile, readCsr } from './csr.mjs'
import { mixed } from './mix.mjs'

/**
 * The vectors of the search benchmark: real ones, encoded by the shipped model once and kept in
 * `.cache/bench-search`.
 *
 * Documents: the passages of MS MARCO where they lie beside the project, as they do not in an
 * ordinary clone, else definitions of WordNet; more documents than there are come from `mix.mjs`.
 * Queries: `short`, 1,000 questions of MS MARCO (or descriptions that follow a definition);
 * `long`, the first 24 words of 1,000 documents; `ed`, the queries of a large model, SPLADE++ ED.
 */

const NUM_QUERIES = 1000
const LONG_QUERY_WORDS = 24
const SEED = 20261121

const path = name => fileURLToPath(new URL(name, import.meta.url))
const shared = path('../../../shared/data')

/** Where what takes long to make is kept. */
export const cacheFolder = path('../../.cache/bench-search')

const hasMsMarco = existsSync(join(shared, 'beir/msmarco-pool/corpus.jsonl'))

/** What the vectors are made of. */
export const source = hasMsMarco ? 'msmarco-pool' : 'wordnet'

/**
 * @param {number} numDocuments
 * @returns {Promise<string>} the file, see `csr.mjs`
 */
export async function documentFile(numDocuments) {
  mkdirSync(cacheFolder, { recursive: true })
  return cachedFile(join(cacheFolder, `${source}-${numDocuments}.csr`), async () => {
    const real = await cachedFile(join(cacheFolder, `${source}.csr`), () =>
      encoded(documentTexts())
    )
    return mixed(readCsr(real), numDocuments, SEED)
  })
}

/**
 * The vectors of texts as they are, none mixed.
 *
 * @param {string} name what to call them
 * @param {string[]} texts
 * @returns {Promise<string>} the file
 */
export async function textFile(name, texts) {
  mkdirSync(cacheFolder, { recursive: true })
  return cachedFile(join(cacheFolder, `${name}.csr`), () => encoded(texts))
}

/**
 * @param {'short' | 'long' | 'ed'} kind
 * @returns {Promise<string>} the file
 */
export async function queryFile(kind) {
  mkdirSync(cacheFolder, { recursive: true })
  return cachedFile(join(cacheFolder, `${source}-${kind}.csr`), () => {
    if (kind === 'ed') return splade()
    return encoded(kind === 'long' ? longTexts() : shortTexts(), 'encodeQuery')
  })
}

/** Whether the queries can be made from what is there. */
export function hasQueries(kind) {
  return kind !== 'ed' || hasMsMarco
}

async function encoded(texts, method = 'encodeDocument') {
  const encoder = await SparseEncoder.load('splade-tiny')
  const built = new CsrBuilder()
  for await (const { terms, weights } of encoder[method](stream(texts))) {
    built.add(terms, weights)
    if (built.numRows % 2000 === 0) {
      process.stderr.write(`${built.numRows} of ${texts.length} texts encoded\n`)
    }
  }
  await encoder.close()
  return built.finish()
}

async function* stream(texts) {
  yield* texts
}

/** The texts of the vectors that are not mixed. */
export function documentTexts() {
  if (!hasMsMarco) return Array.from(readNouns(), ({ text }) => text)
  return linesOf(join(shared, 'beir/msmarco-pool/corpus.jsonl')).map(({ title, text }) =>
    title ? `${title} ${text}` : text
  )
}

/** All real texts that there are: passages of MS MARCO where they are, then definitions. */
export function realTexts() {
  const definitions = { name: 'wordnet', texts: Array.from(readNouns(), ({ text }) => text) }
  return hasMsMarco ? [{ name: source, texts: documentTexts() }, definitions] : [definitions]
}

/** The texts of the queries `short`. */
export function shortTexts() {
  if (hasMsMarco) return marcoQueries().map(({ text }) => text)
  // What stands before the first comma or semicolon of a definition.
  return spread(documentTexts()).map(text => text.split(/[,;(]/)[0])
}

function longTexts() {
  return spread(documentTexts()).map(text => text.split(/\s+/).slice(0, LONG_QUERY_WORDS).join(' '))
}

function marcoQueries() {
  const file = join(shared, 'splade-queries/msmarco-passage.dev-subset.splade-pp-ed.jsonl.gz')
  return linesOf(file).slice(0, NUM_QUERIES)
}

/** The file holds round(1000 · weight). */
async function splade() {
  const { vocabulary } = await SparseEncoder.load('splade-tiny')
  const built = new CsrBuilder()
  for (const { vec } of marcoQueries()) {
    const entries = Object.entries(vec)
      .map(([token, weight]) => [vocabulary.idOf(token), weight / 1000])
      .filter(([term]) => term !== undefined)
      .sort(([a], [b]) => a - b)
    built.add(
      entries.map(([term]) => term),
      entries.map(([, weight]) => weight)
    )
  }
  return built.finish()
}

function linesOf(file) {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

/** As many as there are queries, at even distances. */
function spread(texts) {
  const step = Math.max(1, texts.length / NUM_QUERIES)
  const count = Math.min(NUM_QUERIES, texts.length)
  return Array.from({ length: count }, (_, i) => texts[Math.floor(i * step)])
}
