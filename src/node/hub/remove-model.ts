import { lstat, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileError } from '../file-error.ts'
import { type CachedModel, namesIn, refsIn } from './cached-models.ts'
import { cacheFolderOf } from './hub-cache.ts'

/**
 * Removes models from a cache: their names first, so that what is left of an interrupted removal is
 * never taken for a model, then the files that no other commit has.
 *
 * @param removed - commits of one model
 * @param kept - the other commits of that model in the cache
 * @returns the bytes that were freed
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function removeCommits(
  cacheDir: string,
  removed: readonly CachedModel[],
  kept: readonly CachedModel[]
): Promise<number> {
  const name = removed[0]!.name
  const folder = cacheFolderOf(cacheDir, name)
  try {
    const commits = new Set(removed.map(({ commit }) => commit))
    for (const [ref, commit] of await refsIn(folder)) {
      if (commits.has(commit)) await rm(join(folder, 'refs', ref), { force: true })
    }
    let freed = 0
    for (const { commit, folder: snapshot, files } of removed) {
      for (const file of files) freed += await ownBytes(join(snapshot, file))
      await rm(snapshot, { recursive: true, force: true })
      await rm(join(folder, 'trees', `${commit}.json`), { force: true })
      await rm(join(folder, '.no_exist', commit), { recursive: true, force: true })
    }
    freed += await removeBlobs(folder, kept)
    if (kept.length === 0) {
      await rm(folder, { recursive: true, force: true })
      await rm(cacheFolderOf(join(cacheDir, '.locks'), name), { recursive: true, force: true })
    }
    return freed
  } catch (cause) {
    throw fileError(cause, folder, 'write')
  }
}

/** Removes the blobs that nothing leads to any more, incomplete ones too unless others stay. */
async function removeBlobs(folder: string, kept: readonly CachedModel[]): Promise<number> {
  const used = new Set<string>()
  for (const { folder: snapshot, files } of kept) {
    for (const file of files) used.add(basename(await realpath(join(snapshot, file))))
  }
  let freed = 0
  for (const blob of await namesIn(join(folder, 'blobs'))) {
    // Somebody may be fetching it for a commit that stays.
    const stays = used.has(blob) || (kept.length > 0 && blob.endsWith('.incomplete'))
    if (stays) continue
    const path = join(folder, 'blobs', blob)
    freed += await ownBytes(path)
    await rm(path, { force: true })
  }
  return freed
}

/** Bytes that removing a file frees: none for a link, nor for one of several names. */
async function ownBytes(path: string): Promise<number> {
  const found = await lstat(path)
  return found.isFile() && found.nlink === 1 ? found.size : 0
}
