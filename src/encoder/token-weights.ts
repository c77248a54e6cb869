import crc32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'
import type { Vocabulary } from '../text/vocabulary.ts'
import { parseJsonObject } from './model-config.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { filesIn, type TokenTable } from './model-layout.ts'
import { readWeights } from './read-weights.ts'

/** A weight for each token of a vocabulary, as a model's files have it. */
export interface TokenWeights {
  /** `weights[id]` belongs to the token `id`; from 0. */
  readonly weights: Float32Array
  /** CRC-32 of the file, eight hexadecimal digits. */
  readonly fingerprint: string
}

/**
 * Reads the weights of inference-free queries: the tensor `weight`, or a JSON file of token → weight,
 * in which tokens without one have 0.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH` where they are of
 * another vocabulary, `MODEL_UNSUPPORTED` for weights below zero, which no sparse vector has
 */
export async function readTokenWeights(
  files: ModelFiles,
  { folder, idfFile }: TokenTable,
  vocabulary: Vocabulary
): Promise<TokenWeights> {
  const own = filesIn(files, folder)
  const table =
    idfFile === undefined
      ? await readTensor(own, vocabulary)
      : await readJson(own, idfFile, vocabulary)
  const wrong = table.weights.findIndex(weight => !(weight >= 0 && Number.isFinite(weight)))
  if (wrong < 0) return table
  throw new EsplanadeError('MODEL_UNSUPPORTED', {
    place: own.placeOf(idfFile ?? 'weight'),
    problem: `the weight of ${JSON.stringify(vocabulary.termOf(wrong))} is ${table.weights[wrong]}`,
    expected: 'weights from 0: a sparse vector holds no others'
  })
}

async function readTensor(own: ModelFiles, vocabulary: Vocabulary): Promise<TokenWeights> {
  const { weights, fingerprint } = await readWeights(own)
  return { weights: weights.floats('weight', [vocabulary.size]), fingerprint }
}

async function readJson(
  own: ModelFiles,
  file: string,
  vocabulary: Vocabulary
): Promise<TokenWeights> {
  const bytes = await requiredFile(own, file)
  const place = own.placeOf(file)
  const weights = new Float32Array(vocabulary.size)
  for (const [token, weight] of Object.entries(parseJsonObject(bytes, place))) {
    const id = vocabulary.idOf(token)
    if (id === undefined) {
      throw new EsplanadeError('MODEL_MISMATCH', {
        place,
        problem: `the token ${JSON.stringify(token)} is not in the vocabulary of the model`,
        expected: 'weights for tokens of tokenizer.json',
        remedy: 'Use the file that was published with the model'
      })
    }
    if (typeof weight !== 'number') {
      throw new EsplanadeError('MODEL_FILE_INVALID', {
        place,
        problem: `the weight of ${JSON.stringify(token)} is ${JSON.stringify(weight)}`,
        expected: 'a number'
      })
    }
    weights[id] = weight
  }
  return { weights, fingerprint: (crc32.buf(bytes) >>> 0).toString(16).padStart(8, '0') }
}
