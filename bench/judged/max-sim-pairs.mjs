import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ColbertEncoder, maxSim } from 'esplanade/rerank'
import { DENSE_MODEL } from '../pareto/vectors.mjs'

const cacheFolder = fileURLToPath(new URL('../../.cache/bench-judged', import.meta.url))
/** Texts that are encoded at a time; their token vectors are in memory together. */
const AT_ONCE = 64

/**
 * MaxSim of queries and their candidates, over the token vectors of the dense model. A document is
 * encoded once, however many queries it is a candidate of, and its vectors, some 300 kB, are let go;
 * only the scores are kept, in `.cache/bench-judged`.
 *
 * @param {string} name of the collection
 * @param {readonly (readonly [id: string, text: string])[]} topics
 * @param {readonly (readonly string[])[]} candidates keys of each topic
 * @param {ReadonlyMap<string, string>} textOf by key
 * @returns {Promise<Map<string, number>[]>} of each topic the scores by key
 */
export async function maxSimOfPairs(name, topics, candidates, textOf) {
  const hash = createHash('sha256')
    .update(JSON.stringify([topics, candidates]))
    .digest('hex')
  const file = join(cacheFolder, `${name}-${hash.slice(0, 8)}-maxsim.json`)
  if (!existsSync(file)) {
    const scores = await scorePairs(name, topics, candidates, textOf)
    mkdirSync(cacheFolder, { recursive: true })
    writeFileSync(`${file}.partial`, JSON.stringify(scores.map(one => [...one])))
    renameSync(`${file}.partial`, file)
  }
  return JSON.parse(readFileSync(file, 'utf8')).map(one => new Map(one))
}

async function scorePairs(name, topics, candidates, textOf) {
  const topicsOf = new Map()
  for (const [i, keys] of candidates.entries()) {
    for (const key of keys) topicsOf.set(key, [...(topicsOf.get(key) ?? []), i])
  }
  const encoder = await ColbertEncoder.load(DENSE_MODEL)
  const queries = await encoder.encodeQuery(topics.map(([, text]) => text))
  const scores = topics.map(() => new Map())
  // Texts of similar length fill a batch better.
  const keys = [...topicsOf.keys()].sort((a, b) => textOf.get(a).length - textOf.get(b).length)
  for (let start = 0; start < keys.length; start += AT_ONCE) {
    const part = keys.slice(start, start + AT_ONCE)
    const documents = await encoder.encodeDocument(part.map(key => textOf.get(key)))
    for (const [i, key] of part.entries()) {
      for (const topic of topicsOf.get(key))
        scores[topic].set(key, maxSim(queries[topic], documents[i]))
    }
    if (start % (AT_ONCE * 16) === 0) {
      process.stderr.write(`${name}: token vectors of ${start} of ${keys.length} texts\n`)
    }
  }
  await encoder.close()
  return scores
}
