import { EsplanadeError } from '../errors.ts'
import { asObject } from './tokenizer-json.ts'

/** Ids of the tokens with a role of their own; undefined where the vocabulary has none. */
export interface SpecialTokens {
  /** Begins a text. */
  readonly cls: number | undefined
  /** Ends a text. */
  readonly sep: number | undefined
  /** Fills a batch up. */
  readonly pad: number | undefined
  /** Stands for a word that the model shall guess. */
  readonly mask: number | undefined
  /** Stands for a word that the vocabulary cannot spell. */
  readonly unk: number
}

/**
 * Finds the special tokens: those the `tokenizer_config.json` names (`"cls_token": "[CLS]"`, or an
 * object with `content`), else those with BERT's names.
 *
 * @throws EsplanadeError `MODEL_MISMATCH` if the config names a token that the vocabulary lacks
 */
export function readSpecialTokens(
  tokenizerConfig: unknown,
  idOf: ReadonlyMap<string, number>,
  unk: number
): SpecialTokens {
  const config = asObject(tokenizerConfig) ?? {}
  const find = (role: string): number | undefined => {
    const named = config[`${role}_token`]
    const name = asObject(named)?.content ?? named
    if (typeof name !== 'string') return idOf.get(`[${role.toUpperCase()}]`)
    const id = idOf.get(name)
    if (id !== undefined) return id
    throw new EsplanadeError('MODEL_MISMATCH', {
      place: 'tokenizer_config.json',
      problem: `${role}_token is ${JSON.stringify(name)}, which tokenizer.json lacks`,
      expected: 'a term of the vocabulary',
      remedy: 'Fetch the model again: its files do not belong together'
    })
  }
  return { cls: find('cls'), sep: find('sep'), pad: find('pad'), mask: find('mask'), unk }
}
