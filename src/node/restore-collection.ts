import { existsSync } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { EsplanadeError } from '../errors.ts'
import { syncFolder } from './atomic-file.ts'
import { backupCollection } from './backup.ts'
import { inspectCollection } from './check-collection.ts'
import { fileError } from './file-error.ts'
import { LmdbStore } from './lmdb-store.ts'
import { WriterLock } from './writer-lock.ts'

/** Options of a restore. */
export interface RestoreOptions {
  /** What is in the directory now is moved aside; default false: it is refused. */
  readonly overwrite?: boolean
  /** Stops it before anything is replaced. */
  readonly signal?: AbortSignal
}

/** What a restore did. */
export interface RestoreResult {
  readonly directory: string
  readonly numDocuments: number
  /** Where that is now which was in the directory. */
  readonly replaced?: string
}

/**
 * Puts a copy of a backup into the place of a collection. The backup is checked first; what was in the
 * place is moved aside, to `DIR.replaced-2026-11-21T14-30-00-000Z`, and never deleted.
 *
 * @throws EsplanadeError `COLLECTION_CORRUPT` when the backup is not whole; `COLLECTION_EXISTS` without
 *   `overwrite`; `COLLECTION_LOCKED` while the collection is being written to; `COLLECTION_NOT_FOUND`,
 *   `FILE_UNREADABLE`, `FILE_UNWRITABLE`, `ABORTED`
 */
export async function restoreCollection(
  backup: string,
  directory: string,
  options: RestoreOptions = {}
): Promise<RestoreResult> {
  const target = resolve(directory)
  const { overwrite = false, signal } = options
  const isTaken = existsSync(target) && !(await isEmptyFolder(target))
  if (isTaken && !overwrite) {
    throw new EsplanadeError('COLLECTION_EXISTS', {
      place: target,
      problem: 'something is already here',
      remedy: 'Say that it is to be replaced (overwrite, --overwrite); it is then moved aside'
    })
  }
  const { report, paths, manifest } = await inspectCollection(backup, signal ? { signal } : {})
  if (!report.isClean || manifest === undefined) {
    throw new EsplanadeError('COLLECTION_CORRUPT', {
      place: resolve(backup),
      problem: `the backup is not whole: ${report.findings.find(isError)?.problem}`,
      remedy: 'Take another backup, or repair this one: esplanade repair BACKUP'
    })
  }
  const copyTo = async (to: string): Promise<void> => {
    const store = await LmdbStore.open(paths.store, { readOnly: true })
    await backupCollection(paths, store, manifest, to).finally(() => store.close())
  }
  const { numDocuments } = report
  if (!isTaken) {
    await copyTo(target)
    return { directory: target, numDocuments }
  }
  const replaced = await replaceBy(target, copyTo)
  return { directory: target, numDocuments, replaced }
}

/** Moves what is there aside once its successor stands beside it, complete. */
async function replaceBy(target: string, copyTo: (to: string) => Promise<void>): Promise<string> {
  const isFolder = (await stat(target)).isDirectory()
  const lock = isFolder ? await WriterLock.acquire(join(target, 'writer.lock')) : undefined
  const copy = `${target}.restored-${process.pid}`
  const replaced = `${target}.replaced-${new Date().toISOString().replace(/[:.]/g, '-')}`
  try {
    await rm(copy, { recursive: true, force: true })
    await copyTo(copy)
    await rename(target, replaced)
    // A kill here leaves both beside the place, complete.
    await rename(copy, target)
    await syncFolder(dirname(target))
    return replaced
  } catch (cause) {
    if (!existsSync(target) && existsSync(replaced)) await rename(replaced, target)
    await rm(copy, { recursive: true, force: true })
    throw fileError(cause, target, 'write')
  } finally {
    // It has moved along.
    if (isFolder) await rm(join(replaced, 'writer.lock'), { force: true })
    await lock?.release()
  }
}

async function isEmptyFolder(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => undefined)
  return names?.length === 0
}

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === 'error'
}
