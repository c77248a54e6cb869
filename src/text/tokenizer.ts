import { EsplanadeError } from '../errors.ts'
import { AddedTokenSplitter } from './added-tokens.ts'
import { longestFirst } from './pair-room.ts'
import type { PairTemplate } from './pair-template.ts'
import type { SpecialTokens } from './special-tokens.ts'
import type { SequenceTemplate } from './template.ts'
import type { TextPipeline } from './text-pipeline.ts'
import { TokenSink } from './token-sink.ts'
import type { TokenizerFile } from './tokenizer-file.ts'
import { readTokenizerFile } from './tokenizer-file.ts'
import type { Vocabulary } from './vocabulary.ts'
import { createVocabulary, widenVocabulary } from './vocabulary.ts'

/** How many tokens of a text are read unless another number is asked for. */
export const DEFAULT_MAX_TOKENS = 256

export interface TokenizeOptions {
  /**
   * Tokens kept of a text, special tokens included; a longer text loses its end. Default 256;
   * `Infinity` keeps all.
   */
  readonly maxTokens?: number | undefined
}

/** The tokens of a text, as a model takes them. */
export interface TokenIds {
  /** Token ids, between those that the model wants around a text: `[CLS]` first and `[SEP]` last. */
  readonly ids: Uint32Array
  /** Tokens of the text that were left out because of `maxTokens`. */
  readonly numTruncated: number
}

/** The tokens of two texts that a model reads together. */
export interface PairIds {
  /** Token ids, between those that the model wants around a pair: `[CLS] first [SEP] second [SEP]`. */
  readonly ids: Uint32Array
  /** Of which text each token is, one a token: in BERT 0 or 1; 0 in families that do not tell. */
  readonly types: Uint8Array
  /** Tokens of both texts that were left out because of `maxTokens`. */
  readonly numTruncated: number
}

/** The tokens of a text and where in it they stand. */
export interface Encoding extends TokenIds {
  /**
   * Token `i` is `text.slice(offsets[2 * i], offsets[2 * i + 1])`: two UTF-16 indices a token. Starts
   * and ends ascend; tokens overlap only where one character became several of them (a Hangul
   * syllable is spelt in letters). The special tokens around a text have 0, 0.
   */
  readonly offsets: Uint32Array
}

/**
 * Text → tokens, for the vocabularies of BERT and DistilBERT (WordPiece), RoBERTa and ModernBERT
 * (byte-level BPE) and XLM-R (Unigram), with the results of the Rust library `tokenizers` (which
 * transformers uses): the same ids, and the same offsets except that a combining mark which
 * normalisation removes or composes belongs to the character it stands on, and that blanks at the
 * ends of a token are left out in every family.
 *
 * Why not `@huggingface/tokenizers`, which reads the same files: it gives no offsets; it differs from
 * the reference on Σ at the end of a word, on ideographs beyond the first plane and on marks and signs
 * that are younger than the reference's tables (53,697 code points in all); it does not read the table
 * of a `Precompiled` normaliser but takes the engine's NFKC for it; and its time grows with the
 * square of a word (3.3 s for 100 kB of words of 90 letters, 0.07 s here). The tests hold it
 * beside this tokenizer as a second opinion.
 */
export class Tokenizer {
  /** The terms of the model, one for each token id. */
  readonly vocabulary: Vocabulary
  readonly specialTokens: SpecialTokens
  readonly #template: SequenceTemplate
  readonly #pairTemplate: PairTemplate | undefined
  readonly #addedTokens: AddedTokenSplitter // those found in the text as given
  readonly #pipeline: TextPipeline

  private constructor(file: TokenizerFile, numTerms: number) {
    const { terms, addedTokens, template, specialTokens } = file
    const special = addedTokens.filter(token => token.special).map(token => token.id)
    const roles = Object.values(specialTokens).filter((id): id is number => id !== undefined)
    const around = template.before.concat(template.after)
    const named = createVocabulary(terms, special.concat(roles, around), file.spelling)
    this.vocabulary = widenVocabulary(named, numTerms)
    this.specialTokens = specialTokens
    this.#template = template
    this.#pairTemplate = file.pairTemplate
    this.#addedTokens = new AddedTokenSplitter(
      addedTokens.filter(token => !token.normalized).map(token => [token.content, token] as const)
    )
    this.#pipeline = file.pipeline
  }

  /**
   * Makes the tokenizer of a model from its parsed files.
   *
   * @param tokenizerJson - `tokenizer.json`; its own settings of truncation and padding are ignored
   * @param tokenizerConfig - `tokenizer_config.json`, which may name the special tokens
   * @param numTerms - terms of the model, where it has more than the tokenizer names
   * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` (a tokenizer of another
   * family), `MODEL_MISMATCH`
   */
  static fromJson(tokenizerJson: unknown, tokenizerConfig?: unknown, numTerms = 0): Tokenizer {
    return new Tokenizer(readTokenizerFile(tokenizerJson, tokenizerConfig), numTerms)
  }

  /**
   * The token ids of a text; the fast path of the encoder.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` if `maxTokens` leaves no room for the special tokens
   */
  tokenize(text: string, options: TokenizeOptions = {}): TokenIds {
    const sink = new TokenSink(this.#room(options.maxTokens), false)
    this.#fill(text, sink)
    return { ids: this.#framed(sink.ids), numTruncated: sink.numTokens - sink.numKept }
  }

  /**
   * The token ids of a text and where each stands; the same ids as {@link tokenize}.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` if `maxTokens` leaves no room for the special tokens
   */
  encode(text: string, options: TokenizeOptions = {}): Encoding {
    const sink = new TokenSink(this.#room(options.maxTokens), true)
    this.#addedTokens.forEachSection(text, (from, to, id) => {
      if (id === undefined) this.#pipeline.encode(text, from, to, sink)
      else sink.push(id, from, to)
    })
    const ids = this.#framed(sink.ids)
    const offsets = new Uint32Array(2 * ids.length)
    offsets.set(sink.offsets, 2 * this.#template.before.length)
    return { ids, offsets, numTruncated: sink.numTokens - sink.numKept }
  }

  /**
   * The token ids of two texts as one sequence, for models that read them together. A pair that is too
   * long loses the end of its longer text, then of both (`longest_first`, as transformers has it).
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` if `maxTokens` leaves no room for the special tokens;
   * `MODEL_UNSUPPORTED` where the tokenizer does not say what stands around a pair
   */
  tokenizePair(first: string, second: string, options: TokenizeOptions = {}): PairIds {
    const template = this.#pairTemplate ?? refusePairs()
    const numAround = template.reduce(
      (sum, part) => sum + (part.kind === 'special' ? part.ids.length : 0),
      0
    )
    const room = roomBetween(options.maxTokens, numAround)
    const [a, b] = [first, second].map(text => {
      const sink = new TokenSink(room, false)
      this.#fill(text, sink)
      return sink
    }) as [TokenSink, TokenSink]
    const [numFirst, numSecond] = longestFirst(a.numTokens, b.numTokens, room)
    const kept = { first: a.ids.subarray(0, numFirst), second: b.ids.subarray(0, numSecond) }
    const ids = new Uint32Array(numAround + numFirst + numSecond)
    const types = new Uint8Array(ids.length)
    let end = 0
    for (const part of template) {
      const own = part.kind === 'special' ? part.ids : kept[part.kind]
      ids.set(own, end)
      types.fill(part.type, end, end + own.length)
      end += own.length
    }
    return { ids, types, numTruncated: a.numTokens + b.numTokens - numFirst - numSecond }
  }

  /** The terms of token ids, as the vocabulary writes them (`##ing` continues a word, `Ġthe` begins one). */
  tokensOf(ids: Iterable<number>): string[] {
    return Array.from(ids, id => this.vocabulary.termOf(id))
  }

  /** How many tokens a text has, the special tokens around it not counted. */
  countTokens(text: string): number {
    const sink = new TokenSink(0, false)
    this.#fill(text, sink)
    return sink.numTokens
  }

  #fill(text: string, sink: TokenSink): void {
    this.#addedTokens.forEachSection(text, (from, to, id) => {
      if (id === undefined) this.#pipeline.tokenize(text, from, to, sink)
      else sink.push(id)
    })
  }

  /** How many tokens of a text there is room for between the special tokens. */
  #room(maxTokens: number | undefined): number {
    const { before, after } = this.#template
    return roomBetween(maxTokens, before.length + after.length)
  }

  #framed(ids: Uint32Array): Uint32Array {
    const { before, after } = this.#template
    const framed = new Uint32Array(before.length + ids.length + after.length)
    framed.set(before)
    framed.set(ids, before.length)
    framed.set(after, before.length + ids.length)
    return framed
  }
}

/** @throws EsplanadeError `INVALID_ARGUMENT` where not even the special tokens have room */
function roomBetween(maxTokens: number = DEFAULT_MAX_TOKENS, numAround: number): number {
  const room = maxTokens - numAround
  if (room >= 0 && (Number.isInteger(maxTokens) || maxTokens === Number.POSITIVE_INFINITY)) {
    return room
  }
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'maxTokens',
    problem: `${maxTokens} was given`,
    expected: `an integer from ${numAround}, or Infinity`
  })
}

function refusePairs(): never {
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: 'tokenizer.json',
    problem: 'the post_processor does not say what stands around a pair of texts',
    expected: 'one TemplateProcessing with "pair", BertProcessing or RobertaProcessing',
    remedy: 'Use the tokenizer.json that was saved with the cross-encoder'
  })
}
