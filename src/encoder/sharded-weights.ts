import { EsplanadeError } from '../errors.ts'
import { parseJsonObject } from './model-config.ts'
import type { Weights, WeightsFile } from './weights.ts'

/** Room for 60,000 tensors; to parse JSON of nothing but brackets takes 50 times its size. */
const MAX_INDEX_BYTES = 2 ** 23

/**
 * The tensors of a checkpoint that lies in several files of one folder, with an index beside them
 * that says which tensor is in which file, as transformers saves a large model:
 *
 *     { "metadata": { "total_size": 4096 }, "weight_map": { "TENSOR": "FILE", … } }
 */
export class ShardedWeights implements Weights {
  readonly #place: string
  readonly #tensors: ReadonlyMap<string, WeightsFile>

  /**
   * @param index - what {@link readShardIndex} gave
   * @param shards - by the names of the index's files
   * @param place - what to call the index in errors
   * @throws EsplanadeError `MODEL_FILE_INVALID` where a shard has not the tensors that the index
   * says, or a tensor is in two of them
   */
  constructor(
    index: ReadonlyMap<string, string>,
    shards: ReadonlyMap<string, WeightsFile>,
    place: string
  ) {
    this.#place = place
    const tensors = new Map<string, WeightsFile>()
    for (const [name, file] of index) {
      const shard = shards.get(file)
      if (!shard?.has(name)) throw disagree(place, `tensor ${name} is not in ${file}`)
      tensors.set(name, shard)
    }
    for (const [file, shard] of shards) {
      for (const name of shard.names) {
        const owner = index.get(name)
        if (owner !== undefined && owner !== file) {
          throw disagree(place, `tensor ${name} is in ${owner} and in ${file}`)
        }
      }
    }
    this.#tensors = tensors
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.shapeOf(name)
  }

  floats(name: string, dims: readonly number[]): Float32Array {
    const shard = this.#tensors.get(name)
    if (shard !== undefined) return shard.floats(name, dims)
    throw new EsplanadeError('MODEL_MISMATCH', {
      place: this.#place,
      problem: `no tensor ${name}`,
      expected: `one of shape [${dims.join(', ')}], as config.json says`,
      remedy: 'Use the config.json that belongs to these weights'
    })
  }
}

/**
 * Which file each tensor is in. The files have plain names, so that they can lie nowhere but beside
 * the index.
 *
 * @param ending - what the names of the files end with
 * @throws EsplanadeError `MODEL_FILE_INVALID`
 */
export function readShardIndex(
  bytes: Uint8Array,
  place: string,
  ending: string
): ReadonlyMap<string, string> {
  if (bytes.length > MAX_INDEX_BYTES) {
    throw disagree(place, `it has ${bytes.length} bytes`, `at most ${MAX_INDEX_BYTES}`)
  }
  const map = parseJsonObject(bytes, place).weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw disagree(place, 'it has no weight_map', 'an object from tensors to files')
  }
  const index = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    // No slash, backslash or colon, no dot at the start: no other folder, drive or stream.
    if (typeof file !== 'string' || !/^\w[\w.-]{0,199}$/.test(file) || !file.endsWith(ending)) {
      const shown = JSON.stringify(file).slice(0, 80)
      throw disagree(
        place,
        `tensor ${name} is said to be in ${shown}`,
        `the plain name of a file that ends with ${ending}`
      )
    }
    index.set(name, file)
  }
  if (index.size === 0) throw disagree(place, 'its weight_map is empty', 'tensors and their files')
  return index
}

function disagree(place: string, problem: string, expected?: string): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place,
    problem,
    expected,
    remedy: 'Fetch the index and all its files again; they do not belong together'
  })
}
