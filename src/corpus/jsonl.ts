import { EsplanadeError } from '../errors.ts'
import { type CorpusRecord, documentRecord, problemRecord, type RawVector } from './document.ts'
import { describe, type FieldOptions, readFields } from './fields.ts'
import type { Lines } from './lines.ts'
import { isJsonObject } from './metadata.ts'
import { findVector } from './raw-vector.ts'

/** What the readers of line-based formats are told. */
export interface LineReaderOptions extends FieldOptions {
  /** What to call the file in places: `name:line`. */
  readonly name: string
}

/**
 * Reads JSON lines: one object a line, blank lines skipped.
 *
 * A line of BEIR, `{"_id", "title", "text", "metadata"}`, becomes the text `title text`, with a
 * space between unless one is empty, as BEIR itself encodes it. Lines with other names are read by
 * {@link FieldOptions}, and a line may carry a vector beside its text or instead of it.
 *
 * The outcome of every line is a document or a problem; nothing is thrown for what a line holds.
 */
export async function* readJsonl(
  lines: Lines,
  options: LineReaderOptions
): AsyncGenerator<CorpusRecord> {
  for await (const line of lines) {
    const place = `${options.name}:${line.number}`
    if (line.problem !== undefined) yield problemRecord(place, line.problem)
    else if (line.text.trim() !== '') yield jsonRecord(line.text, place, options)
  }
}

function jsonRecord(line: string, place: string, options: FieldOptions): CorpusRecord {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch (cause) {
    return problemRecord(
      place,
      `not JSON: ${(cause as Error).message}`,
      'Write one JSON object a line'
    )
  }
  if (!isJsonObject(record)) {
    return problemRecord(place, `the line is ${describe(record)}`, 'Write one JSON object a line')
  }
  let vector: RawVector | undefined
  let vectorFields: readonly string[] = []
  try {
    const found = findVector(record, place)
    vector = found?.vector
    vectorFields = found?.fields ?? []
  } catch (error) {
    if (error instanceof EsplanadeError) return { kind: 'problem', error }
    throw error
  }
  const fields = readFields(record, options, vectorFields)
  if ('problem' in fields) return problemRecord(place, fields.problem, fields.remedy)
  const { key, text, metadata } = fields
  const document = { key, text, metadata, ...(vector === undefined ? {} : { vector }) }
  return documentRecord(document, 'jsonl', place)
}
