import { readFileSync } from 'node:fs'
import { Tokenizer } from '../../src/text/tokenizer.ts'

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))
}

/** Parsed JSON of which a test may spoil any part. */
// biome-ignore lint/suspicious/noExplicitAny: what is wrong with it is the point
export type Spoilable = Record<string, any>

/** A fresh copy of the shipped model's `tokenizer.json`, to be changed at will. */
export function shippedTokenizerJson(): Spoilable {
  return readJson('models/splade-tiny/tokenizer.json') as Spoilable
}

/** The tokenizer of the shipped model, that of bert-base-uncased. */
export const shippedTokenizer: Tokenizer = Tokenizer.fromJson(
  shippedTokenizerJson(),
  readJson('models/splade-tiny/tokenizer_config.json')
)

/** Whether two lists of ids are the same; quicker than `toEqual` where they are long. */
export function areSame(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}

/** One token: its term, and the piece of the text it covers. */
export function piecesOf(text: string): [token: string, piece: string][] {
  const { ids, offsets } = shippedTokenizer.encode(text, { maxTokens: Number.POSITIVE_INFINITY })
  const tokens = shippedTokenizer.tokensOf(ids)
  return tokens
    .map((token, i): [string, string] => [token, text.slice(offsets[2 * i], offsets[2 * i + 1])])
    .slice(1, -1)
}
