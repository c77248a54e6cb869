import { EsplanadeError } from '../errors.ts'
import { DEFAULT_MAX_TOKENS, type Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import type { ModelFiles } from './model-files.ts'
import { filesIn, type ModelSide, type TableSide } from './model-layout.ts'
import type { BatchEncoderPlan } from './open-batch-encoder.ts'
import { openModel } from './open-model.ts'
import { OwnTermsEncoder } from './own-terms-encoder.ts'
import { readTokenizer } from './read-tokenizer.ts'
import type { InferenceSession } from './session.ts'
import { withoutSpecialTokens, withPrompt } from './side-tokenizer.ts'
import type { LoadOptions } from './sparse-encoder.ts'
import { type EncoderSide, MIN_MAX_TOKENS } from './splade-encoder.ts'
import { StaticEmbedding } from './static-embedding.ts'
import { openEncoder } from './threads.ts'
import { readTokenWeights, type TokenWeights } from './token-weights.ts'

const DEFAULT_MAX_BATCH_TOKENS = 1024

/** One side of an encoder as it was loaded. */
export interface LoadedSide {
  readonly side: EncoderSide
  /** The tokenizer of texts as they are given: without a prompt, with special tokens. */
  readonly tokenizer: Tokenizer
  /** CRC-32 of the weights, eight hexadecimal digits; of a model and its table, both. */
  readonly fingerprint: string
}

/** A side that a masked language model encodes. */
export interface LoadedModel extends LoadedSide {
  readonly precision: BatchEncoderPlan['precision']
  readonly openLogits: () => Promise<InferenceSession>
}

/** Loads what encodes texts with a masked language model. */
export async function loadModelSide(
  files: ModelFiles,
  layout: ModelSide,
  options: LoadOptions
): Promise<LoadedModel> {
  const own = filesIn(files, layout.folder)
  const { plan, fingerprint, openLogits, ...model } = await openModel(own, options)
  const tokenizer = await readTokenizer(own, layout.lowercase, model.vocabularySize)
  checkVocabularySize(tokenizer, model.vocabularySize, own)
  const { head } = layout
  const { maxPositions } = model
  const maxTokens = options.maxTokens ?? defaultMaxTokens(layout, maxPositions)
  checkedCount('maxTokens', maxTokens, MIN_MAX_TOKENS, maxPositions)
  const planned = plan(head, tokenizer.specialTokens.pad ?? 0)
  const side = {
    tokenizer: withPrompt(tokenizer, layout.prompt),
    maxTokens,
    maxPositions,
    maxBatchTokens: maxBatchTokensOf(options),
    topTokens: layout.topTokens,
    encoder: await openEncoder(planned, options)
  }
  return { side, tokenizer, fingerprint, precision: planned.precision, openLogits }
}

/** Loads what encodes texts by a table of weights. */
export async function loadTableSide(
  files: ModelFiles,
  layout: TableSide,
  options: LoadOptions
): Promise<LoadedSide> {
  const tokenizer = await readTokenizer(filesIn(files, layout.folder))
  const { weights, fingerprint } = await readTokenWeights(files, layout, tokenizer.vocabulary)
  const side = {
    tokenizer: withPrompt(withoutSpecialTokens(tokenizer), layout.prompt),
    encoder: new StaticEmbedding(weights),
    maxTokens: defaultMaxTokens(layout, Number.POSITIVE_INFINITY),
    maxPositions: Number.MAX_SAFE_INTEGER,
    maxBatchTokens: maxBatchTokensOf(options),
    topTokens: layout.topTokens
  }
  return { side, tokenizer, fingerprint }
}

/** Other texts of a model that is loaded: with the prompt that their layout has. */
export function withOtherPrompt(
  model: LoadedModel,
  { prompt }: ModelSide,
  other: ModelSide | TableSide
): LoadedModel {
  if (prompt === other.prompt) return model
  return { ...model, side: { ...model.side, tokenizer: withPrompt(model.tokenizer, other.prompt) } }
}

/** Of what a model makes of texts, the terms that stand in them, weighed by a table. */
export function weighedBy(table: TokenWeights, model: LoadedModel, isOwner: boolean): LoadedSide {
  const encoder = new OwnTermsEncoder(model.side.encoder, table.weights, isOwner)
  const fingerprint = `${model.fingerprint} ${table.fingerprint}`
  return { ...model, side: { ...model.side, encoder }, fingerprint }
}

/**
 * A token without an embedding would be another one's.
 *
 * @throws EsplanadeError `MODEL_MISMATCH`
 */
export function checkVocabularySize(
  { vocabulary }: Tokenizer,
  vocabularySize: number,
  files: ModelFiles
): void {
  if (vocabulary.size <= vocabularySize) return
  throw new EsplanadeError('MODEL_MISMATCH', {
    place: files.placeOf('tokenizer.json'),
    problem: `it has ${vocabulary.size} terms, the model ${vocabularySize}`,
    expected: 'a tokenizer with no more terms than the model',
    remedy: 'Use the tokenizer.json that was saved with the weights'
  })
}

/** Tokens of a text that are read unless anything says otherwise. */
export function defaultMaxTokens(
  { maxSeqLength }: { readonly maxSeqLength: number | undefined },
  maxPositions: number
): number {
  const limit = Math.min(DEFAULT_MAX_TOKENS, maxPositions, maxSeqLength ?? maxPositions)
  return Math.max(MIN_MAX_TOKENS, limit)
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function maxBatchTokensOf({
  maxBatchTokens = DEFAULT_MAX_BATCH_TOKENS
}: Pick<LoadOptions, 'maxBatchTokens'>): number {
  return checkedCount('maxBatchTokens', maxBatchTokens, 1, Number.MAX_SAFE_INTEGER)
}
