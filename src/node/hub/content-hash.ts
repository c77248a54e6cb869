import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { HubFile } from './hub-tree.ts'

/** The checksum that a file has in the hub's listing, begun: SHA-256, or that of a git blob. */
export function beginHash({ size, sha256 }: Pick<HubFile, 'size' | 'sha256'>): Hash {
  return sha256 === undefined ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256')
}

/**
 * Adds a file to a checksum.
 *
 * @param numBytes - from its beginning; default: all
 * @throws the system's error
 */
export async function hashFile(
  hash: Hash,
  path: string,
  { numBytes = Infinity, signal }: { numBytes?: number; signal?: AbortSignal | undefined } = {}
): Promise<void> {
  if (numBytes === 0) return
  const stream = createReadStream(path, {
    end: numBytes - 1,
    highWaterMark: 2 ** 20,
    ...(signal && { signal })
  })
  for await (const piece of stream) hash.update(piece as Uint8Array)
}
