import type { AddedToken } from './added-tokens.ts'
import type { BertNormalizerOptions } from './bert-normalizer.ts'
import { BertPipeline } from './bert-pipeline.ts'
import { readByteLevelBpe } from './byte-level-bpe.ts'
import { readMetaspaceUnigram } from './metaspace-unigram.ts'
import { readNormalizer } from './normalizers.ts'
import type { PairTemplate } from './pair-template.ts'
import { readPairTemplate } from './pair-template.ts'
import type { SpecialTokens } from './special-tokens.ts'
import { readSpecialTokens } from './special-tokens.ts'
import { SubwordPipeline } from './subword-pipeline.ts'
import type { SequenceTemplate } from './template.ts'
import { readTemplate } from './template.ts'
import type { TermSpelling } from './term-spelling.ts'
import { spelledAsIs, spelledInBytes, spelledWithMetaspace } from './term-spelling.ts'
import type { TextPipeline } from './text-pipeline.ts'
import type { JsonObject } from './tokenizer-json.ts'
import {
  asObject,
  invalidTokenizer,
  readCount,
  readFlag,
  readString,
  unsupportedTokenizer
} from './tokenizer-json.ts'
import { WordPiece } from './wordpiece.ts'

/** What a `tokenizer.json` and its `tokenizer_config.json` say, checked. */
export interface TokenizerFile {
  /** All terms in the order of their ids, added tokens among them. */
  readonly terms: readonly string[]
  readonly spelling: TermSpelling
  readonly pipeline: TextPipeline
  readonly addedTokens: readonly AddedToken[]
  readonly template: SequenceTemplate
  /** Undefined where the file does not say what stands around two texts. */
  readonly pairTemplate: PairTemplate | undefined
  readonly specialTokens: SpecialTokens
}

/** What the kinds of models share, read before them. */
interface Parts {
  readonly file: JsonObject
  readonly model: JsonObject
  /** The model's own terms, added tokens left out. */
  readonly ids: ReadonlyMap<string, number>
  readonly addedTokens: readonly AddedToken[]
}

interface ModelKind {
  readonly pipeline: TextPipeline
  readonly spelling: TermSpelling
  readonly unknownId: number | undefined
}

/** The kinds of models that are read, by `model.type`. */
const KINDS: Readonly<Record<string, (parts: Parts) => ModelKind>> = {
  WordPiece: readWordPiece,
  BPE: readBpe,
  Unigram: readUnigram
}

/**
 * Reads and checks a parsed `tokenizer.json`: WordPiece as BERT has it, byte-level BPE as RoBERTa and
 * ModernBERT have it, or Unigram as XLM-R has it.
 *
 * @throws EsplanadeError `MODEL_FILE_INVALID` if a part is missing or ill-formed; `MODEL_UNSUPPORTED`
 * if it is a tokenizer of another family; `MODEL_MISMATCH` if the config names a token it lacks
 */
export function readTokenizerFile(tokenizerJson: unknown, tokenizerConfig: unknown): TokenizerFile {
  const file = asObject(tokenizerJson)
  if (file === undefined) throw invalidTokenizer('not an object', 'the parsed tokenizer.json')
  const model = asObject(file.model)
  if (model === undefined) throw invalidTokenizer('"model" is missing', 'an object with "vocab"')
  const type = typeOf(model)
  const readKind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined
  if (readKind === undefined) {
    const supported = '"WordPiece", "BPE" (byte-level) or "Unigram"'
    throw unsupportedTokenizer('the type of the model', model.type, supported)
  }
  const ids = readVocab(model.vocab)
  const addedTokens = readAddedTokens(file.added_tokens)
  const terms = termsInOrder(ids, addedTokens)
  const idOf = new Map(terms.map((term, id) => [term, id]))
  const { pipeline, spelling, unknownId } = readKind({ file, model, ids, addedTokens })
  return {
    terms,
    spelling,
    pipeline,
    addedTokens,
    template: readTemplate(file.post_processor, idOf),
    pairTemplate: readPairTemplate(file.post_processor, idOf.size),
    specialTokens: readSpecialTokens(tokenizerConfig, idOf, unknownId)
  }
}

/** Files from before 2021 do not name the type; each has parts that no other has. */
function typeOf({ type, merges, vocab }: JsonObject): string {
  if (type !== undefined) return String(type)
  if (merges !== undefined) return 'BPE'
  return Array.isArray(vocab) ? 'Unigram' : 'WordPiece'
}

function readWordPiece({ file, model, ids, addedTokens }: Parts): ModelKind {
  const unknown = model.unk_token ?? '[UNK]'
  const unknownId = typeof unknown === 'string' ? ids.get(unknown) : undefined
  if (unknownId === undefined) {
    throw invalidTokenizer(`the vocabulary lacks the unknown token ${JSON.stringify(unknown)}`)
  }
  const type = asObject(file.pre_tokenizer)?.type
  if (type !== 'BertPreTokenizer') {
    throw unsupportedTokenizer(
      'the type of the pre-tokenizer of WordPiece',
      type,
      '"BertPreTokenizer"'
    )
  }
  const wordPiece = new WordPiece({
    ids,
    unknownId,
    continuingPrefix: readString(model.continuing_subword_prefix, '##', 'the subword prefix'),
    maxCharsPerWord: readCount(model.max_input_chars_per_word, 100, 'max_input_chars_per_word')
  })
  const pipeline = new BertPipeline(readBertNormalizer(file.normalizer), wordPiece, addedTokens)
  return { pipeline, unknownId, spelling: spelledAsIs }
}

function readBpe({ file, model, ids, addedTokens }: Parts): ModelKind {
  const bpe = readByteLevelBpe(model, file.pre_tokenizer, ids)
  const pipeline = new SubwordPipeline(readNormalizer(file.normalizer), bpe, addedTokens)
  const unknownId = typeof model.unk_token === 'string' ? ids.get(model.unk_token) : undefined
  return { pipeline, unknownId, spelling: spelledInBytes }
}

function readUnigram({ file, model, ids, addedTokens }: Parts): ModelKind {
  const unigram = readMetaspaceUnigram(model, file.pre_tokenizer, ids)
  const pipeline = new SubwordPipeline(readNormalizer(file.normalizer), unigram, addedTokens)
  return { pipeline, unknownId: model.unk_id as number, spelling: spelledWithMetaspace }
}

/** Terms and their ids: an object, or for Unigram a list of terms and scores. */
function readVocab(vocab: unknown): Map<string, number> {
  if (Array.isArray(vocab) && Array.isArray(vocab[0])) return readScoredVocab(vocab)
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

function readScoredVocab(vocab: readonly unknown[]): Map<string, number> {
  const ids = new Map<string, number>()
  vocab.forEach((entry, id) => {
    const [term, score] = Array.isArray(entry) ? entry : []
    if (typeof term !== 'string' || typeof score !== 'number' || ids.has(term)) {
      throw invalidTokenizer(
        `model.vocab[${id}] is ${JSON.stringify(entry)}`,
        'a term and its score, each term once'
      )
    }
    ids.set(term, id)
  })
  return ids
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
      normalized: typeof token?.normalized === 'boolean' ? token.normalized : !special,
      stripsLeft: token?.lstrip === true,
      stripsRight: token?.rstrip === true
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

function readBertNormalizer(value: unknown): BertNormalizerOptions {
  const normalizer = asObject(value)
  if (normalizer?.type !== 'BertNormalizer') {
    const part = 'the type of the normalizer of WordPiece'
    throw unsupportedTokenizer(part, normalizer?.type, '"BertNormalizer"')
  }
  const flag = (name: string, absent: boolean): boolean =>
    readFlag(normalizer[name], absent, `normalizer.${name}`)
  const lowercase = flag('lowercase', true)
  return {
    cleanText: flag('clean_text', true),
    handleChineseChars: flag('handle_chinese_chars', true),
    stripAccents: flag('strip_accents', lowercase), // null means: as lowercase
    lowercase
  }
}
