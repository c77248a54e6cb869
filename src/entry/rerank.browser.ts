/** `esplanade/rerank` in browsers: models come from a web server. */

import { findModel } from '../browser/find-model.ts'
import type { ColbertEncoder as ColbertEncoderClass } from '../encoder/colbert-encoder.ts'
import { type ColbertOptions, loadColbertEncoder } from '../encoder/load-colbert-encoder.ts'
import type { ModelFiles } from '../encoder/model-files.ts'
import type { CrossEncoder as CrossEncoderClass } from '../rerank/cross-encoder.ts'
import { type CrossEncoderOptions, loadCrossEncoder } from '../rerank/load-cross-encoder.ts'
import {
  type LoadedReranker,
  loadReranker as loadRerankerFiles,
  type RerankerLoadOptions
} from '../rerank/load-reranker.ts'

export type { ScoreActivation } from '../encoder/classifier-layout.ts'
export type { ColbertOptions } from '../encoder/load-colbert-encoder.ts'
export type { TokenVectors } from '../encoder/token-vectors.ts'
export { type DenseRerankerOptions, denseReranker } from '../rerank/dense-reranker.ts'
export type { CrossEncoderOptions } from '../rerank/load-cross-encoder.ts'
export type { LoadedReranker, RerankerLoadOptions } from '../rerank/load-reranker.ts'
export { maxSim } from '../rerank/max-sim.ts'
export { maxSimReranker } from '../rerank/max-sim-reranker.ts'
export { type Reranked, type RerankOptions, type RerankResult, rerank } from '../rerank/rerank.ts'
export {
  identity,
  pairReranker,
  type RerankCandidate,
  type Reranker,
  type RerankScores,
  type ScoreOptions,
  type ScorePair
} from '../rerank/reranker.ts'
export type { RerankerKind } from '../rerank/reranker-kind.ts'
export type { StageTime } from '../rerank/stopwatch.ts'

/** Scores pairs of texts; {@link CrossEncoder.load} makes one. */
export type CrossEncoder = CrossEncoderClass

/** Loads cross-encoders. */
export const CrossEncoder: {
  /**
   * Loads a model from the address of its folder on a web server, by its name on the Hugging Face hub
   * (`'cross-encoder/ms-marco-MiniLM-L6-v2'`), or from files handed in. Any checkpoint of a class
   * `...ForSequenceClassification` of BERT, DistilBERT, RoBERTa, XLM-R or ModernBERT will do, and an ONNX
   * graph that gives logits.
   *
   * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`,
   * `MODEL_FILE_INVALID`, `MODEL_MISMATCH`, `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`,
   * `INVALID_ARGUMENT`, `ABORTED`
   */
  load(model: string | ModelFiles, options?: CrossEncoderOptions): Promise<CrossEncoder>
} = {
  load: async (model, options) =>
    loadCrossEncoder(typeof model === 'string' ? findModel(model, options) : model, options)
}

/** Turns texts into a vector a token; {@link ColbertEncoder.load} makes one. */
export type ColbertEncoder = ColbertEncoderClass

/** Loads encoders for late interaction. */
export const ColbertEncoder: {
  /**
   * Loads a model as {@link CrossEncoder.load} finds it: a ColBERT as its own code, sentence-transformers or
   * PyLate saves it, or any dense model, whose states it takes.
   *
   * @throws EsplanadeError as {@link CrossEncoder.load} does
   */
  load(model: string | ModelFiles, options?: ColbertOptions): Promise<ColbertEncoder>
} = {
  load: async (model, options) =>
    loadColbertEncoder(typeof model === 'string' ? findModel(model, options) : model, options)
}

/**
 * Loads any model that can rerank, found as {@link CrossEncoder.load} finds it. What it is, a cross-encoder,
 * a ColBERT or a dense sentence encoder, its files say, or `kind`.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for a model that is none of these; else as
 * {@link CrossEncoder.load} does
 */
export async function loadReranker(
  model: string | ModelFiles,
  options?: RerankerLoadOptions
): Promise<LoadedReranker> {
  const files = typeof model === 'string' ? findModel(model, options) : model
  return loadRerankerFiles(files, options)
}
