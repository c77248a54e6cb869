import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileError } from './file-error.ts'

/** What is being written: never read, and of no use once its process is dead. */
const PARTIAL = /^\.\d+-[0-9a-f]{12}\..+\.partial$/

/** Systems write no more than 2 GiB at once. */
const MAX_TRANSFER_BYTES = 2 ** 28

/**
 * Writes a file so that its place holds the old bytes or the new ones, whatever happens: they are
 * written beside it under a name of their own, flushed, renamed, and the folder is flushed. When the
 * promise resolves, the disk has them.
 *
 * After an error the place may hold either; what the old bytes refer to must be kept.
 *
 * @param content - the bytes, or pieces of them in their order
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array>
): Promise<void> {
  const token = randomBytes(6).toString('hex')
  const partial = join(dirname(path), `.${process.pid}-${token}.${basename(path)}.partial`)
  try {
    const file = await open(partial, 'wx')
    try {
      for (const piece of piecesOf(content)) await writeAll(file, piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw fileError(cause, path, 'write')
  }
}

function piecesOf(content: string | Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (typeof content === 'string') return [Buffer.from(content)]
  return content instanceof Uint8Array ? [content] : content
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, MAX_TRANSFER_BYTES)
    at += (await file.write(bytes, at, length)).bytesWritten
  }
}

/**
 * Makes sure that the names in a folder are on the disk.
 *
 * @throws the system's error
 */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders, and keeps their names safe by itself.
  if (process.platform === 'win32') return
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Removes what killed processes left half-written in a folder. Only for the one process that writes
 * there, and before it does.
 *
 * @returns how many files there were
 * @throws EsplanadeError `FILE_UNREADABLE`, `FILE_UNWRITABLE`
 */
export async function removePartials(folder: string): Promise<number> {
  const names = await readdir(folder).catch(cause => {
    throw fileError(cause, folder, 'read')
  })
  const partials = names.filter(name => PARTIAL.test(name))
  for (const name of partials) {
    const path = join(folder, name)
    await rm(path, { force: true }).catch(cause => {
      throw fileError(cause, path, 'write')
    })
  }
  return partials.length
}
