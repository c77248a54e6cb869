import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { EsplanadeError } from 'esplanade'

/** Where a file grows until it is whole; then it gets its own name. */
export function partialPath(path: string): string {
  return `${path}.partial`
}

/**
 * Writes a file so that it is there whole or not at all.
 *
 * @throws EsplanadeError `FILE_UNWRITABLE`
 */
export async function writeWholeFile(path: string, content: string): Promise<void> {
  const partial = partialPath(path)
  try {
    if ((await stat(path).catch(() => undefined))?.isDirectory()) {
      throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
    }
    await writeFile(partial, content)
    await rename(partial, path)
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw unwritable(path, cause)
  }
}

const PROBLEMS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOENT: ['its folder does not exist', 'Make the folder first'],
  ENOTDIR: ['a part of the path is a file', 'Check the path'],
  EISDIR: ['it is a folder', 'Give the path of a file'],
  EACCES: ['no permission to write here', 'Choose another place'],
  EPERM: ['no permission to write here', 'Choose another place'],
  EROFS: ['the file system is read-only', 'Choose another place'],
  ENOSPC: ['the disk is full', 'Free some space'],
  EDQUOT: ['the disk quota is used up', 'Free some space']
}

/** Says what kept a file from being written; an error that is ours already passes unchanged. */
export function unwritable(path: string, cause: unknown): EsplanadeError {
  if (cause instanceof EsplanadeError) return cause
  const { code = '', message } = cause as NodeJS.ErrnoException
  const [problem, remedy] = PROBLEMS[code] ?? [message, 'Check the path']
  return new EsplanadeError('FILE_UNWRITABLE', { place: path, problem, remedy, cause })
}
