import type { JsonObject } from './tokenizer-json.ts'
import { asObject, invalidTokenizer, unsupportedTokenizer } from './tokenizer-json.ts'

/** The special tokens that stand around a text: `[CLS] … [SEP]` in BERT. */
export interface SequenceTemplate {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/**
 * Reads the `post_processor` of a `tokenizer.json`: `TemplateProcessing`, `BertProcessing`,
 * `RobertaProcessing`, `ByteLevel` (which adds nothing) or a `Sequence` of them; none means that nothing
 * is added.
 *
 * @param idOf - the id of every term, to check that the tokens exist
 * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`
 */
export function readTemplate(
  postProcessor: unknown,
  idOf: ReadonlyMap<string, number>
): SequenceTemplate {
  if (postProcessor === undefined || postProcessor === null) return { before: [], after: [] }
  const options = asObject(postProcessor) ?? {}
  switch (options.type) {
    case 'TemplateProcessing':
      return readSingle(options, idOf)
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [idOfPair(options.cls, idOf)], after: [idOfPair(options.sep, idOf)] }
    case 'ByteLevel':
      return { before: [], after: [] }
    case 'Sequence':
      return readSequence(options, idOf)
    default:
      throw unsupportedTokenizer(
        'the type of the post-processor',
        options.type,
        '"TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel" or "Sequence"'
      )
  }
}

/** Each processor adds its tokens around what the one before has made. */
function readSequence(
  { processors }: JsonObject,
  idOf: ReadonlyMap<string, number>
): SequenceTemplate {
  if (!Array.isArray(processors)) {
    throw invalidTokenizer('post_processor.processors is not a list', 'a list of post-processors')
  }
  const templates = processors.map(processor => readTemplate(processor, idOf))
  return {
    before: templates.toReversed().flatMap(({ before }) => before),
    after: templates.flatMap(({ after }) => after)
  }
}

function readSingle(
  { single, special_tokens }: JsonObject,
  idOf: ReadonlyMap<string, number>
): SequenceTemplate {
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

/** Whether a value is a list of token ids. */
export function isIds(value: unknown, size: number): value is number[] {
  return Array.isArray(value) && value.every(id => Number.isInteger(id) && 0 <= id && id < size)
}

/** `["[CLS]", 101]` → 101. */
function idOfPair(pair: unknown, idOf: ReadonlyMap<string, number>): number {
  if (Array.isArray(pair) && typeof pair[1] === 'number' && idOf.get(pair[0]) === pair[1]) {
    return pair[1]
  }
  throw invalidTokenizer(`post_processor holds ${JSON.stringify(pair)}`, 'a known token and its id')
}
