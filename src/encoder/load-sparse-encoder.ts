import { EsplanadeError } from '../errors.ts'
import { DEFAULT_MAX_TOKENS, Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import { readCheckpoint } from './checkpoint.ts'
import { buildLogitsGraph, buildSpladeGraph } from './encoder-graph.ts'
import { parseJsonObject } from './model-config.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { checkQueryMode } from './query-modes.ts'
import { readPooling } from './sentence-transformers.ts'
import { createSession } from './session.ts'
import type { LoadOptions, SparseEncoder } from './sparse-encoder.ts'
import { type EncoderSide, MIN_MAX_TOKENS, SpladeEncoder } from './splade-encoder.ts'
import type { SpladeHead } from './splade-pooling.ts'
import { openEncoder } from './threads.ts'

const DEFAULT_MAX_BATCH_TOKENS = 1024

/**
 * Makes an encoder of a checkpoint: `config.json`, `tokenizer.json`, `model.safetensors` and, where
 * there is one, `tokenizer_config.json`.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `INVALID_ARGUMENT`
 */
export async function loadSparseEncoder(
  files: ModelFiles,
  options: LoadOptions = {}
): Promise<SparseEncoder> {
  const { numThreads } = options
  const queryMode = checkQueryMode(options.queryMode ?? 'full')
  const pooling = options.pooling ?? (await readPooling(files)) ?? 'max'
  if (pooling !== 'max' && pooling !== 'sum') {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'pooling',
      problem: `"${pooling}" is no pooling`,
      expected: 'max or sum'
    })
  }
  const head: SpladeHead = { pooling, activation: 'relu' }
  const { model, fingerprint } = await readCheckpoint(files)
  const tokenizer = await readTokenizer(files)
  if (tokenizer.vocabulary.size > model.vocabularySize) {
    throw new EsplanadeError('MODEL_MISMATCH', {
      place: files.placeOf('tokenizer.json'),
      problem: `it has ${tokenizer.vocabulary.size} terms, the model ${model.vocabularySize}`,
      expected: 'a tokenizer with no more terms than the model',
      remedy: 'Use the tokenizer.json that was saved with the weights'
    })
  }
  const maxTokens = checkedCount(
    'maxTokens',
    options.maxTokens ?? Math.min(DEFAULT_MAX_TOKENS, model.maxPositions),
    MIN_MAX_TOKENS,
    model.maxPositions
  )
  const maxBatchTokens = options.maxBatchTokens ?? DEFAULT_MAX_BATCH_TOKENS
  checkedCount('maxBatchTokens', maxBatchTokens, 1, Number.MAX_SAFE_INTEGER)
  const documents: EncoderSide = {
    tokenizer,
    encoder: await openEncoder(
      {
        precision: 'float32',
        graph: buildSpladeGraph(model, head),
        head,
        padId: tokenizer.specialTokens.pad ?? 0
      },
      options
    ),
    maxTokens,
    maxPositions: model.maxPositions,
    maxBatchTokens
  }
  return new SpladeEncoder({
    name: files.name,
    fingerprint,
    tokenizer,
    pooling,
    documents,
    queries: documents,
    queryMode,
    // The weights are read again rather than kept: few ever ask for this.
    openLogits: async () => {
      const { model: again } = await readCheckpoint(files)
      return createSession(buildLogitsGraph(again), numThreads)
    }
  })
}

/** @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH` */
export async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const place = files.placeOf('tokenizer.json')
  const json = parseJsonObject(await requiredFile(files, 'tokenizer.json'), place)
  const config = await files.read('tokenizer_config.json')
  return Tokenizer.fromJson(
    json,
    config && parseJsonObject(config, files.placeOf('tokenizer_config.json'))
  )
}
