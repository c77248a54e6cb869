import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { generationNumber } from '../collection/settings.ts'
import { EsplanadeError } from '../errors.ts'
import { syncFolder } from './atomic-file.ts'
import { fileError } from './file-error.ts'
import { WriterLock } from './writer-lock.ts'

const LOCK_FILE = 'writer.lock'

/**
 * Makes a collection beside the one in a directory, and puts it in its place when it is whole. Until
 * then the one that is there can be searched, but not written to; when `build` fails, it stays. (A kill
 * in the moment of the swap leaves it beside its place, as `….partial-PID-old`.) What `tune` found
 * goes with it.
 *
 * @param directory - a collection, an index of format version 0, nothing, or an empty folder; anything
 *   else is never replaced
 * @param build - makes the new collection in the directory that it is told, and closes it
 * @throws EsplanadeError `COLLECTION_EXISTS` where something else is there; `COLLECTION_LOCKED`,
 *   `FILE_UNWRITABLE`; what `build` throws
 */
export async function replaceCollection<T>(
  directory: string,
  build: (beside: string) => Promise<T>
): Promise<T> {
  const target = resolve(directory)
  const partial = `${target}.partial-${process.pid}`
  await refuseOthers(target)
  const lock = existsSync(target)
    ? await WriterLock.acquire(join(target, LOCK_FILE), { place: target })
    : undefined
  try {
    await prepare(target, partial)
    const built = await build(partial)
    // Something else may have come here meanwhile.
    await refuseOthers(target)
    await takePlace(partial, target)
    return built
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined)
    throw fileError(cause, target, 'write')
  } finally {
    await lock?.release()
  }
}

async function prepare(target: string, partial: string): Promise<void> {
  const folder = dirname(target)
  // Not by `recursive` alone: where nothing can be made, as in /proc, that never returns.
  if (!existsSync(folder)) await mkdir(folder, { recursive: true })
  await removeAbandoned(target)
  await mkdir(partial)
}

async function takePlace(partial: string, target: string): Promise<void> {
  const old = `${partial}-old`
  const replaces = existsSync(target)
  if (replaces) await rename(target, old)
  try {
    await rename(partial, target)
  } catch (cause) {
    if (replaces) await rename(old, target)
    throw cause
  }
  await syncFolder(dirname(target))
  if (replaces) await rm(old, { recursive: true, force: true })
}

/** The files of an index of version 0.1 of the package. */
const OLD_FILES = new Set([
  'manifest.json',
  'vectors.esp',
  'documents.jsonl',
  'documents.table',
  'tuning.json'
])

async function refuseOthers(target: string): Promise<void> {
  if (!existsSync(target)) return
  const names = await readdir(target).catch(cause => {
    throw fileError(cause, target, 'write')
  })
  const others = names.filter(name => !isOurs(name))
  if (others.length === 0) {
    // A folder called g1 is a generation of ours only where collection.json stands beside it.
    const isWhole = names.includes('collection.json')
    const isEmpty = names.every(name => generationNumber(name) === undefined)
    if (isWhole || (isEmpty && target !== process.cwd())) return
  } else if (others.every(name => OLD_FILES.has(name)) && (await isOldIndex(target))) return
  const isCollection = names.includes('collection.json')
  throw new EsplanadeError('COLLECTION_EXISTS', {
    place: target,
    problem: isCollection
      ? `the folder of a collection holds something else too: ${others[0]}`
      : 'a folder that holds something else is here',
    remedy: 'Choose a place that is not there yet; nothing of this is replaced'
  })
}

function isOurs(name: string): boolean {
  return (
    name === 'collection.json' ||
    name.startsWith(LOCK_FILE) ||
    generationNumber(name) !== undefined ||
    name.endsWith('.partial')
  )
}

async function isOldIndex(target: string): Promise<boolean> {
  const json = await readFile(join(target, 'manifest.json'), 'utf8').catch(() => '')
  return json.includes('"esplanade-index"')
}

/**
 * Removes what killed builds of this place left: folders named for a process that is gone, or for
 * one that had our number before us, as every process of a container may.
 */
async function removeAbandoned(target: string): Promise<void> {
  const prefix = `${basename(target)}.partial-`
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix) || name.endsWith('-old')) continue
    const pid = Number(name.slice(prefix.length))
    if (!(pid > 0) || (pid !== process.pid && isRunning(pid))) continue
    await rm(join(dirname(target), name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
