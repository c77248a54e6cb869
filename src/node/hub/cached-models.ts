import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError } from '../file-error.ts'
import { isCommit, isHubName } from './hub-names.ts'

/** A model at one commit, as the cache has it. */
export interface CachedModel {
  /** `org/name`. */
  readonly name: string
  readonly commit: string
  /** Branches and tags that pointed to the commit when they were asked for last. */
  readonly refs: readonly string[]
  /** The folder of its files. */
  readonly folder: string
  /** Paths of the files that are there, in the order of their names. */
  readonly files: readonly string[]
  /** Links to blobs that are gone. */
  readonly lost: readonly string[]
  /** Their length together; what models share is counted with each. */
  readonly bytes: number
}

const FOLDER = /^models--(.+)$/

/**
 * The models in a cache, whoever has fetched them, by name. Other repositories (data sets, spaces)
 * and what is no cache folder are passed over.
 *
 * @throws EsplanadeError `FILE_UNREADABLE`
 */
export async function cachedModels(cacheDir: string): Promise<CachedModel[]> {
  const models: CachedModel[] = []
  for (const folder of await namesIn(cacheDir)) {
    const name = FOLDER.exec(folder)?.[1]?.replace('--', '/')
    if (name !== undefined && isHubName(name)) {
      models.push(...(await commitsOf(join(cacheDir, folder), name)))
    }
  }
  return models
}

async function commitsOf(folder: string, name: string): Promise<CachedModel[]> {
  const refs = await refsIn(folder)
  const commits = (await namesIn(join(folder, 'snapshots'))).filter(isCommit)
  return Promise.all(
    commits.map(async commit => {
      const snapshot = join(folder, 'snapshots', commit)
      const files: string[] = []
      const lost: string[] = []
      let bytes = 0
      for (const file of await filesUnder(snapshot)) {
        const found = await stat(join(snapshot, file)).catch(() => undefined)
        const isThere = found?.isFile() ?? false
        const names = isThere ? files : lost
        names.push(file)
        bytes += isThere ? found!.size : 0
      }
      const own = refs.filter(([, target]) => target === commit).map(([ref]) => ref)
      return { name, commit, refs: own, folder: snapshot, files, lost, bytes }
    })
  )
}

/** Branches and tags with the commits that they pointed to. */
export async function refsIn(folder: string): Promise<[ref: string, commit: string][]> {
  const refs: [string, string][] = []
  for (const ref of await filesUnder(join(folder, 'refs'))) {
    const commit = await readFile(join(folder, 'refs', ref), 'utf8').catch(() => '')
    if (isCommit(commit.trim())) refs.push([ref, commit.trim()])
  }
  return refs
}

/** Files and links in a folder and those below, by their paths in it, with `/`. */
async function filesUnder(folder: string, prefix: string = ''): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch(() => [])
  const paths = await Promise.all(
    entries.map(entry => {
      const path = `${prefix}${entry.name}`
      return entry.isDirectory() ? filesUnder(folder, `${path}/`) : [path]
    })
  )
  return paths.flat().sort()
}

/** The names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw fileError(cause, folder, 'read')
  }
}
