import { EsplanadeError } from '../errors.ts'
import { bert } from './bert.ts'
import { distilbert } from './distilbert.ts'
import type { MaskedLanguageModel } from './masked-language-model.ts'
import type { ModelConfig } from './model-config.ts'
import { modernbert } from './modernbert.ts'
import { roberta } from './roberta.ts'
import type { Weights } from './weights.ts'

/** Reads a family's config and weights; throws where they are not what the family needs. */
export type ModelFamily = (config: ModelConfig, weights: Weights) => MaskedLanguageModel

/** Families by the `model_type` of `config.json`. */
const FAMILIES: Readonly<Record<string, ModelFamily>> = {
  bert,
  distilbert,
  roberta,
  'xlm-roberta': roberta,
  modernbert
}

/** @throws EsplanadeError `MODEL_UNSUPPORTED` for an unknown family */
export function readMaskedLanguageModel(
  config: ModelConfig,
  weights: Weights
): MaskedLanguageModel {
  const modelType = config.text('model_type')
  const family = Object.hasOwn(FAMILIES, modelType) ? FAMILIES[modelType] : undefined
  if (family === undefined) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: config.place,
      problem: `model_type "${modelType}" is not read`,
      expected: `one of: ${Object.keys(FAMILIES).join(', ')}`,
      remedy: 'Use a checkpoint of one of these families'
    })
  }
  return family(config, weights)
}
