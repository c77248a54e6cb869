import { realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { HubOptions } from '../../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../../errors.ts'
import { fileError } from '../file-error.ts'
import { SHIPPED_MODELS, shippedFolder } from '../model-folder.ts'
import { type CachedModel, cachedModels, namesIn } from './cached-models.ts'
import { HubCache } from './hub-cache.ts'
import { HubModel, isUndamaged } from './hub-model.ts'
import { isHubName } from './hub-names.ts'
import { hubSettings } from './hub-settings.ts'
import type { HubFile } from './hub-tree.ts'
import { partsOf } from './model-parts.ts'
import { removeCommits } from './remove-model.ts'

/** A model that is on this machine. */
export interface LocalModel {
  readonly name: string
  /** `shipped` with the package, or in the cache of the `hub`. */
  readonly origin: 'shipped' | 'hub'
  /** The commit of a model from the hub. */
  readonly revision?: string
  /** Branches and tags that pointed to the commit when they were asked for last. */
  readonly refs: readonly string[]
  /** The folder of its files. */
  readonly path: string
  readonly numFiles: number
  readonly bytes: number
}

/** What {@link pullModel} did. */
export interface PulledModel extends LocalModel {
  readonly revision: string
  /** Files that were fetched; the others were there and undamaged. */
  readonly numFetched: number
}

/** What {@link removeModel} did. */
export interface RemovedModel {
  readonly name: string
  /** Commits that are gone. */
  readonly revisions: readonly string[]
  readonly bytesFreed: number
}

/** What {@link verifyModel} found. */
export interface VerifiedModel {
  readonly name: string
  readonly revision: string
  readonly numFiles: number
  readonly bytes: number
  /** Files whose bytes have another checksum than the hub lists, or are gone. */
  readonly damaged: readonly string[]
  /** Files that the cache has no checksum of; those of Python's on systems without links. */
  readonly unchecked: readonly string[]
}

/**
 * The models that can be loaded without a connection: those of the package, then those in the cache
 * of the hub, by name. Python's `huggingface_hub` keeps its own there, which need not be sparse
 * encoders.
 *
 * @throws EsplanadeError `FILE_UNREADABLE`
 */
export async function listModels(options?: Pick<HubOptions, 'cacheDir'>): Promise<LocalModel[]> {
  const shipped = await Promise.all(
    SHIPPED_MODELS.map(async (name): Promise<LocalModel> => {
      const path = shippedFolder(name)
      const files = await namesIn(path)
      const sizes = await Promise.all(files.map(async file => (await stat(join(path, file))).size))
      const bytes = sizes.reduce((sum, size) => sum + size, 0)
      return { name, origin: 'shipped', refs: [], path, numFiles: files.length, bytes }
    })
  )
  const cached = await cachedModels(hubSettings(options).cacheDir)
  return [...shipped, ...cached.map(localModel)]
}

function localModel({ name, commit, refs, folder, files, bytes }: CachedModel) {
  const numFiles = files.length
  return { name, origin: 'hub', revision: commit, refs, path: folder, numFiles, bytes } as const
}

/**
 * Fetches what an encoder needs of a model on the hub into the cache: configurations, tokenizer, and
 * the weights in one format. What is there is compared with its checksum, and fetched again where it
 * is damaged.
 *
 * @param name - `org/name`
 * @throws EsplanadeError as `SparseEncoder.load` of a model on the hub
 */
export async function pullModel(name: string, options?: HubOptions): Promise<PulledModel> {
  refuseOtherNames(name)
  let numFetched = 0
  let fetching: string | undefined
  const model = await HubModel.open(name, {
    ...options,
    onDownload: progress => {
      if (progress.file !== fetching) numFetched++
      fetching = progress.file
      options?.onDownload?.(progress)
    }
  })
  const parts = await partsOf(model)
  if (parts.length === 0) {
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: name,
      problem: 'the hub lists no file of a checkpoint',
      expected: 'config.json, tokenizer.json and weights'
    })
  }
  for (const part of parts) await model.fetch(part, true)
  const { cacheDir } = hubSettings(options)
  const cached = await cachedModels(cacheDir)
  const found = cached.find(one => one.name === name && one.commit === model.commit)!
  return { ...localModel(found), numFetched }
}

/**
 * Removes a model from the cache of the hub, for Python too.
 *
 * @param options.revision - a commit, or what pointed to one; default: all that are there
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `FILE_UNWRITABLE`, `INVALID_ARGUMENT`
 */
export async function removeModel(
  name: string,
  options?: Pick<HubOptions, 'cacheDir' | 'revision'>
): Promise<RemovedModel> {
  const { cacheDir } = hubSettings(options)
  const removed = await inCache(name, options)
  const all = (await cachedModels(cacheDir)).filter(model => model.name === name)
  const revisions = removed.map(({ commit }) => commit)
  const kept = all.filter(({ commit }) => !revisions.includes(commit))
  return { name, revisions, bytesFreed: await removeCommits(cacheDir, removed, kept) }
}

/**
 * Reads all files of a model in the cache and compares them with the checksums that the hub has
 * listed. `pullModel` fetches those that are damaged again.
 *
 * @param options.revision - a commit, or what pointed to one; default: all that are there
 * @throws EsplanadeError `MODEL_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_ARGUMENT`
 */
export async function verifyModel(
  name: string,
  options?: Pick<HubOptions, 'cacheDir' | 'revision'>
): Promise<VerifiedModel[]> {
  const cache = new HubCache(hubSettings(options), name)
  const verified: VerifiedModel[] = []
  for (const { commit, folder, files, lost, bytes } of await inCache(name, options)) {
    const tree = await cache.readTree(commit)
    const damaged = [...lost]
    const unchecked: string[] = []
    for (const path of files) {
      const place = join(folder, path)
      const file = tree?.get(path) ?? (await fileOfBlob(place))
      if (file === undefined) unchecked.push(path)
      else if (!(await isUndamaged(place, file))) damaged.push(path)
    }
    const numFiles = files.length
    verified.push({ name, revision: commit, numFiles, bytes, damaged, unchecked })
  }
  return verified
}

/** A file that is a link to a blob, which has its checksum for a name. */
async function fileOfBlob(place: string): Promise<HubFile | undefined> {
  try {
    const blob = await realpath(place)
    const { size } = await stat(blob)
    const etag = basename(blob)
    if (/^[0-9a-f]{64}$/.test(etag)) return { size, blobId: '', sha256: etag }
    return /^[0-9a-f]{40}$/.test(etag) ? { size, blobId: etag } : undefined
  } catch (cause) {
    throw fileError(cause, place, 'read')
  }
}

async function inCache(
  name: string,
  options: Pick<HubOptions, 'cacheDir' | 'revision'> = {}
): Promise<CachedModel[]> {
  refuseOtherNames(name)
  const { cacheDir } = hubSettings(options)
  const { revision } = options
  const models = (await cachedModels(cacheDir)).filter(
    model =>
      model.name === name &&
      (revision === undefined || model.commit === revision || model.refs.includes(revision))
  )
  if (models.length > 0) return models
  throw new EsplanadeError('MODEL_NOT_FOUND', {
    place: name,
    problem: `${revision === undefined ? 'the model' : `its revision "${revision}"`} is not in the cache (${cacheDir})`,
    remedy: 'See what is there: esplanade models list'
  })
}

function refuseOtherNames(name: string): void {
  if (isHubName(name)) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    problem: `"${name}" is no name of a model on the hub`,
    expected: 'org/name, such as naver/splade-v3'
  })
}
