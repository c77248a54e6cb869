import type { Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/**
 * Adds a file to a checksum.
 *
 * @param numBytes - from its beginning; default: all
 * @throws the system's error
 */
export async function addToHash(
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
