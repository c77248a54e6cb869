import { buildSpladeGraph, buildStatesGraph } from './encoder-graph.ts'
import { quantizeDecoder } from './int8-decoder.ts'
import type { MaskedLanguageModel } from './masked-language-model.ts'
import type { BatchEncoderPlan } from './open-batch-encoder.ts'
import { buildRescoreGraph } from './rescore-graph.ts'
import type { Device } from './session.ts'
import type { SpladeHead } from './splade-pooling.ts'

/**
 * How exactly a model is computed.
 *
 * - `float32`: all of it in float32.
 * - `mixed`: the vocabulary is screened in 8-bit integers, and the terms that may be above zero are
 *   worked out in float32. Weights equal those of `float32` to 1e-4.
 * - `int8`: the last layer in 8-bit integers; weights are off by up to about 0.1.
 */
export type Precision = 'float32' | 'mixed' | 'int8'

export const PRECISIONS: readonly Precision[] = ['float32', 'mixed', 'int8']

export const DEFAULT_PRECISION: Precision = 'mixed'

/**
 * Plans the encoder of a model. A sum over tokens needs every logit, not the largest alone: with
 * `sum` pooling every precision is `float32`. So it is on any device but the CPU, as products of 8-bit
 * integers are for CPUs.
 *
 * @param padId - what short texts are filled up with
 */
export function planBatchEncoder(
  model: MaskedLanguageModel,
  head: SpladeHead,
  precision: Precision,
  padId: number,
  device: Device = 'cpu'
): BatchEncoderPlan {
  if (precision === 'float32' || head.pooling === 'sum' || device !== 'cpu') {
    return { precision: 'float32', graph: buildSpladeGraph(model, head), head, padId, device }
  }
  const states = buildStatesGraph(model)
  const screen = { states, decoder: quantizeDecoder(model.decoder), head, padId }
  if (precision === 'int8') return { precision, ...screen }
  return { precision, ...screen, rescore: buildRescoreGraph(model.decoder) }
}
