import { createReadStream } from 'node:fs'
import { addAbortSignal, pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fileError } from './file-error.ts'

/** How many bytes of the inputs have been read, as they stand on the disk. */
export interface ByteCounter {
  bytesRead: number
}

/**
 * The bytes of a file in chunks, in constant memory; a name that ends with `.gz` is unpacked.
 *
 * @param counter - counts bytes of the file itself, packed or not, so that it can be compared with
 *   the file's size
 * @throws EsplanadeError `FILE_NOT_FOUND`, `FILE_UNREADABLE` (no permission, a folder, an I/O
 *   error, a broken archive), `ABORTED`
 */
export async function* fileBytes(
  path: string,
  counter: ByteCounter,
  signal?: AbortSignal | undefined
): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  yield* streamBytes(file, path, counter, signal)
}

/** The same for a stream that is open already, such as standard input. */
export async function* streamBytes(
  stream: Readable,
  path: string,
  counter: ByteCounter,
  signal?: AbortSignal | undefined
): AsyncGenerator<Uint8Array> {
  if (signal !== undefined) addAbortSignal(signal, stream)
  const counted = countBytes(stream, counter)
  try {
    // A pipeline passes errors on to the stream that is read, which pipe() does not.
    yield* path.endsWith('.gz') ? pipeline(counted, createGunzip(), () => {}) : counted
  } catch (cause) {
    throw fileError(cause, path, 'read')
  } finally {
    stream.destroy()
  }
}

async function* countBytes(stream: Readable, counter: ByteCounter): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    counter.bytesRead += chunk.length
    yield chunk
  }
}
