/** `esplanade/text`: text → tokens. */

export type { SpecialTokens } from '../text/special-tokens.ts'
export {
  DEFAULT_MAX_TOKENS,
  type Encoding,
  type TokenIds,
  type TokenizeOptions,
  Tokenizer
} from '../text/tokenizer.ts'
export { createVocabulary, type Vocabulary } from '../text/vocabulary.ts'
