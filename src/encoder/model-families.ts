import { EsplanadeError } from '../errors.ts'
import { bert, bertEncoder } from './bert.ts'
import { distilbert, distilbertEncoder } from './distilbert.ts'
import type { MaskedLanguageModel, TransformerEncoder } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import { modernbert, modernbertEncoder } from './modernbert.ts'
import { roberta, robertaEncoder } from './roberta.ts'
import type { Weights } from './weights.ts'

/** Reads a family's config and weights; throws where they are not what the family needs. */
export interface ModelFamily {
  /** The model with its masked-language head, which sparse encoders are built from. */
  maskedLanguageModel(config: ModelConfig, weights: Weights): MaskedLanguageModel
  /** The model without a head, which dense encoders are built from. */
  encoder(config: ModelConfig, weights: Weights): TransformerEncoder
}

/** Families by the `model_type` of `config.json`. */
const FAMILIES: Readonly<Record<string, ModelFamily>> = {
  bert: { maskedLanguageModel: bert, encoder: bertEncoder },
  distilbert: { maskedLanguageModel: distilbert, encoder: distilbertEncoder },
  roberta: { maskedLanguageModel: roberta, encoder: robertaEncoder },
  'xlm-roberta': { maskedLanguageModel: roberta, encoder: robertaEncoder },
  modernbert: { maskedLanguageModel: modernbert, encoder: modernbertEncoder }
}

/** @throws EsplanadeError `MODEL_UNSUPPORTED` for an unknown family */
export function readMaskedLanguageModel(
  config: ModelConfig,
  weights: Weights
): MaskedLanguageModel {
  return familyOf(config).maskedLanguageModel(config, weights)
}

/** @throws EsplanadeError `MODEL_UNSUPPORTED` for an unknown family */
export function readTransformerEncoder(config: ModelConfig, weights: Weights): TransformerEncoder {
  return familyOf(config).encoder(config, weights)
}

/** @throws EsplanadeError `MODEL_UNSUPPORTED` for an unknown family */
export function checkFamily(config: ModelConfig): void {
  familyOf(config)
}

function familyOf(config: ModelConfig): ModelFamily {
  const modelType = config.text('model_type')
  const family = Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : undefined
  if (family !== undefined) return family
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: config.place,
    problem: `model_type "${modelType}" is not read`,
    expected: `one of: ${Object.keys(FAMILIES).join(', ')}`,
    remedy: 'Use a checkpoint of one of these families'
  })
}
