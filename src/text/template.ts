import { asObject, invalidTokenizer, unsupportedTokenizer } from './tokenizer-json.ts'

/** The special tokens that stand around a text: `[CLS] … [SEP]` in BERT. */
export interface SequenceTemplate {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/**
 * Reads the `post_processor` of a `tokenizer.json` (`TemplateProcessing` or `BertProcessing`); none
 * means that nothing is added.
 *
 * @param idOf - the id of every term, to check that the tokens exist
 * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`
 */
export function readTemplate(
  postProcessor: unknown,
  idOf: ReadonlyMap<string, number>
): SequenceTemplate {
  if (postProcessor === undefined || postProcessor === null) return { before: [], after: [] }
  const { type, cls, sep, single, special_tokens } = asObject(postProcessor) ?? {}
  if (type === 'BertProcessing') {
    return { before: [idOfPair(cls, idOf)], after: [idOfPair(sep, idOf)] }
  }
  if (type !== 'TemplateProcessing') {
    const supported = '"TemplateProcessing" or "BertProcessing"'
    throw unsupportedTokenizer('the type of the post-processor', type, supported)
  }
  const before: number[] = []
  const after: number[] = []
  let numSequences = 0
  for (const item of Array.isArray(single) ? single : []) {
    const { Sequence, SpecialToken } = asObject(item) ?? {}
    if (Sequence !== undefined) numSequences++
    else {
      const name = asObject(SpecialToken)?.id
      const ids = asObject(asObject(special_tokens)?.[String(name)])?.ids
      if (!isIds(ids, idOf.size)) {
        throw invalidTokenizer(
          `post_processor.single holds ${JSON.stringify(item)}`,
          'known tokens'
        )
      }
      const side = numSequences === 0 ? before : after
      side.push(...ids)
    }
  }
  if (numSequences !== 1) {
    throw invalidTokenizer(`post_processor.single has ${numSequences} sequences`, 'one')
  }
  return { before, after }
}

function isIds(value: unknown, size: number): value is number[] {
  return Array.isArray(value) && value.every(id => Number.isInteger(id) && 0 <= id && id < size)
}

/** `["[CLS]", 101]` → 101. */
function idOfPair(pair: unknown, idOf: ReadonlyMap<string, number>): number {
  if (Array.isArray(pair) && typeof pair[1] === 'number' && idOf.get(pair[0]) === pair[1]) {
    return pair[1]
  }
  throw invalidTokenizer(`post_processor holds ${JSON.stringify(pair)}`, 'a known token and its id')
}
