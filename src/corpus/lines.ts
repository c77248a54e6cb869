/**
 * Bytes → lines, in constant memory: at most one chunk and one unfinished line are held.
 *
 * A line ends with LF or CR LF. A byte order mark at the start is left out. A line that cannot be
 * read comes out as a problem at its number and the lines after it are read as usual.
 */

/** One line without its end, or what is wrong with it. Numbers start at 1. */
export type Line =
  | { readonly number: number; readonly text: string; readonly problem?: undefined }
  | { readonly number: number; readonly problem: string; readonly text?: undefined }

/** Lines from a file, a stream or a text in memory. */
export type Lines = AsyncIterable<Line> | Iterable<Line>

/** The longest line, and the largest file of one document, in bytes. */
export const MAX_RECORD_BYTES: number = 64 * 1024 * 1024

const LF = 0x0a

/** The lines of a text in memory. */
export function linesOf(text: string): Generator<Line> {
  return numbered(text.startsWith('\uFEFF') ? text.slice(1) : text, 1)
}

/**
 * Splits a stream of UTF-8 bytes into lines.
 *
 * @param chunks - the bytes, cut anywhere
 * @param options - `maxLineBytes`: a longer line becomes a problem and is not held in memory;
 *   default {@link MAX_RECORD_BYTES}
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: { readonly maxLineBytes?: number | undefined } = {}
): AsyncGenerator<Line> {
  const { maxLineBytes = MAX_RECORD_BYTES } = options
  const unfinished = new UnfinishedLine(maxLineBytes)
  let number = 1
  for await (const chunk of afterByteOrderMark(chunks)) {
    if (chunk === 'UTF-16') {
      yield { number, problem: 'the file is UTF-16, not UTF-8' }
      return
    }
    const firstLf = chunk.indexOf(LF)
    if (firstLf < 0) {
      unfinished.add(chunk)
      continue
    }
    unfinished.add(chunk.subarray(0, firstLf))
    yield unfinished.finish(number++)
    const lastLf = chunk.lastIndexOf(LF)
    for (const line of wholeLines(chunk.subarray(firstLf + 1, lastLf + 1), number, maxLineBytes)) {
      yield line
      number++
    }
    unfinished.add(chunk.subarray(lastLf + 1))
  }
  if (unfinished.numBytes > 0) yield unfinished.finish(number)
}

/** A line whose end has not come yet; what is over the limit is counted, not kept. */
class UnfinishedLine {
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  numBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(bytes: Uint8Array): void {
    this.numBytes += bytes.length
    if (this.numBytes > this.#maxBytes) this.#pieces = []
    else this.#pieces.push(bytes)
  }

  finish(number: number): Line {
    const line =
      this.numBytes > this.#maxBytes
        ? tooLong(number, this.#maxBytes)
        : lineOf(concat(this.#pieces), number)
    this.#pieces = []
    this.numBytes = 0
    return line
  }
}

/** Decodes bytes that must be UTF-8; undefined when they are not. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The lines of bytes that end with a line end. */
function* wholeLines(bytes: Uint8Array, firstNumber: number, maxBytes: number): Generator<Line> {
  // Decoding many lines at once is several times faster than one by one.
  const text = bytes.length <= maxBytes ? decodeUtf8(bytes) : undefined
  if (text !== undefined) {
    yield* numbered(text, firstNumber)
    return
  }
  let number = firstNumber
  for (let start = 0; start < bytes.length; number++) {
    const end = bytes.indexOf(LF, start)
    if (end - start > maxBytes) yield tooLong(number, maxBytes)
    else yield lineOf(bytes.subarray(start, end), number)
    start = end + 1
  }
}

function* numbered(text: string, firstNumber: number): Generator<Line> {
  for (let start = 0, number = firstNumber; start < text.length; number++) {
    const lf = text.indexOf('\n', start)
    const end = lf < 0 ? text.length : lf
    yield { number, text: withoutCr(text.slice(start, end)) }
    start = end + 1
  }
}

function tooLong(number: number, maxBytes: number): Line {
  return { number, problem: `a line of over ${maxBytes} bytes` }
}

function lineOf(bytes: Uint8Array, number: number): Line {
  const text = decodeUtf8(bytes)
  if (text === undefined) return { number, problem: 'not valid UTF-8' }
  return { number, text: withoutCr(text) }
}

function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

/** Drops a UTF-8 mark and reports a UTF-16 one, wherever the first chunks happen to be cut. */
async function* afterByteOrderMark(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
): AsyncGenerator<Uint8Array | 'UTF-16'> {
  let head: Uint8Array | undefined = new Uint8Array(0)
  const start = (bytes: Uint8Array): Uint8Array | 'UTF-16' => {
    const [a, b, c] = bytes
    if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return 'UTF-16'
    return a === 0xef && b === 0xbb && c === 0xbf ? bytes.subarray(3) : bytes
  }
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk
    } else {
      head = concat([head, chunk])
      if (head.length < 3) continue
      yield start(head)
      head = undefined
    }
  }
  if (head !== undefined && head.length > 0) yield start(head)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
