import { EsplanadeError } from '../errors.ts'
import { parseJsonObject } from './model-config.ts'
import type { ModelFiles } from './model-files.ts'
import type { Pooling } from './splade-pooling.ts'

/** A folder of the model's own: a path that leads elsewhere is not followed. */
const SUBFOLDER = /^\w[\w-]*$/

/**
 * The pooling that a folder of sentence-transformers' `SparseEncoder` asks for: `modules.json` names
 * the module `SpladePooling`, whose `config.json` has the strategy. Undefined for a folder without
 * `modules.json`, as transformers saves it.
 *
 * @throws EsplanadeError `MODEL_UNSUPPORTED` for modules and settings that are not read: a wrong
 * vector would be worse than none
 */
export async function readPooling(files: ModelFiles): Promise<Pooling | undefined> {
  const bytes = await files.read('modules.json')
  if (bytes === undefined) return undefined
  const place = files.placeOf('modules.json')
  const modules = Object.values(parseJsonObject(bytes, place, 'array'))
  let pooling: Pooling | undefined
  for (const module of modules) {
    const { type, path } = (module ?? {}) as Record<string, unknown>
    const name = String(type).split('.').at(-1)
    if (name === 'SpladePooling' && typeof path === 'string' && SUBFOLDER.test(path)) {
      pooling = await readSpladePooling(files, `${path}/config.json`)
    } else if (name !== 'MLMTransformer' || path !== '') {
      throw unsupported(place, `the module ${name} at "${path}"`, 'MLMTransformer, SpladePooling')
    }
  }
  if (pooling === undefined) throw unsupported(place, 'no module SpladePooling', 'a SPLADE model')
  return pooling
}

async function readSpladePooling(files: ModelFiles, file: string): Promise<Pooling> {
  const place = files.placeOf(file)
  const bytes = await files.read(file)
  if (bytes === undefined) return 'max'
  const config = parseJsonObject(bytes, place)
  const { pooling_strategy: strategy = 'max', activation_function: activation = 'relu' } = config
  if (strategy !== 'max' && strategy !== 'sum') {
    throw unsupported(place, `pooling_strategy ${JSON.stringify(strategy)}`, 'max or sum')
  }
  if (activation !== 'relu') {
    throw unsupported(place, `activation_function ${JSON.stringify(activation)}`, 'relu')
  }
  return strategy
}

function unsupported(place: string, problem: string, expected: string): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', { place, problem, expected })
}
