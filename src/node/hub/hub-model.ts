import { join } from 'node:path'
import type { ModelFiles } from '../../encoder/model-files.ts'
import type { HubOptions } from '../../encoder/sparse-encoder.ts'
import { EsplanadeError } from '../../errors.ts'
import { fileError } from '../file-error.ts'
import { addToHash } from '../http/add-to-hash.ts'
import { readIfThere } from '../whole-file.ts'
import { beginHash } from './content-hash.ts'
import { downloadBlob } from './download.ts'
import { commitOf, listTree } from './hub-api.ts'
import { HubCache, sizeOf } from './hub-cache.ts'
import { HubConnection } from './hub-connection.ts'
import { checkedRevision, isCommit, isSafePath } from './hub-names.ts'
import { type HubSettings, hubSettings } from './hub-settings.ts'
import { etagOf, type HubFile, type HubTree } from './hub-tree.ts'

/**
 * The files of a model on the hub at one commit. Each is fetched into the cache when it is read
 * first; no connection is opened for what the cache has, but for one request that asks which commit
 * a branch or a tag points to now.
 */
export class HubModel implements ModelFiles {
  /** `org/name`. */
  readonly name: string
  /** What the revision pointed to when the model was opened. */
  readonly commit: string
  /** What the hub lists; undefined offline, where the cache does not say. */
  readonly tree: HubTree | undefined
  readonly #settings: HubSettings
  readonly #cache: HubCache
  readonly #connect: () => HubConnection
  readonly #pending = new Map<string, Promise<string | undefined>>()

  private constructor(parts: {
    name: string
    commit: string
    tree: HubTree | undefined
    settings: HubSettings
    cache: HubCache
    connect: () => HubConnection
  }) {
    this.name = parts.name
    this.commit = parts.commit
    this.tree = parts.tree
    this.#settings = parts.settings
    this.#cache = parts.cache
    this.#connect = parts.connect
  }

  /**
   * Finds out which commit is meant, and what files it has.
   *
   * @param name - `org/name`
   * @param settings - default: what the options and the environment say
   * @throws EsplanadeError `MODEL_NOT_FOUND`, `MODEL_FORBIDDEN`, `DOWNLOAD_FAILED`, `ABORTED`,
   *   `INVALID_ARGUMENT`
   */
  static async open(
    name: string,
    options: HubOptions = {},
    settings: HubSettings = hubSettings(options)
  ): Promise<HubModel> {
    const revision = checkedRevision(options.revision ?? 'main')
    const cache = new HubCache(settings, name)
    let connection: HubConnection | undefined
    const connect = () => {
      connection ??= new HubConnection(settings, { model: name, revision })
      return connection
    }
    const commit = settings.isOffline
      ? await cachedCommit(cache, revision)
      : await currentCommit(cache, revision, connect)
    if (commit === undefined) throw notCached(name, `the revision "${revision}"`, cache.folder)
    let tree = await cache.readTree(commit)
    if (tree === undefined && !settings.isOffline) {
      tree = await listTree(connect(), commit)
      await cache.writeTree(commit, tree)
    }
    return new HubModel({ name, commit, tree, settings, cache, connect })
  }

  /** The folder of the files that have been fetched. */
  get folder(): string {
    return this.#cache.snapshot(this.commit)
  }

  placeOf(file: string): string {
    return `${this.name}@${this.commit.slice(0, 8)}/${file}`
  }

  async read(file: string): Promise<Uint8Array | undefined> {
    const path = await this.fetch(file)
    return path === undefined ? undefined : readIfThere(path)
  }

  /**
   * Makes sure that a file is in the cache.
   *
   * @param check - reads what is there and compares it with the checksum, and replaces it if it is
   *   damaged; else its length is all that is looked at
   * @returns its path; undefined where the model has no such file
   * @throws EsplanadeError `DOWNLOAD_FAILED`, `MODEL_FORBIDDEN`, `MODEL_NOT_FOUND` (offline),
   *   `MODEL_FILE_INVALID` (offline), `FILE_UNWRITABLE`, `ABORTED`
   */
  fetch(file: string, check: boolean = false): Promise<string | undefined> {
    const pending = this.#pending.get(file)
    if (pending !== undefined) return pending
    const fetched = this.#fetch(file, check).finally(() => this.#pending.delete(file))
    this.#pending.set(file, fetched)
    return fetched
  }

  async #fetch(path: string, check: boolean): Promise<string | undefined> {
    if (!isSafePath(path)) return undefined
    const place = join(this.folder, path)
    const size = await sizeOf(place)
    const { tree } = this
    if (tree === undefined) {
      if (size !== undefined) return place
      if (await this.#cache.isKnownAbsent(this.commit, path)) return undefined
      throw this.#unknown(path)
    }
    const file = tree.get(path)
    if (file === undefined) return undefined
    const isWhole = size === file.size && (!check || (await isUndamaged(place, file)))
    if (isWhole) return place
    if (this.#settings.isOffline) throw this.#missing(path, size, file.size)
    const wanted = { commit: this.commit, path, file }
    await downloadBlob(this.#connect(), this.#cache, wanted, check && size === file.size)
    await this.#cache.addToSnapshot(this.commit, path, file)
    return place
  }

  #unknown(path: string): EsplanadeError {
    return new EsplanadeError('MODEL_NOT_FOUND', {
      place: this.placeOf(path),
      problem: 'the cache does not say whether the model has this file, and the hub is not asked',
      remedy:
        `Where there is a connection: esplanade models pull ${this.name}. If all of the model is ` +
        `here, give its folder instead: ${this.folder}`
    })
  }

  #missing(path: string, size: number | undefined, expected: number): EsplanadeError {
    if (size === undefined) return notCached(this.name, path, this.folder)
    return new EsplanadeError('MODEL_FILE_INVALID', {
      place: join(this.folder, path),
      problem: `the file has ${size} bytes`,
      expected: `${expected} bytes`,
      remedy: `Where there is a connection: esplanade models pull ${this.name}`
    })
  }
}

/** Whether a file has the checksum that the hub lists. */
export async function isUndamaged(path: string, file: HubFile): Promise<boolean> {
  const hash = beginHash(file)
  await addToHash(hash, path).catch(cause => {
    throw fileError(cause, path, 'read')
  })
  return hash.digest('hex') === etagOf(file)
}

async function cachedCommit(cache: HubCache, revision: string): Promise<string | undefined> {
  return isCommit(revision) ? revision : await cache.readRef(revision)
}

/** Asks the hub; where it cannot be reached, the commit that it named last has to do. */
async function currentCommit(
  cache: HubCache,
  revision: string,
  connect: () => HubConnection
): Promise<string> {
  if (isCommit(revision)) return revision
  const last = await cache.readRef(revision)
  const usable = last !== undefined && (await cache.readTree(last)) !== undefined ? last : undefined
  try {
    const commit = await commitOf(connect(), usable === undefined ? undefined : 1)
    await cache.writeRef(revision, commit)
    return commit
  } catch (error) {
    const isUnreachable = error instanceof EsplanadeError && error.code === 'DOWNLOAD_FAILED'
    if (usable === undefined || !isUnreachable) throw error
    return usable
  }
}

function notCached(name: string, what: string, folder: string): EsplanadeError {
  return new EsplanadeError('MODEL_NOT_FOUND', {
    place: name,
    problem: `${what} is not in the cache (${folder}), and the hub is not asked: offline`,
    remedy:
      `Where there is a connection: esplanade models pull ${name}. ` +
      'HF_HUB_OFFLINE and localFilesOnly say whether the hub may be asked'
  })
}
