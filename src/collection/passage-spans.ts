import { type Passage, splitPassages } from '../corpus/passages.ts'
import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import type { StoredDocument } from './store.ts'

/** The special tokens at either end count as the model's, not as the passage's. */
const NUM_SPECIAL_TOKENS = 2

/** What counts the tokens of a text: an encoder. */
export interface Splitter {
  readonly tokenizer: Pick<Tokenizer, 'countTokens'>
}

/** The passages of a text: one where it is not to be split, or fits. */
export function splitText(
  { text = '', borders }: { readonly text?: string; readonly borders?: readonly number[] },
  { passageTokens = 0 }: { readonly passageTokens?: number },
  splitter: Splitter | undefined
): Passage[] {
  if (passageTokens === 0 || splitter === undefined) return [{ start: 0, end: text.length }]
  return splitPassages(text, {
    maxTokens: passageTokens - NUM_SPECIAL_TOKENS,
    countTokens: part => splitter.tokenizer.countTokens(part),
    ...(borders && { borders })
  })
}

/** The texts of a document's passages. */
export function textsOf({ text, passages }: Pick<StoredDocument, 'text' | 'passages'>): string[] {
  return passages?.map(([start, end]) => text.slice(start, end)) ?? [text]
}

/** A limit without meaning is one mistake of the caller's. @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkPassageTokens(passageTokens: number | undefined): void {
  if (passageTokens === undefined || passageTokens === 0) return
  if (Number.isInteger(passageTokens) && passageTokens > NUM_SPECIAL_TOKENS) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'passageTokens',
    problem: `${passageTokens} is out of range`,
    expected: `0, or a whole number from ${NUM_SPECIAL_TOKENS + 1}`
  })
}
