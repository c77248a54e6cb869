import type { MaskedLanguageModel } from './masked-language-model.ts'
import { ModelConfig } from './model-config.ts'
import { readMaskedLanguageModel } from './model-families.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { findWeights } from './read-weights.ts'

/** A masked language model read from its files. */
export interface Checkpoint {
  readonly model: MaskedLanguageModel
  /** CRC-32 of the weights, eight hexadecimal digits. */
  readonly fingerprint: string
}

/**
 * Reads the weights of a checkpoint as transformers saves it, and its `config.json`.
 *
 * @returns undefined where there are no weights
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`
 */
export async function findCheckpoint(files: ModelFiles): Promise<Checkpoint | undefined> {
  const found = await findWeights(files)
  if (found === undefined) return undefined
  const config = new ModelConfig(
    await requiredFile(files, 'config.json'),
    files.placeOf('config.json')
  )
  return {
    model: readMaskedLanguageModel(config, found.weights),
    fingerprint: found.fingerprint
  }
}
