import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DICTIONARY, nounLines } from '../wordnet.mjs'

/**
 * Where the parts of a reproduction lie.
 *
 * @typedef {object} Places
 * @property {string} corpus what `esplanade index` reads
 * @property {string} topics
 * @property {string} qrels
 * @property {string} collection names its corpus and options: another one has another name
 * @property {string} run
 */

/**
 * @param {import('./definition.mjs').Definition} definition
 * @param {{ data: string, cache: string }} options
 * @returns {Promise<Places | { missing: string }>}
 */
export async function placesOf(definition, { data, cache }) {
  const { name, corpus, index } = definition
  mkdirSync(cache, { recursive: true })
  const folder = corpus.wordnet === undefined ? join(data, corpus.beir) : DICTIONARY
  if (!existsSync(folder)) return { missing: `no folder ${folder}` }
  const input = corpus.wordnet === undefined ? folder : await nouns(corpus.wordnet.every, cache)
  const content = corpus.wordnet === undefined ? join(folder, 'corpus.jsonl') : input
  const places = { topics: join(folder, definition.topics), qrels: join(folder, definition.qrels) }
  for (const file of [content, places.topics, places.qrels]) {
    if (!existsSync(file)) return { missing: `no file ${file}` }
  }
  const hash = createHash('sha256').update(JSON.stringify(index))
  await pipeline(createReadStream(content), hash)
  const key = hash.digest('hex').slice(0, 8)
  const collection = join(cache, `${corpus.beir ?? 'wordnet'}-${key}`)
  return { ...places, corpus: input, collection, run: join(cache, `${name}.trec`) }
}

/** Files that were written by this process. */
const written = new Set()

async function nouns(every, cache) {
  const file = join(cache, `wordnet-${every}.jsonl`)
  if (written.has(file)) return file
  writeFileSync(`${file}.partial`, (await nounLines(every)).join(''))
  renameSync(`${file}.partial`, file)
  written.add(file)
  return file
}
