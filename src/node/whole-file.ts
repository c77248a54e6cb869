import { type FileHandle, open, stat } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { EsplanadeError } from '../errors.ts'
import { fileError } from './file-error.ts'

/** What is read, or summed up, at once: `readFile` and the checksum end at 2 and 4 GiB. */
const PIECE_BYTES = 2 ** 28

/**
 * The content of a file of any size, or undefined where there is none.
 *
 * @throws EsplanadeError `FILE_UNREADABLE`, also where memory does not hold it
 */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw fileError(cause, path, 'read')
  }
  try {
    return await readWhole(file, path)
  } catch (cause) {
    throw fileError(cause, path, 'read')
  } finally {
    await file.close()
  }
}

async function readWhole(file: FileHandle, path: string): Promise<Uint8Array> {
  const { size } = await file.stat()
  const bytes = allocate(size, path)
  let end = 0
  while (end < size) {
    const { bytesRead } = await file.read(bytes, end, Math.min(PIECE_BYTES, size - end))
    if (bytesRead === 0) return bytes.subarray(0, end)
    end += bytesRead
  }
  return bytes
}

/** @param size - bytes of the file */
export function allocate(size: number, path: string): Uint8Array {
  try {
    return new Uint8Array(size)
  } catch (cause) {
    throw new EsplanadeError('FILE_UNREADABLE', {
      place: path,
      problem: `its ${(size / 1e9).toFixed(1)} GB do not fit in memory`,
      expected: 'a file that is read at once to fit in one array of bytes',
      remedy: 'Use a model in several files (shards), a smaller one, or a machine with more memory',
      cause
    })
  }
}

/** Whether there is a file of this name. */
export async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ?? false
}

/** CRC-32 of bytes as zlib works it out, about six times as fast as JavaScript. */
export function nativeCrc32(bytes: Uint8Array, before: number): number {
  let crc = before
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    crc = crc32(bytes.subarray(start, start + PIECE_BYTES), crc)
  }
  return crc
}
