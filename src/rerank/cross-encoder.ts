import { planBatches } from '../encoder/batches.ts'
import type { ScoreActivation } from '../encoder/classifier-layout.ts'
import type { PairEncoder } from '../encoder/pair-encoder.ts'
import type { EncodeProgress } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { TaskOptions } from '../progress.ts'
import type { PairIds, Tokenizer } from '../text/tokenizer.ts'
import {
  aboutHits,
  checkSignal,
  type RerankCandidate,
  type Reranker,
  type RerankScores,
  type ScoreOptions,
  textOf
} from './reranker.ts'
import { Stopwatch } from './stopwatch.ts'

/** What a {@link CrossEncoder} is made of. */
export interface CrossEncoderParts {
  readonly name: string
  readonly fingerprint: string
  readonly tokenizer: Tokenizer
  readonly encoder: PairEncoder
  readonly activation: ScoreActivation
  readonly label: number
  readonly maxTokens: number
  readonly maxBatchTokens: number
  /** Whether the model is told of which text a token is. */
  readonly usesTypes: boolean
}

/**
 * A model that reads query and document together and gives the pair one score (Nogueira and Cho 2019,
 * arXiv:1901.04085): the most exact second stage, and the slowest, as nothing can be computed ahead.
 * Scores are those of sentence-transformers' `CrossEncoder.predict` to 1e-4.
 */
export class CrossEncoder implements Reranker {
  /** The model's name, or the name of its folder. */
  readonly name: string
  /** CRC-32 of the model's weights, eight hexadecimal digits. */
  readonly fingerprint: string
  readonly tokenizer: Tokenizer
  /** What makes a score of a logit. */
  readonly activation: ScoreActivation
  /** Which of the model's labels is the score. */
  readonly label: number
  /** Tokens of a pair that the model reads; of a longer pair the longer text loses its end. */
  readonly maxTokens: number
  readonly #parts: CrossEncoderParts
  #closing: Promise<void> | undefined

  constructor(parts: CrossEncoderParts) {
    this.name = parts.name
    this.fingerprint = parts.fingerprint
    this.tokenizer = parts.tokenizer
    this.activation = parts.activation
    this.label = parts.label
    this.maxTokens = parts.maxTokens
    this.#parts = parts
  }

  /**
   * Scores a query with the text of each candidate.
   *
   * @throws EsplanadeError `INVALID_ARGUMENT` for a candidate without text and `RUNTIME_FAILED` for one
   * that the model fails on, each with the key; `ABORTED`
   */
  async score(
    query: string,
    candidates: readonly RerankCandidate[],
    options: ScoreOptions = {}
  ): Promise<RerankScores> {
    const stopwatch = new Stopwatch()
    const pairs = candidates.map(one => [query, textOf(one, 'a text')] as const)
    const scores = await aboutHits(candidates, () => this.scorePairs(pairs, options))
    stopwatch.lap('score pairs')
    return { scores, stages: stopwatch.stages }
  }

  /**
   * Scores pairs of texts, in batches of pairs of similar length.
   *
   * @returns a score a pair, in their order; with `sigmoid` from 0 to 1
   * @throws EsplanadeError `RUNTIME_FAILED`, `INVALID_ARGUMENT`, each with the index of the pair as
   * `textIndex`; `ABORTED`
   */
  async scorePairs(
    pairs: readonly (readonly [query: string, document: string])[],
    options: TaskOptions<EncodeProgress> = {}
  ): Promise<Float64Array> {
    if (this.#closing !== undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        problem: 'the cross-encoder is closed',
        remedy: 'Load the model again, or close it later'
      })
    }
    const tokens = pairs.map((pair, i) => this.#tokenize(pair, i))
    const lengths = tokens.map(({ ids }) => ids.length)
    const scores = new Float64Array(pairs.length)
    const progress = { done: 0, numTokens: 0, numTruncated: 0 }
    for (const batch of planBatches(lengths, this.#parts.maxBatchTokens)) {
      checkSignal(options.signal)
      const logits = await this.#logits(batch, tokens)
      for (const [row, index] of batch.entries()) {
        scores[index] = this.#scoreOf(logits[row]![this.label]!)
        progress.done++
        progress.numTokens += lengths[index]!
        if (tokens[index]!.numTruncated > 0) progress.numTruncated++
      }
      options.onProgress?.({ ...progress, total: pairs.length })
    }
    return scores
  }

  /** Frees the model's memory; closing again does nothing. */
  async close(): Promise<void> {
    this.#closing ??= this.#parts.encoder.close()
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #tokenize([query, document]: readonly [string, string], textIndex: number): PairIds {
    if (typeof query !== 'string' || typeof document !== 'string') {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: `pair ${textIndex}`,
        textIndex,
        problem: `it is of ${typeof query} and ${typeof document}`,
        expected: 'two strings'
      })
    }
    const { tokenizer, maxTokens, usesTypes } = this.#parts
    const pair = tokenizer.tokenizePair(query, document, { maxTokens })
    return usesTypes ? pair : { ...pair, types: new Uint8Array(pair.types.length) }
  }

  #scoreOf(logit: number): number {
    return this.activation === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : logit
  }

  /** A batch that the runtime fails on is tried again pair by pair, so that the pair is known. */
  async #logits(batch: readonly number[], tokens: readonly PairIds[]): Promise<Float32Array[]> {
    const { encoder } = this.#parts
    try {
      return await encoder.logits(batch.map(index => tokens[index]!))
    } catch (error) {
      if (!isRuntimeFailure(error)) throw error
      const all: Float32Array[] = []
      for (const index of batch) {
        const [logits] = await encoder.logits([tokens[index]!]).catch(cause => {
          throw isRuntimeFailure(cause) ? failedPair(index, cause) : cause
        })
        all.push(logits!)
      }
      return all
    }
  }
}

function isRuntimeFailure(error: unknown): error is EsplanadeError {
  return error instanceof EsplanadeError && error.code === 'RUNTIME_FAILED'
}

function failedPair(textIndex: number, error: EsplanadeError): EsplanadeError {
  const { code, problem, expected, remedy } = error
  const place = `pair ${textIndex}`
  return new EsplanadeError(code, { place, textIndex, problem, expected, remedy, cause: error })
}
