import { CollectionDenseEncoder } from '../collection/collection-dense-encoder.ts'
import {
  type DenseModelRecord,
  type DenseOptions,
  type DenseSettings,
  denseModelRecord,
  newDenseSettings
} from '../collection/dense-settings.ts'
import { type CollectionSettings, refuseMismatch } from '../collection/settings.ts'
import type { DenseEncoder, DenseLoadOptions } from '../encoder/dense-encoder.ts'
import { loadDenseEncoder } from '../encoder/load-dense-encoder.ts'
import type { LoadOptions } from '../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../errors.ts'
import { type FoundModel, findModel, hubModel } from './model-folder.ts'
import { loadUsearch } from './usearch-graph.ts'

/** How the dense vectors of a collection are asked for when it is opened. */
export interface DenseModelOptions {
  /**
   * The model that turns texts into dense vectors as well: a folder, or `org/name` on the hub. Null: none
   * does. Default: the one that the collection was made with; none for a new one. For a collection that
   * is there it must be the same model, but may lie elsewhere by now.
   */
  readonly denseModel?: string | null
  /**
   * How the dense model is loaded; `pooling`, `normalize` and `prompts` are recorded when the collection
   * is made. Default: hub, device and threads as `load` has them.
   */
  readonly denseLoad?: DenseLoadOptions
  /**
   * The dense vectors that documents have, beside or instead of sparse ones, to be searched. Default for a
   * new collection: those of the dense model, compared by cosine; without one, dense vectors that
   * documents bring are kept and given back, and not searched. Fixed when the collection is made.
   */
  readonly dense?: DenseOptions
}

type Options = DenseModelOptions & { readonly load?: LoadOptions }

/** What a new collection records of its dense vectors. @throws what loading the model throws */
export async function denseSettingsOf(options: Options): Promise<DenseSettings | undefined> {
  const { denseModel, dense } = options
  // Before a directory is made: nothing could be written to it.
  if (dense?.index === 'hnsw') await loadUsearch()
  if (typeof denseModel !== 'string') return newDenseSettings(dense, undefined)
  const { encoder, record } = await loadDense(denseModel, options)
  await encoder.close()
  return newDenseSettings(dense, { dimensions: encoder.dimensions, record })
}

/** A dense model that is new to a collection, and what is recorded of it. */
export async function loadDense(
  denseModel: string,
  options: Pick<Options, 'load' | 'denseLoad'>
): Promise<{ readonly encoder: DenseEncoder; readonly record: DenseModelRecord }> {
  const load = loadOf(options)
  const files = await findModel(denseModel, load)
  const encoder = await loadDenseEncoder(files, load)
  return { encoder, record: denseModelRecord(encoder, files, load) }
}

/**
 * The dense model of a collection that is there; undefined where it has none. One that was asked for is
 * compared with it at once.
 *
 * @throws EsplanadeError `COLLECTION_MISMATCH`, and what finding and loading a model throws
 */
export async function denseEncoderFor(
  path: string,
  settings: CollectionSettings,
  options: Options
): Promise<CollectionDenseEncoder | undefined> {
  const { denseModel, dense } = options
  if (dense !== undefined) refuseMismatch(settings, { dense }, path)
  if (denseModel === null) refuseMismatch(settings, { denseModel }, path)
  const recorded = settings.dense?.model
  const source = denseModel ?? undefined
  if (source === undefined || source === recorded?.source) {
    return recorded && new CollectionDenseEncoder(recorded, record => load(path, record, options))
  }
  const loadOptions = loadOf(options, recorded)
  const files = await findModel(source, loadOptions)
  const encoder = await loadDenseEncoder(files, loadOptions)
  try {
    refuseMismatch(settings, { denseModel: denseModelRecord(encoder, files) }, path)
  } catch (error) {
    await encoder.close()
    throw error
  }
  return new CollectionDenseEncoder(recorded!, async () => encoder)
}

/** Loads the recorded model from where it lay. */
async function load(
  path: string,
  record: DenseModelRecord,
  options: Options
): Promise<DenseEncoder> {
  const loadOptions = loadOf(options, record)
  return loadDenseEncoder(await findRecorded(path, record, loadOptions), loadOptions)
}

async function findRecorded(
  path: string,
  { source, revision }: DenseModelRecord,
  options: DenseLoadOptions
): Promise<FoundModel> {
  // What was on the hub is meant, whatever folder of that name lies in the working directory.
  if (revision !== undefined) return hubModel(source, { ...options, revision })
  try {
    return await findModel(source, options)
  } catch (cause) {
    if (!(cause instanceof EsplanadeError && cause.code === 'MODEL_NOT_FOUND')) throw cause
    throw new EsplanadeError('MODEL_NOT_FOUND', {
      place: path,
      problem: `the collection was made with the dense model in ${source}, which is not there any more`,
      remedy: 'Say where it is now: --dense-model, or open(directory, { denseModel })',
      cause
    })
  }
}

/** What is asked for goes before what is recorded: that it gives other vectors is found, and refused. */
function loadOf({ load = {}, denseLoad }: Options, recorded?: DenseModelRecord): DenseLoadOptions {
  const { localFilesOnly, token, endpoint, cacheDir, onDownload, signal } = load
  const { device, numThreads, numWorkers } = load
  const shared = {
    ...{ localFilesOnly, token, endpoint, cacheDir, onDownload, signal },
    ...{ device, numThreads, numWorkers },
    ...(recorded && { maxTokens: recorded.maxTokens, ...recorded.chosen }),
    ...denseLoad
  }
  const given = Object.entries(shared).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as DenseLoadOptions
}
