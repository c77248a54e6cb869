import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { EsplanadeError } from 'esplanade'
import { splitLines } from './split-lines.ts'

const PROBLEMS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOENT: ['no such file', 'Check the path'],
  EISDIR: ['a folder where a file is due', 'Give the path of a file'],
  EACCES: ['no permission to read it', 'Check its owner'],
  ERR_ENCODING_INVALID_ENCODED_DATA: ['not valid UTF-8', 'Save it as UTF-8'],
  Z_DATA_ERROR: ['not a whole gzip file', 'Pack it again, or give it a name without .gz'],
  Z_BUF_ERROR: ['not a whole gzip file', 'Pack it again, or give it a name without .gz']
}

/**
 * The lines of a text file in UTF-8 (`.gz` too), read as they are needed; `-` is standard input.
 *
 * @throws EsplanadeError `FILE_NOT_FOUND` or `FILE_UNREADABLE`, before the first line or at any
 */
export async function* textLines(path: string): AsyncGenerator<string> {
  const file = path === '-' ? process.stdin : createReadStream(path)
  // A pipeline passes errors on to the stream that is read, which pipe() does not.
  const bytes = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file
  try {
    yield* splitLines(decoded(bytes))
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    const [problem, remedy] = PROBLEMS[code] ?? [message, 'Check the path']
    throw new EsplanadeError(code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE', {
      place: path === '-' ? 'stdin' : path,
      problem,
      remedy,
      cause
    })
  }
}

/** Text that is not UTF-8 fails rather than being read as other words. */
async function* decoded(bytes: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of bytes) yield decoder.decode(chunk as Uint8Array, { stream: true })
  yield decoder.decode()
}
