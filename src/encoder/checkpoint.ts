import type { MaskedLanguageModel } from './masked-language-model.ts'
import { ModelConfig } from './model-config.ts'
import { readMaskedLanguageModel } from './model-families.ts'
import { type ModelFiles, requiredFile } from './model-files.ts'
import { readWeights } from './read-weights.ts'

/** A masked language model read from its files. */
export interface Checkpoint {
  readonly model: MaskedLanguageModel
  /** CRC-32 of the weights, eight hexadecimal digits. */
  readonly fingerprint: string
}

/** Reads `config.json` and the weights of a checkpoint as transformers saves it. */
export async function readCheckpoint(files: ModelFiles): Promise<Checkpoint> {
  const config = new ModelConfig(
    await requiredFile(files, 'config.json'),
    files.placeOf('config.json')
  )
  const { weights, fingerprint } = await readWeights(files)
  return { model: readMaskedLanguageModel(config, weights), fingerprint }
}
