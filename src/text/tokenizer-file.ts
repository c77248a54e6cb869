import type { AddedToken } from './added-tokens.ts'
import type { BertNormalizerOptions } from './bert-normalizer.ts'
import type { SpecialTokens } from './special-tokens.ts'
import { readSpecialTokens } from './special-tokens.ts'
import type { SequenceTemplate } from './template.ts'
import { readTemplate } from './template.ts'
import { asObject, invalidTokenizer, unsupportedTokenizer } from './tokenizer-json.ts'
import type { WordPieceOptions } from './wordpiece.ts'

/** What a `tokenizer.json` and its `tokenizer_config.json` say, checked. */
export interface TokenizerFile {
  /** All terms in the order of their ids, added tokens among them. */
  readonly terms: readonly string[]
  readonly wordPiece: WordPieceOptions
  readonly normalizer: BertNormalizerOptions
  readonly addedTokens: readonly AddedToken[]
  readonly template: SequenceTemplate
  readonly specialTokens: SpecialTokens
}

/**
 * Reads and checks a parsed `tokenizer.json` of a BERT model (WordPiece).
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID` if a part is missing or ill-formed; `MODEL_UNSUPPORTED`
 * if it is a tokenizer of another family; `MODEL_MISMATCH` if the config names a token it lacks
 */
export function readTokenizerFile(tokenizerJson: unknown, tokenizerConfig: unknown): TokenizerFile {
  const file = asObject(tokenizerJson)
  if (file === undefined) throw invalidTokenizer('not an object', 'the parsed tokenizer.json')
  const model = asObject(file.model)
  if (model === undefined) throw invalidTokenizer('"model" is missing', 'an object with "vocab"')
  if ((model.type ?? 'WordPiece') !== 'WordPiece') {
    throw unsupportedTokenizer('the type of the model', model.type, '"WordPiece"')
  }
  const ids = readVocab(model.vocab)
  const addedTokens = readAddedTokens(file.added_tokens)
  const terms = termsInOrder(ids, addedTokens)
  const idOf = new Map(terms.map((term, id) => [term, id]))
  const unknown = model.unk_token ?? '[UNK]'
  const unknownId = typeof unknown === 'string' ? ids.get(unknown) : undefined
  if (unknownId === undefined) {
    throw invalidTokenizer(`the vocabulary lacks the unknown token ${JSON.stringify(unknown)}`)
  }
  checkPreTokenizer(file.pre_tokenizer)
  return {
    terms,
    wordPiece: {
      ids,
      unknownId,
      continuingPrefix: readString(model.continuing_subword_prefix, '##', 'the subword prefix'),
      maxCharsPerWord: readCount(model.max_input_chars_per_word, 100, 'max_input_chars_per_word')
    },
    normalizer: readNormalizer(file.normalizer),
    addedTokens,
    template: readTemplate(file.post_processor, idOf),
    specialTokens: readSpecialTokens(tokenizerConfig, idOf, unknownId)
  }
}

function readVocab(vocab: unknown): Map<string, number> {
  const entries = Object.entries(asObject(vocab) ?? {})
  if (entries.length === 0) {
    throw invalidTokenizer('model.vocab is missing or empty', 'an object of term and id')
  }
  for (const [term, id] of entries) {
    if (!Number.isInteger(id) || (id as number) < 0) {
      throw invalidTokenizer(
        `the id of ${JSON.stringify(term)} is ${JSON.stringify(id)}`,
        'an integer from 0'
      )
    }
  }
  return new Map(entries as [string, number][])
}

function readAddedTokens(value: unknown): AddedToken[] {
  if (value !== undefined && value !== null && !Array.isArray(value)) {
    throw invalidTokenizer('added_tokens is not a list', 'a list of objects')
  }
  return (value ?? []).map((entry: unknown, index: number) => {
    const token = asObject(entry)
    const { id, content } = token ?? {}
    if (!Number.isInteger(id) || (id as number) < 0 || typeof content !== 'string') {
      throw invalidTokenizer(
        `added_tokens[${index}] is ${JSON.stringify(entry)}`,
        'an object with "id" and "content"'
      )
    }
    const special = token?.special === true
    return {
      id: id as number,
      content,
      special,
      singleWord: token?.single_word === true,
      normalized: typeof token?.normalized === 'boolean' ? token.normalized : !special
    }
  })
}

/** Terms by id; every id from 0 to the largest must have one term. */
function termsInOrder(ids: ReadonlyMap<string, number>, added: readonly AddedToken[]): string[] {
  const all = new Map(ids)
  for (const { content, id } of added) all.set(content, id)
  const terms: (string | undefined)[] = new Array(all.size).fill(undefined)
  for (const [term, id] of all) {
    if (id >= all.size || terms[id] !== undefined) {
      const problem = id >= all.size ? 'leaves a gap before it' : 'is that of another term too'
      throw invalidTokenizer(
        `the id ${id} of ${JSON.stringify(term)} ${problem}`,
        `ids from 0 to ${all.size - 1}, each once`
      )
    }
    terms[id] = term
  }
  return terms as string[]
}

function readNormalizer(value: unknown): BertNormalizerOptions {
  const normalizer = asObject(value)
  if (normalizer?.type !== 'BertNormalizer') {
    throw unsupportedTokenizer('the type of the normalizer', normalizer?.type, '"BertNormalizer"')
  }
  const flag = (name: string, absent: boolean): boolean => {
    const given = normalizer[name] ?? absent
    if (typeof given === 'boolean') return given
    throw invalidTokenizer(`normalizer.${name} is ${JSON.stringify(given)}`, 'true or false')
  }
  const lowercase = flag('lowercase', true)
  return {
    cleanText: flag('clean_text', true),
    handleChineseChars: flag('handle_chinese_chars', true),
    stripAccents: flag('strip_accents', lowercase), // null means: as lowercase
    lowercase
  }
}

function checkPreTokenizer(value: unknown): void {
  const type = asObject(value)?.type
  if (type !== 'BertPreTokenizer') {
    throw unsupportedTokenizer('the type of the pre-tokenizer', type, '"BertPreTokenizer"')
  }
}

function readString(value: unknown, absent: string, name: string): string {
  const given = value ?? absent
  if (typeof given === 'string') return given
  throw invalidTokenizer(`${name} is ${JSON.stringify(given)}`, 'a string')
}

function readCount(value: unknown, absent: number, name: string): number {
  const given = value ?? absent
  if (Number.isInteger(given) && (given as number) > 0) return given as number
  throw invalidTokenizer(`${name} is ${JSON.stringify(given)}`, 'an integer above 0')
}
