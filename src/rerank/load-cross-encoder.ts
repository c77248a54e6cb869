import { checkedCount } from '../encoder/checked-count.ts'
import {
  type ClassifierLayout,
  readClassifierLayout,
  type ScoreActivation
} from '../encoder/classifier-layout.ts'
import { checkVocabularySize, maxBatchTokensOf } from '../encoder/load-encoder-side.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import { type OpenClassifier, openClassifier } from '../encoder/open-classifier.ts'
import { PairEncoder } from '../encoder/pair-encoder.ts'
import { readTokenizer } from '../encoder/read-tokenizer.ts'
import type { HubOptions, LoadOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { CrossEncoder } from './cross-encoder.ts'

/** How a cross-encoder is loaded. */
export interface CrossEncoderOptions
  extends HubOptions,
    Pick<LoadOptions, 'maxBatchTokens' | 'device' | 'numThreads'> {
  /**
   * Tokens of a pair that are read, the special ones included; default 512, or fewer where the model was
   * saved for fewer.
   */
  readonly maxTokens?: number
  /**
   * Default: what the model's folder says, else `'sigmoid'` for a model of one label and `'identity'` for
   * others. It changes the scale of scores, not their order.
   */
  readonly activation?: ScoreActivation
  /** Which label is the score, from 0; must be given for a model of several labels. */
  readonly label?: number
}

const DEFAULT_MAX_PAIR_TOKENS = 512
/** Two texts of a token each and what stands around them in every family. */
const MIN_PAIR_TOKENS = 6

/**
 * Makes a cross-encoder of a model's files: a checkpoint of a class `...ForSequenceClassification` of the
 * families bert, distilbert, roberta, xlm-roberta and modernbert, as transformers or sentence-transformers saves
 * it, or an ONNX graph that gives logits.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
 */
export async function loadCrossEncoder(
  files: ModelFiles,
  options: CrossEncoderOptions = {}
): Promise<CrossEncoder> {
  checkActivation(options.activation)
  const layout = await readClassifierLayout(files)
  const model = await openClassifier(files)
  const label = labelOf(model, options.label)
  const tokenizer = await readTokenizer(files)
  checkVocabularySize(tokenizer, model.vocabularySize ?? Number.POSITIVE_INFINITY, files)
  if (layout.usesTypes) checkTypes(tokenizer, model, files)
  const maxTokens = maxTokensOf(layout, model, options)
  const maxBatchTokens = maxBatchTokensOf(options)
  const plan = model.plan(tokenizer.specialTokens.pad ?? 0)
  return new CrossEncoder({
    name: files.name,
    fingerprint: model.fingerprint,
    tokenizer,
    encoder: await PairEncoder.open(plan, options.numThreads, options.device),
    activation:
      options.activation ?? layout.activation ?? (model.numLabels === 1 ? 'sigmoid' : 'identity'),
    label,
    maxTokens,
    maxBatchTokens,
    usesTypes: layout.usesTypes
  })
}

function maxTokensOf(
  { maxSeqLength }: ClassifierLayout,
  { maxPositions }: OpenClassifier,
  options: CrossEncoderOptions
): number {
  const usual = Math.min(DEFAULT_MAX_PAIR_TOKENS, maxPositions, maxSeqLength ?? maxPositions)
  return checkedCount('maxTokens', options.maxTokens ?? usual, MIN_PAIR_TOKENS, maxPositions)
}

/** @throws EsplanadeError `INVALID_ARGUMENT` where several labels leave open which one is meant */
function labelOf({ numLabels }: OpenClassifier, label: number | undefined): number {
  if (label !== undefined) return checkedCount('label', label, 0, numLabels - 1)
  if (numLabels === 1) return 0
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'label',
    problem: `the model has ${numLabels} labels, and which of them is the score is not known`,
    expected: `a whole number from 0 to ${numLabels - 1}`,
    remedy: 'config.json names them in id2label; or use a cross-encoder of one label'
  })
}

/** @throws EsplanadeError `MODEL_MISMATCH` for a type of tokens that the model has no embedding of */
function checkTypes(
  tokenizer: Tokenizer,
  { numTokenTypes }: OpenClassifier,
  files: ModelFiles
): void {
  if (!numTokenTypes) return
  const largest = Math.max(...tokenizer.tokenizePair('a', 'a').types)
  if (largest < numTokenTypes) return
  throw new EsplanadeError('MODEL_MISMATCH', {
    place: files.placeOf('tokenizer.json'),
    problem: `tokens of a pair are of type ${largest}, and the model knows ${numTokenTypes} types`,
    expected: `types below ${numTokenTypes}`,
    remedy: 'Use the tokenizer.json that was saved with the weights'
  })
}

function checkActivation(activation: string | undefined): void {
  if (activation === undefined || activation === 'sigmoid' || activation === 'identity') return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: 'activation',
    problem: `"${activation}" is no activation`,
    expected: 'sigmoid or identity'
  })
}
