import type { MaskedLanguageModel } from './masked-language-model.ts'
import { ModelConfig } from './model-config.ts'
import { checkFamily, readMaskedLanguageModel } from './model-families.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { findWeights, knowsWeights } from './read-weights.ts'
import type { Weights } from './weights.ts'

/** A model read from its files. */
export interface Checkpoint<Model = MaskedLanguageModel> {
  readonly model: Model
  /** CRC-32 of the weights, eight hexadecimal digits. */
  readonly fingerprint: string
}

/**
 * Reads the `config.json` of a checkpoint as transformers saves it, and its weights.
 *
 * @param readModel - makes the model of both
 * @returns undefined where there are no weights
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FILE_INVALID`, `MODEL_MISMATCH`,
 * `MODEL_UNSUPPORTED`
 */
export async function readCheckpoint<Model>(
  files: ModelFiles,
  readModel: (config: ModelConfig, weights: Weights) => Model
): Promise<Checkpoint<Model> | undefined> {
  // Weights may be gigabytes, to be fetched first: what cannot be used is told before.
  const early = (await knowsWeights(files)) ? await readConfig(files) : undefined
  const found = await findWeights(files)
  if (found === undefined) return undefined
  const config = early ?? (await readConfig(files))
  return { model: readModel(config, found.weights), fingerprint: found.fingerprint }
}

async function readConfig(files: ModelFiles): Promise<ModelConfig> {
  const bytes = await requiredFile(files, 'config.json')
  const config = new ModelConfig(bytes, files.placeOf('config.json'))
  checkFamily(config)
  return config
}

/** {@link readCheckpoint} of a masked language model. */
export function findCheckpoint(files: ModelFiles): Promise<Checkpoint | undefined> {
  return readCheckpoint(files, readMaskedLanguageModel)
}
