import { type CsvError, parse } from 'csv-parse/browser/esm/sync'
import { type CorpusRecord, documentRecord, problemRecord } from './document.ts'
import { KEY_FIELDS, noField, readFields, resolveFields, TEXT_FIELDS } from './fields.ts'
import type { LineReaderOptions } from './jsonl.ts'
import { type Lines, MAX_RECORD_BYTES } from './lines.ts'

/** What {@link readCsv} is told. */
export interface CsvReaderOptions extends LineReaderOptions {
  /** Default `csv`. */
  readonly format?: 'csv' | 'tsv' | undefined
}

/**
 * csv-parse takes 160 µs to start and 20–40 µs a record, so records are parsed in batches; one that
 * fails is parsed again record by record to say which line is wrong.
 */
const BATCH_CHARS = 64 * 1024

/** One record as it stands in the file; quoted fields may span several lines. */
interface RawRecord {
  readonly source: string
  readonly lineNumber: number
}

/**
 * Reads a table with a header row. All values stay strings: a postcode must keep its zeros.
 *
 * CSV follows RFC 4180 (quotes, doubled quotes, line ends inside quotes, which become LF); a quote
 * inside an unquoted field is taken as it is. TSV follows the IANA definition: no quoting, every
 * line is a record. Key and text are found by {@link FieldOptions} among the columns.
 *
 * A header without the columns needed is one problem and ends the file.
 */
export async function* readCsv(
  lines: Lines,
  options: CsvReaderOptions
): AsyncGenerator<CorpusRecord> {
  const { name, format = 'csv' } = options
  const delimiter = format === 'csv' ? ',' : '\t'
  let columns: readonly string[] | undefined
  for await (const batch of batches(rawRecords(lines, delimiter, name))) {
    if ('kind' in batch) {
      yield batch
      if (columns === undefined) return // without its header the rest has no meaning
      continue
    }
    let isHeader = columns === undefined
    for (const { values, lineNumber } of parseBatch(batch, delimiter)) {
      const place = `${name}:${lineNumber}`
      if (isHeader) {
        isHeader = false
        const problem =
          typeof values === 'string' ? values : headerProblem(values.map(trim), options)
        if (problem !== undefined) {
          yield problemRecord(place, problem, 'The first row names the columns')
          return
        }
        columns = (values as string[]).map(trim)
      } else {
        yield tableRecord(columns!, values, place, options)
      }
    }
  }
}

const trim = (name: string): string => name.trim()

function tableRecord(
  columns: readonly string[],
  values: readonly string[] | string,
  place: string,
  options: CsvReaderOptions
): CorpusRecord {
  if (typeof values === 'string') return problemRecord(place, values)
  if (values.length !== columns.length) {
    return problemRecord(
      place,
      `${values.length} fields, but the header has ${columns.length} columns`,
      'Quote fields that hold the separator or a line end'
    )
  }
  const record = Object.fromEntries(columns.map((column, i) => [column, values[i]!]))
  const fields = readFields(record, options)
  if ('problem' in fields) return problemRecord(place, fields.problem, fields.remedy)
  return documentRecord(fields, options.format ?? 'csv', place)
}

function headerProblem(columns: readonly string[], options: CsvReaderOptions): string | undefined {
  const duplicate = columns.find((name, i) => columns.indexOf(name) !== i)
  if (duplicate !== undefined) return `the column "${duplicate}" is named twice`
  const asked = [options.key, ...(options.text ?? []), ...(options.metadata ?? [])]
  const missing = asked.find(name => name !== undefined && !columns.includes(name))
  const there = columns.map(name => `"${name}"`).join(', ')
  if (missing !== undefined) return `no column "${missing}"; columns there: ${there}`
  const { key, text } = resolveFields(columns, options)
  const absent =
    key === undefined
      ? noField('key', undefined, KEY_FIELDS, columns)
      : text.length === 0
        ? noField('text', undefined, ['title', ...TEXT_FIELDS], columns)
        : undefined
  return absent === undefined ? undefined : `${absent.problem}. ${absent.remedy}`
}

/** Joins the lines of a record whose quoted fields hold line ends. */
async function* rawRecords(
  lines: Lines,
  delimiter: string,
  name: string
): AsyncGenerator<RawRecord | CorpusRecord> {
  let parts: string[] = []
  let numChars = 0
  let lineNumber = 0
  let isInsideQuotes = false
  for await (const line of lines) {
    if (!isInsideQuotes) lineNumber = line.number
    if (line.problem !== undefined) {
      yield problemRecord(`${name}:${line.number}`, line.problem)
      numChars = Number.POSITIVE_INFINITY // reported: what belongs to the same record is left out
    } else {
      numChars += line.text.length + 1
      if (numChars <= MAX_RECORD_BYTES) parts.push(line.text)
      else parts = []
      if (delimiter === ',') isInsideQuotes = endsInsideQuotes(line.text, isInsideQuotes)
    }
    if (isInsideQuotes) continue
    if (numChars === Number.POSITIVE_INFINITY) {
      // Its problem has been yielded already.
    } else if (numChars > MAX_RECORD_BYTES) {
      yield problemRecord(`${name}:${lineNumber}`, `a record of over ${MAX_RECORD_BYTES} bytes`)
    } else if (parts.length > 1 || parts[0] !== '') {
      yield { source: parts.join('\n'), lineNumber }
    }
    parts = []
    numChars = 0
  }
  if (isInsideQuotes) {
    yield problemRecord(
      `${name}:${lineNumber}`,
      'a quoted field that starts here never ends; the rest of the file is part of it',
      'Close the quote, or double a quote that belongs to the text'
    )
  }
}

/** Follows the quotes of one line: a field is quoted if its first character is a quote. */
function endsInsideQuotes(line: string, startsInside: boolean): boolean {
  let isInside = startsInside
  let i = 0
  while (true) {
    if (isInside) {
      const quote = line.indexOf('"', i)
      if (quote < 0) return true
      i = quote + 1
      if (line[i] === '"') i++
      else isInside = false
    } else if (line[i] === '"' && (i === 0 || line[i - 1] === ',')) {
      isInside = true
      i++
    } else {
      const comma = line.indexOf(',', i)
      if (comma < 0) return false
      i = comma + 1
    }
  }
}

/** Gathers records up to {@link BATCH_CHARS}; problems pass through in their place. */
async function* batches(
  records: AsyncIterable<RawRecord | CorpusRecord>
): AsyncGenerator<RawRecord[] | CorpusRecord> {
  let batch: RawRecord[] = []
  let numChars = 0
  for await (const record of records) {
    if ('source' in record) {
      batch.push(record)
      numChars += record.source.length
      if (numChars < BATCH_CHARS) continue
    }
    if (batch.length > 0) yield batch
    batch = []
    numChars = 0
    if ('kind' in record) yield record
  }
  if (batch.length > 0) yield batch
}

/** The values of each record, or what is wrong with it. */
function* parseBatch(
  batch: readonly RawRecord[],
  delimiter: string
): Generator<{ values: string[] | string; lineNumber: number }> {
  const parsed = parseRecords(batch.map(record => record.source).join('\n'), delimiter)
  if (typeof parsed !== 'string' && parsed.length === batch.length) {
    for (const [i, values] of parsed.entries()) {
      yield { values, lineNumber: batch[i]!.lineNumber }
    }
    return
  }
  for (const { source, lineNumber } of batch) {
    const alone = parseRecords(source, delimiter)
    if (typeof alone === 'string') yield { values: alone, lineNumber }
    else if (alone.length === 1) yield { values: alone[0]!, lineNumber }
    else yield { values: 'the quotes of this record do not match', lineNumber }
  }
}

function parseRecords(source: string, delimiter: string): string[][] | string {
  try {
    return parse(source, {
      delimiter,
      quote: delimiter === ',' ? '"' : null,
      escape: delimiter === ',' ? '"' : null,
      record_delimiter: '\n',
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: 0
    })
  } catch (error) {
    return `not CSV: ${(error as CsvError).message}`
  }
}
