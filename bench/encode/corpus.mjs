import { existsSync, writeFileSync } from 'node:fs'
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
 * @param {string} folder where the definitions are written
 * @returns {{ name: string, path: string }}
 */
export function corpusOf(numTexts, folder) {
  if (existsSync(passages)) return { name: 'msmarco-pool', path: passages }
  const path = join(folder, 'wordnet.jsonl')
  const lines = []
  for (const { _id, text } of readNouns()) {
    if (lines.length === numTexts) break
    lines.push(`${JSON.stringify({ _id, text })}\n`)
  }
  writeFileSync(path, lines.join(''))
  return { name: 'WordNet', path }
}
