import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes on the disk of the parts of a collection. */
export interface CollectionBytes {
  /** The documents, with their vectors. */
  readonly store: number
  /** What is searched. */
  readonly segments: number
  /** All of the directory. */
  readonly total: number
}

/** How much room a collection takes. Files that go meanwhile count as nothing. */
export async function collectionBytes(directory: string): Promise<CollectionBytes> {
  const { active } = JSON.parse(await readFile(join(directory, 'collection.json'), 'utf8'))
  return {
    store: await folderBytes(join(directory, active, 'store')),
    segments: await folderBytes(join(directory, active, 'segments')),
    total: await folderBytes(directory)
  }
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        () => 0
      )
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
