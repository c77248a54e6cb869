import { Readable } from 'node:stream'
import { readCsv } from '../corpus/csv.ts'
import { type CorpusRecord, problemRecord } from '../corpus/document.ts'
import type { FieldOptions } from '../corpus/fields.ts'
import { readHtml } from '../corpus/html.ts'
import { readJsonl } from '../corpus/jsonl.ts'
import { decodeUtf8, MAX_RECORD_BYTES, splitLines } from '../corpus/lines.ts'
import { readMarkdown } from '../corpus/markdown.ts'
import { readPlainText } from '../corpus/plain-text.ts'
import { EsplanadeError } from '../errors.ts'
import { type CorpusFile, listCorpus } from './corpus-listing.ts'
import { type ByteCounter, fileBytes, streamBytes } from './file-bytes.ts'

/** How a corpus is read. */
export interface CorpusOptions extends FieldOptions {
  /** Where `-` reads from. Default: the standard input of the process. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  /** Longest line and largest one-document file. Default: {@link MAX_RECORD_BYTES}. */
  readonly maxRecordBytes?: number | undefined
  /** Stops the reading, which then throws `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

/** A corpus whose files have been found. It can be read once. */
export interface Corpus extends AsyncIterable<CorpusRecord> {
  /** Size of all files on the disk; undefined when standard input is among them. */
  readonly totalBytes: number | undefined
  /** How much of it has been read: for a bar, and for the time left. */
  readonly bytesRead: number
  /** Files found in folders that are of no kind that is read there. */
  readonly numOtherFiles: number
}

/**
 * Finds the files that the inputs stand for and checks that they can be read, so that a wrong path
 * is known before any work is done. Iterating over the result reads them.
 *
 * Inputs: a BEIR folder, `.jsonl`, `.csv`, `.tsv` (each also with `.gz`), `.md`, `.txt`, `.html`, a
 * folder of those three, `-` for JSON lines on standard input. Files are UTF-8.
 *
 * What a file holds never throws: bad lines come out as problems. Duplicate keys are not looked for
 * (`rejectDuplicates`).
 *
 * @throws EsplanadeError `INVALID_ARGUMENT`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`; while reading also
 *   `ABORTED`
 */
export async function openCorpus(
  inputs: readonly string[],
  options: CorpusOptions = {}
): Promise<Corpus> {
  if (inputs.length === 0 || inputs.indexOf('-') !== inputs.lastIndexOf('-')) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'inputs',
      problem: inputs.length === 0 ? 'no input was named' : '- was named twice',
      expected: 'at least one input, and standard input at most once'
    })
  }
  const files: (CorpusFile | '-')[] = []
  let totalBytes: number | undefined = 0
  let numOtherFiles = 0
  for (const input of inputs) {
    if (input === '-') {
      files.push('-')
      totalBytes = undefined
      continue
    }
    const listing = await listCorpus(input)
    numOtherFiles += listing.numOthers
    for (const file of listing.files) {
      files.push(file)
      if (totalBytes !== undefined && 'path' in file) totalBytes += file.numBytes
    }
  }
  const counter: ByteCounter = { bytesRead: 0 }
  return {
    totalBytes,
    numOtherFiles,
    get bytesRead() {
      return counter.bytesRead
    },
    [Symbol.asyncIterator]: () => readFiles(files, counter, options)
  }
}

/** Reads a corpus in one go: {@link openCorpus} without its figures. */
export async function* readCorpus(
  inputs: readonly string[],
  options: CorpusOptions = {}
): AsyncGenerator<CorpusRecord> {
  yield* await openCorpus(inputs, options)
}

async function* readFiles(
  files: readonly (CorpusFile | '-')[],
  counter: ByteCounter,
  options: CorpusOptions
): AsyncGenerator<CorpusRecord> {
  for (const file of files) {
    for await (const record of readFile(file, counter, options)) {
      if (options.signal?.aborted) {
        throw new EsplanadeError('ABORTED', { problem: 'reading the corpus was stopped' })
      }
      yield record
    }
  }
}

async function* readFile(
  file: CorpusFile | '-',
  counter: ByteCounter,
  options: CorpusOptions
): AsyncGenerator<CorpusRecord> {
  const { signal, maxRecordBytes } = options
  const lineOptions = { maxLineBytes: maxRecordBytes }
  if (file === '-') {
    const bytes = streamBytes(streamOf(options.stdin ?? process.stdin), 'stdin', counter, signal)
    yield* readJsonl(splitLines(bytes, lineOptions), { ...options, name: 'stdin' })
  } else if ('error' in file) {
    yield { kind: 'problem', error: file.error }
  } else {
    const { path, format } = file
    const bytes = fileBytes(path, counter, signal)
    if (format === 'jsonl') {
      yield* readJsonl(splitLines(bytes, lineOptions), { ...options, name: path })
    } else if (format === 'csv' || format === 'tsv') {
      yield* readCsv(splitLines(bytes, lineOptions), { ...options, name: path, format })
    } else {
      yield await readWholeFile(file, bytes, options)
    }
  }
}

function streamOf(bytes: AsyncIterable<Uint8Array>): Readable {
  return bytes instanceof Readable ? bytes : Readable.from(bytes)
}

const wholeFileReaders = { markdown: readMarkdown, html: readHtml, text: readPlainText }

async function readWholeFile(
  file: Extract<CorpusFile, { path: string }>,
  bytes: AsyncIterable<Uint8Array>,
  options: CorpusOptions
): Promise<CorpusRecord> {
  const { path, key, format } = file
  const { maxRecordBytes = MAX_RECORD_BYTES } = options
  const chunks: Uint8Array[] = []
  let numBytes = 0
  try {
    for await (const chunk of bytes) {
      numBytes += chunk.length
      if (numBytes > maxRecordBytes) {
        return problemRecord(path, `over ${maxRecordBytes} bytes`, 'Split it into smaller files')
      }
      chunks.push(chunk)
    }
  } catch (error) {
    // One file of many that cannot be read is like a bad line; being stopped is not.
    if (error instanceof EsplanadeError && error.code !== 'ABORTED') {
      return { kind: 'problem', error }
    }
    throw error
  }
  const source = decodeUtf8(Buffer.concat(chunks))
  if (source === undefined) return problemRecord(path, 'not valid UTF-8', 'Save it as UTF-8')
  const read = wholeFileReaders[format as keyof typeof wholeFileReaders]
  return read(source, { key, name: path, metadata: options.metadata })
}
