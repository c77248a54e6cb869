import { EsplanadeError } from '../errors.ts'
import { checksumOf } from './checksum.ts'
import type { ModelFiles } from './model-files.ts'
import { SafeTensors } from './safetensors.ts'
import { readShardIndex, ShardedWeights } from './sharded-weights.ts'
import { TorchWeights } from './torch-weights.ts'
import type { Weights, WeightsFile } from './weights.ts'

/** The tensors of a checkpoint, and which they are. */
export interface ReadWeights {
  readonly weights: Weights
  /** CRC-32 of the files of weights in the order of their names, eight hexadecimal digits. */
  readonly fingerprint: string
}

type ReadFile = (bytes: Uint8Array, place: string) => WeightsFile

const safetensors: ReadFile = (bytes, place) => new SafeTensors(bytes, place)
const torch: ReadFile = (bytes, place) => new TorchWeights(bytes, place)

interface WeightsFormat {
  readonly file: string
  readonly read: ReadFile
  /** What the names of shards end with, where `file` is an index of them. */
  readonly shardEnding?: string
}

/** Where weights are looked for; the first that is there is read. */
const FORMATS: readonly WeightsFormat[] = [
  { file: 'model.safetensors', read: safetensors },
  { file: 'model.safetensors.index.json', read: safetensors, shardEnding: '.safetensors' },
  { file: 'pytorch_model.bin', read: torch },
  { file: 'pytorch_model.bin.index.json', read: torch, shardEnding: '.bin' },
  { file: 'model.pt', read: torch }
]

/**
 * Reads the weights of a model: safetensors or a file of PyTorch, in one piece or in shards. The
 * bytes of the files are held once, for as long as `weights` is; tensors are copied when asked for.
 *
 * @returns undefined where there are none
 * @throws EsplanadeError `MODEL_NOT_FOUND` where a shard is missing; `MODEL_FILE_INVALID`,
 * `MODEL_UNSUPPORTED` as the formats do
 */
export async function findWeights(files: ModelFiles): Promise<ReadWeights | undefined> {
  for (const { file, read, shardEnding } of FORMATS) {
    const bytes = await files.read(file)
    if (bytes === undefined) continue
    if (shardEnding !== undefined) return readShards(files, file, bytes, read, shardEnding)
    const weights = read(bytes, files.placeOf(file))
    return { weights, fingerprint: checksumOf([bytes], files) }
  }
  return undefined
}

/** Whether there are weights, where that is known without reading them. */
export async function knowsWeights(files: ModelFiles): Promise<boolean> {
  for (const { file } of FORMATS) {
    if (await files.has?.(file)) return true
  }
  return false
}

/**
 * Reads the weights of a model as {@link findWeights} does.
 *
 * @throws EsplanadeError `MODEL_NOT_FOUND` where there are none
 */
export async function readWeights(files: ModelFiles): Promise<ReadWeights> {
  const found = await findWeights(files)
  if (found === undefined) throw noWeights(files)
  return found
}

/** @param others - files that would have done as well */
export function noWeights(files: ModelFiles, others: readonly string[] = []): EsplanadeError {
  return new EsplanadeError('MODEL_NOT_FOUND', {
    place: files.placeOf(FORMATS[0]!.file),
    problem: 'the model has no file of weights',
    expected: `one of: ${[...FORMATS.map(({ file }) => file), ...others].join(', ')}`,
    remedy:
      'Point to a folder that holds a complete checkpoint; transformers saves one with ' +
      'save_pretrained'
  })
}

/** One file after the other, so that a damaged one is found before the next is fetched. */
async function readShards(
  files: ModelFiles,
  indexFile: string,
  indexBytes: Uint8Array,
  read: ReadFile,
  ending: string
): Promise<ReadWeights> {
  const place = files.placeOf(indexFile)
  const index = readShardIndex(indexBytes, place, ending)
  const shards = new Map<string, WeightsFile>()
  const parts: Uint8Array[] = []
  for (const file of [...new Set(index.values())].sort()) {
    const bytes = await files.read(file)
    if (bytes === undefined) {
      throw new EsplanadeError('MODEL_NOT_FOUND', {
        place: files.placeOf(file),
        problem: `this shard of the weights is missing; ${indexFile} names it`,
        remedy: 'Fetch the whole model again'
      })
    }
    parts.push(bytes)
    shards.set(file, read(bytes, files.placeOf(file)))
  }
  return {
    weights: new ShardedWeights(index, shards, place),
    fingerprint: checksumOf(parts, files)
  }
}
