/** `esplanade/lexical`: text → the words that BM25 and TF-IDF count, as sparse vectors. */

export { type Analyzer, type WordAnalyzerOptions, wordAnalyzer } from '../lexical/analyzer.ts'
export type { Bm25Options, Bm25Variant } from '../lexical/bm25.ts'
export {
  LexicalEncoder,
  type LexicalEncoderOptions,
  type LexicalWeighting
} from '../lexical/lexical-encoder.ts'
export type { Lexicon } from '../lexical/lexicon.ts'
export { ENGLISH_STOP_WORDS } from '../lexical/stop-words.ts'
