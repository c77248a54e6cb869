import { randomBytes } from 'node:crypto'
import { copyFile, link, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { writeAtomically } from '../atomic-file.ts'
import { fileError } from '../file-error.ts'
import { isCommit } from './hub-names.ts'
import type { HubSettings } from './hub-settings.ts'
import { etagOf, formatTree, type HubFile, type HubTree, parseTree } from './hub-tree.ts'

/** Failures of a link that a copy does not share. */
const NOT_LINKABLE = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'UNKNOWN'])

/** The folder of a model in a cache. */
export function cacheFolderOf(cacheDir: string, model: string): string {
  return join(cacheDir, `models--${model.replaceAll('/', '--')}`)
}

/**
 * The files of one model in the cache, in the layout of Python's `huggingface_hub`, so that either
 * uses what the other has fetched:
 *
 * ```text
 * models--org--name/
 *   blobs/CHECKSUM                   the files, by the checksum that the hub lists
 *   blobs/CHECKSUM.esplanade.incomplete   what has arrived of one so far
 *   snapshots/COMMIT/path/of/file    a link to a blob; a copy where there are no links
 *   refs/main                        the commit that a branch or a tag pointed to
 *   trees/COMMIT.json                what the hub lists at a commit
 *   .no_exist/COMMIT/path/of/file    Python's note that there is no such file
 * ```
 *
 * All our guarantees hold in it. A blob appears under its name by a renaming, when its checksum is
 * right and the disk has it; Python does the same, but for the checksum of small files. Python's
 * locks (`flock`) are not ours, which costs at most a file that is fetched twice: the file that we
 * go on with has a name that Python never opens, and whoever renames last replaces equal bytes.
 */
export class HubCache {
  readonly folder: string
  /** Locks of ours, beside Python's. */
  readonly locks: string
  readonly #useLinks: boolean

  constructor({ cacheDir, useLinks }: HubSettings, model: string) {
    this.folder = cacheFolderOf(cacheDir, model)
    this.locks = cacheFolderOf(join(cacheDir, '.locks'), model)
    this.#useLinks = useLinks
  }

  /** The folder of the files at a commit. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit)
  }

  blob(file: HubFile): string {
    return join(this.folder, 'blobs', etagOf(file))
  }

  /** The commit that a branch or a tag pointed to when it was asked for last. */
  async readRef(revision: string): Promise<string | undefined> {
    const commit = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => '')
    return isCommit(commit.trim()) ? commit.trim() : undefined
  }

  /** Notes what a revision points to. A cache that cannot be written is used as it is. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.readRef(revision)) === commit) return
    await writeNote(join(this.folder, 'refs', revision), commit)
  }

  async readTree(commit: string): Promise<HubTree | undefined> {
    const json = await readFile(this.#treeFile(commit), 'utf8').catch(() => '')
    return parseTree(json)
  }

  async writeTree(commit: string, tree: HubTree): Promise<void> {
    await writeNote(this.#treeFile(commit), formatTree(tree))
  }

  #treeFile(commit: string): string {
    return join(this.folder, 'trees', `${commit}.json`)
  }

  /** Whether Python has noted that the model has no such file. */
  async isKnownAbsent(commit: string, path: string): Promise<boolean> {
    return (await sizeOf(join(this.folder, '.no_exist', commit, path))) !== undefined
  }

  /**
   * Makes a blob a file of a snapshot, in one step.
   *
   * @throws EsplanadeError `FILE_UNWRITABLE`
   */
  async addToSnapshot(commit: string, path: string, file: HubFile): Promise<void> {
    const target = join(this.snapshot(commit), path)
    const blob = this.blob(file)
    const made = `${blob}.${randomBytes(4).toString('hex')}.incomplete`
    try {
      await mkdir(dirname(target), { recursive: true })
      await this.#linkOrCopy(blob, made, relative(dirname(target), blob))
      await rename(made, target)
    } catch (cause) {
      await rm(made, { force: true }).catch(() => undefined)
      throw fileError(cause, target, 'write')
    }
  }

  async #linkOrCopy(blob: string, made: string, linkText: string): Promise<void> {
    const ways = [() => link(blob, made), () => copyFile(blob, made)]
    if (this.#useLinks) ways.unshift(() => symlink(linkText, made))
    for (const [i, way] of ways.entries()) {
      try {
        return await way()
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if (i === ways.length - 1 || !NOT_LINKABLE.has(code)) throw error
      }
    }
  }
}

/** Bytes of a file, links followed; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

/** What only saves a request the next time: not having it is no failure. */
async function writeNote(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeAtomically(path, content)
  } catch {
    // The cache is read-only or full; what is fetched will say so.
  }
}
