/**
 * The nouns of WordNet for reproductions: one definition in so many, in the order of the file, and all
 * that are judged relevant, as JSON lines. So small a collection is indexed in a minute, also by a dense
 * model, and every clone has it.
 *
 *   node repro/wordnet.mjs 8 > nouns.jsonl
 */
import { readFileSync, realpathSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { readQrels } from 'esplanade/eval'
import { readNouns } from '../examples/reverse-dictionary/wordnet.mjs'

/** Where the topics and judgements of the reverse dictionary lie. */
export const DICTIONARY = fileURLToPath(new URL('../examples/reverse-dictionary', import.meta.url))

/**
 * @param {number} every 8: the first of eight, the first of the next eight, and so on
 * @returns {Promise<string[]>} a line each, with its end
 */
export async function nounLines(every) {
  const qrels = await readQrels(readFileSync(`${DICTIONARY}/qrels.txt`, 'utf8').split('\n'))
  const judged = new Set([...qrels.values()].flatMap(grades => [...grades.keys()]))
  const lines = []
  let index = 0
  for (const noun of readNouns()) {
    if (index % every === 0 || judged.has(noun._id)) lines.push(`${JSON.stringify(noun)}\n`)
    index++
  }
  return lines
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const every = Number(process.argv[2] ?? 1)
  if (!Number.isInteger(every) || every < 1) {
    process.stderr.write('usage: node repro/wordnet.mjs [EVERY]\n')
    process.exitCode = 2
  } else {
    await pipeline(Readable.from(await nounLines(every)), process.stdout).catch(error => {
      if (error.code !== 'EPIPE') throw error // the reader, for instance `head`, has had enough
    })
  }
}
