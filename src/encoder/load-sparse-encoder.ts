import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import { DEFAULT_MAX_TOKENS, Tokenizer } from '../text/tokenizer.ts'
import { checkedCount } from './checked-count.ts'
import { buildLogitsGraph, buildSpladeGraph } from './encoder-graph.ts'
import type { MaskedLanguageModel } from './masked-language-model.ts'
import { ModelConfig, parseJsonObject } from './model-config.ts'
import { readMaskedLanguageModel } from './model-families.ts'
import type { ModelFiles } from './model-files.ts'
import { SafeTensors } from './safetensors.ts'
import { readPooling } from './sentence-transformers.ts'
import { createSession } from './session.ts'
import type { LoadOptions, SparseEncoder } from './sparse-encoder.ts'
import { MIN_MAX_TOKENS, SpladeEncoder } from './splade-encoder.ts'

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
  const pooling = options.pooling ?? (await readPooling(files)) ?? 'max'
  if (pooling !== 'max' && pooling !== 'sum') {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'pooling',
      problem: `"${pooling}" is no pooling`,
      expected: 'max or sum'
    })
  }
  const { model, fingerprint } = await readModel(files)
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
  if (numThreads !== undefined) checkedCount('numThreads', numThreads, 1, 1024)
  return new SpladeEncoder({
    name: files.name,
    fingerprint,
    tokenizer,
    pooling,
    maxTokens,
    maxPositions: model.maxPositions,
    maxBatchTokens,
    session: await createSession(buildSpladeGraph(model, pooling), numThreads),
    // The weights are read again rather than kept: few ever ask for this.
    openLogits: async () => {
      const { model: again } = await readModel(files)
      return createSession(buildLogitsGraph(again), numThreads)
    }
  })
}

async function readModel(
  files: ModelFiles
): Promise<{ model: MaskedLanguageModel; fingerprint: string }> {
  const config = new ModelConfig(await required(files, 'config.json'), files.placeOf('config.json'))
  const bytes = await required(files, 'model.safetensors')
  const weights = new SafeTensors(bytes, files.placeOf('model.safetensors'))
  const model = readMaskedLanguageModel(config, weights)
  return { model, fingerprint: (crc32.buf(bytes) >>> 0).toString(16).padStart(8, '0') }
}

async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const place = files.placeOf('tokenizer.json')
  const json = parseJsonObject(await required(files, 'tokenizer.json'), place)
  const config = await files.read('tokenizer_config.json')
  return Tokenizer.fromJson(
    json,
    config && parseJsonObject(config, files.placeOf('tokenizer_config.json'))
  )
}

async function required(files: ModelFiles, file: string): Promise<Uint8Array> {
  const bytes = await files.read(file)
  if (bytes !== undefined) return bytes
  throw new EsplanadeError('MODEL_NOT_FOUND', {
    place: files.placeOf(file),
    problem: 'this file of the model is missing',
    expected: 'config.json, tokenizer.json and model.safetensors',
    remedy:
      'Point to a folder that holds a complete checkpoint; transformers saves one with ' +
      'save_pretrained, as one model.safetensors'
  })
}
