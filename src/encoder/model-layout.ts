import { ModelConfig } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import type { SpladeHead } from './splade-pooling.ts'

/** What all ways of encoding have in common. */
interface Side {
  /** Where in the model's files its own are; '' is the root. */
  readonly folder: string
  /** Stands before every text; '' for none. */
  readonly prompt: string
  /** Terms kept of a vector; undefined: all. */
  readonly topTokens: number | undefined
  /** Tokens of a text that it was saved for; undefined: as many as the model has positions. */
  readonly maxSeqLength: number | undefined
}

/** Where the weights of tokens are. */
export interface TokenTable {
  readonly folder: string
  /** A JSON file of token → weight; undefined: the tensor `weight` of the folder's weights. */
  readonly idfFile: string | undefined
}

/** Texts are encoded by a masked language model: `config.json`, weights and tokenizer. */
export interface ModelSide extends Side {
  readonly kind: 'model'
  readonly head: SpladeHead
  /** Whether texts are to be in lower case, whatever the tokenizer does. */
  readonly lowercase: boolean
  /** Weighs the terms that stand in a text, the others being dropped; undefined: all are kept. */
  readonly table: TokenTable | undefined
}

/** Texts are encoded by the weights of their tokens, without special tokens; no model runs. */
export interface TableSide extends Side, TokenTable {
  readonly kind: 'table'
}

/** What a model's files say of how its texts become vectors. */
export interface ModelLayout {
  /** Without a table. */
  readonly documents: ModelSide
  readonly queries: ModelSide | TableSide
}

/** The files of a folder inside a model; for '' the model's own. */
export function filesIn(files: ModelFiles, folder: string): ModelFiles {
  if (folder === '') return files
  return {
    name: files.name,
    placeOf: file => files.placeOf(`${folder}/${file}`),
    read: file => files.read(`${folder}/${file}`),
    ...(files.has && { has: file => files.has!(`${folder}/${file}`) }),
    ...(files.crc32 && { crc32: files.crc32 })
  }
}

/** Fields of a JSON file of a model, or undefined where it has no such file. */
export async function readConfig(
  files: ModelFiles,
  file: string
): Promise<ModelConfig | undefined> {
  const bytes = await files.read(file)
  return bytes && new ModelConfig(bytes, files.placeOf(file))
}

/** `model_max_length` of a tokenizer; transformers writes 10^30 where there is no limit. */
export async function readMaxLength(files: ModelFiles): Promise<number | undefined> {
  const config = await readConfig(files, 'tokenizer_config.json')
  if (!config?.has('model_max_length')) return undefined
  return Math.ceil(config.positive('model_max_length'))
}
