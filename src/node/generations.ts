import { statSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { generationNumber } from '../collection/settings.ts'
import { collectionFilePath, readCollectionFile } from './collection-files.ts'
import { generationsOf } from './find-generation.ts'

/** The folder in which a generation is built; it gets its own name once it is complete. */
export function partialName(generation: string): string {
  return `${generation}.partial`
}

/**
 * Removes generations that another has followed, and gives those that were complete but never became
 * active the name of one that is being built. For the process that writes, before it does.
 */
export async function tidyGenerations(path: string, active: string): Promise<void> {
  const number = generationNumber(active)!
  for (const name of await generationsOf(path)) {
    const folder = join(path, name)
    // Where another process still has its files open and the system minds, the next writer removes it.
    if (generationNumber(name)! < number) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined)
    } else if (name !== active) {
      const partial = join(path, partialName(name))
      await rm(partial, { recursive: true, force: true })
      await rename(folder, partial)
    }
  }
  for (const name of await readdir(path)) {
    const built = /^(g\d+)\.partial$/.exec(name)?.[1]
    const isOld = built !== undefined && (generationNumber(built) ?? 0) <= number
    if (isOld) await rm(join(path, name), { recursive: true, force: true })
  }
}

/** Asks which generation is active by now, if it is another than the one given. */
export function activeAfter(path: string, generation: string): () => Promise<string | undefined> {
  const file = collectionFilePath(path)
  let last: string | undefined
  return async () => {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
    const stamp = `${stat?.ino} ${stat?.mtimeNs}`
    if (stamp === last) return undefined
    // While it is away, the generation that is open is read on.
    const found = await readCollectionFile(path).catch(() => undefined)
    if (found === undefined) return undefined
    if (found.active !== generation) return found.active
    last = stamp
    return undefined
  }
}
