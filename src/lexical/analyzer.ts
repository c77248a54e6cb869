import { stem } from 'porter2'
import { ENGLISH_STOP_WORDS } from './stop-words.ts'

/** Text → the words that are counted, in their order, each as often as it stands there. */
export type Analyzer = (text: string) => string[]

/** Options of {@link wordAnalyzer}. */
export interface WordAnalyzerOptions {
  /** What makes the forms of a word one; default: Porter's second stemmer for English. */
  readonly stem?: (word: string) => string
  /** Words that are left out, in lower case, before they are stemmed; default: Lucene's list. */
  readonly stopWords?: ReadonlySet<string>
}

/** Runs of at least two letters, digits or underscores: the token pattern of scikit-learn and bm25s. */
export const WORD: RegExp = /[\p{L}\p{N}_]{2,}/gu

/**
 * Words in lower case, stop words left out, stemmed.
 *
 * The stemmer is Snowball's `english` (Porter 2001, https://snowballstem.org/algorithms/english/stemmer.html).
 */
export function wordAnalyzer(options: WordAnalyzerOptions = {}): Analyzer {
  const { stem: stemOf = stem, stopWords = ENGLISH_STOP_WORDS } = options
  // A text has few words that it does not share with others.
  const stems = new Map<string, string>()
  return text => {
    const words: string[] = []
    for (const word of text.toLowerCase().match(WORD) ?? []) {
      if (stopWords.has(word)) continue
      let known = stems.get(word)
      if (known === undefined) {
        known = stemOf(word)
        if (stems.size >= MAX_STEMS) stems.clear()
        stems.set(word, known)
      }
      words.push(known)
    }
    return words
  }
}

/** Stems that are remembered: some 10 MB. */
const MAX_STEMS = 100_000
