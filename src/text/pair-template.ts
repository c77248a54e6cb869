import { isIds } from './template.ts'
import type { JsonObject } from './tokenizer-json.ts'
import { asObject, invalidTokenizer } from './tokenizer-json.ts'

/** A part of a pair: one of its two texts, or special tokens. */
export type PairPart =
  | { readonly kind: 'first' | 'second'; readonly type: number }
  | { readonly kind: 'special'; readonly ids: readonly number[]; readonly type: number }

/**
 * The parts of a pair of texts in their order, each with the type of its tokens: in BERT
 * `[CLS] first [SEP]` of type 0 and `second [SEP]` of type 1.
 */
export type PairTemplate = readonly PairPart[]

const TEXTS: PairTemplate = [
  { kind: 'first', type: 0 },
  { kind: 'second', type: 1 }
]

/**
 * Reads what the `post_processor` of a `tokenizer.json` puts around two texts. Which processors there are,
 * and that their tokens exist, has been checked for one text.
 *
 * @param size - terms of the vocabulary
 * @returns undefined where the file does not say, or where several processors have a say
 * @throws EsplanadeError `MODEL_FILE_INVALID`
 */
export function readPairTemplate(postProcessor: unknown, size: number): PairTemplate | undefined {
  const options = asObject(postProcessor) ?? {}
  const { type, cls, sep } = options
  switch (type) {
    case 'TemplateProcessing':
      return readPair(options, size)
    case 'BertProcessing':
      return pairOf(idOf(cls), [idOf(sep)], 1, idOf(sep))
    case 'RobertaProcessing':
      // All tokens are of one type, as RoBERTa was trained without.
      return pairOf(idOf(cls), [idOf(sep), idOf(sep)], 0, idOf(sep))
    case 'Sequence':
      return readSequence(options, size)
    default:
      return TEXTS
  }
}

function pairOf(cls: number, between: number[], type: number, sep: number): PairTemplate {
  return [
    { kind: 'special', ids: [cls], type: 0 },
    { kind: 'first', type: 0 },
    { kind: 'special', ids: between, type: 0 },
    { kind: 'second', type },
    { kind: 'special', ids: [sep], type }
  ]
}

/** `["[CLS]", 101]` → 101. */
function idOf(pair: unknown): number {
  return (pair as [string, number])[1]
}

/** `ByteLevel` adds nothing, so one other processor may stand beside it. */
function readSequence({ processors }: JsonObject, size: number): PairTemplate | undefined {
  const others = (processors as unknown[]).filter(one => asObject(one)?.type !== 'ByteLevel')
  return others.length > 1 ? undefined : readPairTemplate(others[0], size)
}

function readPair({ pair, special_tokens }: JsonObject, size: number): PairTemplate | undefined {
  if (!Array.isArray(pair)) return undefined
  const parts = pair.map((item): PairPart => {
    const { Sequence, SpecialToken } = asObject(item) ?? {}
    const { id, type_id: type = 0 } = asObject(Sequence ?? SpecialToken) ?? {}
    if (!Number.isInteger(type) || (type as number) < 0) throw invalidPart(item)
    if (Sequence !== undefined) {
      if (id !== 'A' && id !== 'B') throw invalidPart(item)
      return { kind: id === 'A' ? 'first' : 'second', type: type as number }
    }
    const ids = asObject(asObject(special_tokens)?.[String(id)])?.ids
    if (!isIds(ids, size)) throw invalidPart(item)
    return { kind: 'special', ids, type: type as number }
  })
  const texts = parts.filter(({ kind }) => kind !== 'special').map(({ kind }) => kind)
  if (texts.join() === 'first,second') return parts
  throw invalidTokenizer(`post_processor.pair holds the texts ${texts.join() || 'none'}`, 'A, B')
}

function invalidPart(item: unknown): Error {
  return invalidTokenizer(
    `post_processor.pair holds ${JSON.stringify(item)}`,
    'known tokens and the sequences A and B'
  )
}
