import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readNouns } from '../../examples/reverse-dictionary/wordnet.mjs'

const passages = fileURLToPath(
  new URL('../../../shared/data/beir/msmarco-pool/corpus.jsonl', import.meta.url)
)

/**
 * A file of texts: passages of MS MARCO where they lie beside the project, as they do not in an
 * ordinary clone, else definitions of WordNet.
 *
 * @param {number} numTexts
 * @param {string} folder where the texts are written
 * @param {number} numJoined how many passages or definitions make a text
 * @returns {{ name: string, path: string }}
 */
export function corpusOf(numTexts, folder, numJoined) {
  const isReal = existsSync(passages)
  if (isReal && numJoined === 1) return { name: 'msmarco-pool', path: passages }
  const path = join(folder, 'texts.jsonl')
  const lines = []
  let joined = []
  for (const text of isReal ? readPassages() : readDefinitions()) {
    if (lines.length === numTexts) break
    joined.push(text)
    if (joined.length < numJoined) continue
    lines.push(`${JSON.stringify({ _id: String(lines.length), text: joined.join(' ') })}\n`)
    joined = []
  }
  writeFileSync(path, lines.join(''))
  return { name: isReal ? 'msmarco-pool' : 'WordNet', path }
}

function* readPassages() {
  for (const line of readFileSync(passages, 'utf8').split('\n')) {
    if (line !== '') yield JSON.parse(line).text
  }
}

function* readDefinitions() {
  for (const { text } of readNouns()) yield text
}
