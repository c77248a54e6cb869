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
  /** Stands for what the vocabulary cannot spell; byte-level vocabularies spell everything. */
  readonly unk: number | undefined
}

/** What models call the tokens unless `tokenizer_config.json` says otherwise, BERT's names first. */
const USUAL_NAMES = {
  cls: ['[CLS]', '<s>'],
  sep: ['[SEP]', '</s>'],
  pad: ['[PAD]', '<pad>'],
  mask: ['[MASK]', '<mask>'],
  unk: ['[UNK]', '<unk>']
}

/**
 * Finds the special tokens: those the `tokenizer_config.json` names (`"cls_token": "[CLS]"`, or an
 * object with `content`), else those with the names of BERT or RoBERTa.
 *
 * @throws EsplanadeError `MODEL_MISMATCH` if the config names a token that the vocabulary lacks
 */
export function readSpecialTokens(
  tokenizerConfig: unknown,
  idOf: ReadonlyMap<string, number>,
  unk: number | undefined
): SpecialTokens {
  const config = asObject(tokenizerConfig) ?? {}
  const find = (role: keyof typeof USUAL_NAMES): number | undefined => {
    const named = config[`${role}_token`]
    const name = asObject(named)?.content ?? named
    if (typeof name !== 'string') {
      return USUAL_NAMES[role].map(usual => idOf.get(usual)).find(found => found !== undefined)
    }
    const id = idOf.get(name)
    if (id !== undefined) return id
    throw new EsplanadeError('MODEL_MISMATCH', {
      place: 'tokenizer_config.json',
      problem: `${role}_token is ${JSON.stringify(name)}, which tokenizer.json lacks`,
      expected: 'a term of the vocabulary',
      remedy: 'Fetch the model again: its files do not belong together'
    })
  }
  return {
    cls: find('cls'),
    sep: find('sep'),
    pad: find('pad'),
    mask: find('mask'),
    unk: unk ?? find('unk')
  }
}
