import type { TokenIds, Tokenizer } from '../text/tokenizer.ts'

/** What turns the texts of one side into tokens. */
export interface SideTokenizer {
  tokenize(text: string, options: { maxTokens: number }): TokenIds
}

/** Puts a prompt before every text; its tokens count. */
export function withPrompt(tokenizer: SideTokenizer, prompt: string): SideTokenizer {
  if (prompt === '') return tokenizer
  return { tokenize: (text, options) => tokenizer.tokenize(prompt + text, options) }
}

/** Leaves out the special tokens that a tokenizer puts around a text; they are not counted either. */
export function withoutSpecialTokens(tokenizer: Tokenizer): SideTokenizer {
  const { numBefore, numAround } = specialTokensAround(tokenizer)
  return {
    tokenize(text, { maxTokens }) {
      const { ids, numTruncated } = tokenizer.tokenize(text, { maxTokens: maxTokens + numAround })
      return { ids: ids.subarray(numBefore, ids.length - (numAround - numBefore)), numTruncated }
    }
  }
}

/** Only tokens of the text itself have a place in it. */
function specialTokensAround(tokenizer: Tokenizer): { numBefore: number; numAround: number } {
  const { ids, offsets } = tokenizer.encode('a')
  const isOfText = Array.from(ids, (_, i) => offsets[2 * i + 1]! > 0)
  return {
    numBefore: isOfText.indexOf(true),
    numAround: isOfText.filter(ofText => !ofText).length
  }
}
