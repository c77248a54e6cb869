import { EsplanadeError } from '../errors.ts'
import { AddedTokenSplitter } from './added-tokens.ts'
import type { SpecialTokens } from './special-tokens.ts'
import type { SequenceTemplate } from './template.ts'
import type { TextPipeline } from './text-pipeline.ts'
import { TokenSink } from './token-sink.ts'
import type { TokenizerFile } from './tokenizer-file.ts'
import { readTokenizerFile } from './tokenizer-file.ts'
import type { Vocabulary } from './vocabulary.ts'
import { createVocabulary } from './vocabulary.ts'

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
  readonly #addedTokens: AddedTokenSplitter // those found in the text as given
  readonly #pipeline: TextPipeline

  private constructor(file: TokenizerFile) {
    const { terms, addedTokens, template, specialTokens } = file
    const special = addedTokens.filter(token => token.special).map(token => token.id)
    const roles = Object.values(specialTokens).filter((id): id is number => id !== undefined)
    this.vocabulary = createVocabulary(
      terms,
      special.concat(roles, template.before, template.after),
      file.spelling
    )
    this.specialTokens = specialTokens
    this.#template = template
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
   * @throws EsplanadeError `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED` (a tokenizer of another
   * family), `MODEL_MISMATCH`
   */
  static fromJson(tokenizerJson: unknown, tokenizerConfig?: unknown): Tokenizer {
    return new Tokenizer(readTokenizerFile(tokenizerJson, tokenizerConfig))
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
  #room(maxTokens = DEFAULT_MAX_TOKENS): number {
    const { before, after } = this.#template
    const room = maxTokens - before.length - after.length
    if (room >= 0 && (Number.isInteger(maxTokens) || maxTokens === Number.POSITIVE_INFINITY)) {
      return room
    }
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'maxTokens',
      problem: `${maxTokens} was given`,
      expected: `an integer from ${before.length + after.length}, or Infinity`
    })
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
