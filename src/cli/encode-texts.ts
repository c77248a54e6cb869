import { EsplanadeError, type SparseVector, similarity, sparseVectorFromEntries } from 'esplanade'
import type { CorpusRecord, Document } from 'esplanade/corpus'
import type { EncodeOptions, SparseEncoder } from 'esplanade/encoder'
import type { LineOutput } from './line-output.ts'
import { formatLine, type LineFormat, parseLine } from './vector-lines.ts'

/** What is encoded, and how it is written. */
export interface EncodeTask {
  readonly encoder: SparseEncoder
  /** Encode as queries, for models that treat them in another way. */
  readonly asQueries: boolean
  readonly options: EncodeOptions
  readonly format: LineFormat
  readonly output: LineOutput
  /** What an earlier run wrote of the same documents, from the first on. */
  readonly linesBefore?: AsyncIterable<string>
  /** What to call those lines in an error. */
  readonly placeBefore?: string
}

/**
 * Encodes documents and writes a line for each, in their order. Memory does not grow with their
 * number: only the texts of one window of the encoder are held.
 *
 * Documents that an earlier run wrote are passed over after their keys were compared; the last of
 * them is encoded again, so that work begun with another model or other options is not continued.
 *
 * @returns postings written, those of an earlier run not counted
 */
export async function encodeTexts(
  documents: AsyncIterable<Document>,
  task: EncodeTask
): Promise<number> {
  const { encoder, format, output } = task
  const source = documents[Symbol.asyncIterator]()
  try {
    if (task.linesBefore !== undefined) await passOver(source, task.linesBefore, task)
    // The encoder takes texts; their documents wait here for the vectors, which come in order.
    const waiting: Document[] = []
    const texts = async function* (): AsyncGenerator<string> {
      for (let next = await source.next(); !next.done; next = await source.next()) {
        waiting.push(next.value)
        yield next.value.text
      }
    }
    let numWritten = 0
    let numPostings = 0
    try {
      for await (const vector of encodeOf(task)(texts(), task.options)) {
        const { key, text } = waiting.shift()!
        numPostings += vector.terms.length
        await output.write(formatLine(format, { key, text, vector }, encoder.vocabulary.termOf))
        numWritten++
      }
    } catch (error) {
      throw withKey(error, textIndex => waiting[textIndex - numWritten]?.key)
    }
    return numPostings
  } finally {
    await source.return?.()
  }
}

/** The documents of a corpus. A problem is handed to `onProblem`, which may throw to stop. */
export async function* documentsOf(
  records: AsyncIterable<CorpusRecord>,
  onProblem: (error: EsplanadeError) => void
): AsyncGenerator<Document> {
  for await (const record of records) {
    if (record.kind === 'problem') onProblem(record.error)
    else if (record.document.vector !== undefined && record.document.text === '') {
      onProblem(
        new EsplanadeError('CORPUS_INVALID', {
          place: record.place,
          problem: 'the record carries a vector and no text: there is nothing to encode',
          remedy: 'Vectors go to `esplanade index` as they are'
        })
      )
    } else yield record.document
  }
}

/** An error that is about one text, with the key of that text. */
function withKey(error: unknown, keyOf: (textIndex: number) => string | undefined): unknown {
  if (!(error instanceof EsplanadeError) || error.textIndex === undefined) return error
  const key = keyOf(error.textIndex)
  if (key === undefined) return error
  const { code, problem, expected, remedy } = error
  const place = `text ${JSON.stringify(key)}`
  return new EsplanadeError(code, { place, problem, expected, remedy, cause: error })
}

function encodeOf({ encoder, asQueries }: EncodeTask): SparseEncoder['encodeDocument'] {
  return asQueries ? encoder.encodeQuery : encoder.encodeDocument
}

async function passOver(
  source: AsyncIterator<Document>,
  lines: AsyncIterable<string>,
  task: EncodeTask
): Promise<void> {
  const file = task.placeBefore ?? 'earlier work'
  let number = 0
  let last: { document: Document; line: string } | undefined
  for await (const line of lines) {
    const place = `${file}:${++number}`
    const { key } = parseLine(task.format, line, place)
    const next = await source.next()
    if (next.done || next.value.key !== key) {
      const found = next.done ? 'has no more texts' : `has ${JSON.stringify(next.value.key)} there`
      throw cannotContinue(place, `it holds ${JSON.stringify(key)} but the input ${found}`)
    }
    last = { document: next.value, line }
  }
  if (last === undefined) return
  const place = `${file}:${number}`
  const { text, key } = last.document
  const vector = await encodeOf(task)(text, withoutProgress(task.options)).catch(error => {
    throw withKey(error, () => key)
  })
  const { termOf } = task.encoder.vocabulary
  const again = formatLine(task.format, { key, text, vector }, termOf)
  if (!isSameVector(task.format, last.line, again, place)) {
    throw cannotContinue(place, `the vector of ${JSON.stringify(key)} is another one now`)
  }
}

function withoutProgress({ onProgress: _, ...options }: EncodeOptions): EncodeOptions {
  return options
}

function cannotContinue(place: string, problem: string): EsplanadeError {
  return new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem,
    expected: 'the input, model and options that the file was begun with',
    remedy: 'Repeat the command as it was, or delete the file to begin anew'
  })
}

/**
 * Whether two lines hold the same vector up to what the company of a text in its batch may change:
 * the last digits of a weight, and so which terms are just above a limit.
 */
function isSameVector(format: LineFormat, a: string, b: string, place: string): boolean {
  const ids = new Map<number | string, number>()
  const [left, right] = [a, b].map((line): SparseVector => {
    const entries = [...parseLine(format, line, place).weights].map(([term, weight]) => {
      if (!ids.has(term)) ids.set(term, ids.size)
      return [ids.get(term)!, weight] as const
    })
    return sparseVectorFromEntries(entries, place)
  }) as [SparseVector, SparseVector]
  if (left.terms.length === 0 || right.terms.length === 0) {
    return left.terms.length === right.terms.length
  }
  const isAsLong = Math.abs(left.terms.length - right.terms.length) <= 2
  return isAsLong && similarity(left, right, 'cosine') > 0.999
}
