import type { Line } from '../corpus/lines.ts'
import { isJsonObject, type JsonObject, metadataFromJson } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import { type SparseVector, sparseVector } from '../vector/sparse-vector.ts'
import type { Collection } from './collection.ts'
import type { UpsertOptions, UpsertResult } from './upsert.ts'
import type { UpsertDocument } from './upsert-documents.ts'

/** Options of an import. */
export interface ImportOptions extends UpsertOptions {
  /** Writes all documents into this namespace; default: each into its own. */
  readonly namespace?: string
  /** What to call the lines in an error message, for instance the file's path; default `line`. */
  readonly place?: string
}

/**
 * Writes documents that `exportLines` has written as lines, with their vectors as they are: into an
 * empty collection, so that it gives the same hits in the same order. A document without a vector is
 * encoded. Blank lines are passed over. Where words are terms, they are made anew of the texts, by the
 * mean length of the lines until then.
 *
 * The vectors must come from the model of the collection; a line does not say where they are from.
 *
 * @param lines - lines, or what `splitLines` makes of a file's bytes
 * @throws EsplanadeError `CORPUS_INVALID`, `INVALID_VECTOR`, `INVALID_KEY`, `INVALID_ARGUMENT`,
 *   `DUPLICATE_KEY`, whose place is the number of the line: what stood before it may be written by
 *   then; else as `Collection.upsert`
 */
export async function importLines(
  collection: Collection,
  lines: Iterable<string | Line> | AsyncIterable<string | Line>,
  options: ImportOptions = {}
): Promise<UpsertResult> {
  const { namespace, place, ...upsertOptions } = options
  let current = ''
  async function* documents(): AsyncGenerator<UpsertDocument, void, undefined> {
    let number = 0
    for await (const line of lines) {
      number = typeof line === 'string' ? number + 1 : line.number
      current = place === undefined ? `line ${number}` : `${place}:${number}`
      if (typeof line !== 'string' && line.text === undefined) refuse(current, line.problem!)
      const text = typeof line === 'string' ? line : line.text!
      if (text.trim() === '') continue
      const document = documentOf(text, current)
      yield namespace === undefined ? document : { ...document, namespace }
    }
  }
  try {
    return await collection.upsert(documents(), upsertOptions)
  } catch (error) {
    throw atLine(error, current)
  }
}

/** A mistake in a document is one in the line that was read last. */
function atLine(error: unknown, line: string): unknown {
  const isOfDocument = error instanceof EsplanadeError && /^document \d+/.test(error.place ?? '')
  if (!isOfDocument) return error
  const { code, problem, expected, remedy, cause } = error
  const place = error.place!.replace(/^document \d+/, () => line)
  return new EsplanadeError(code, { place, problem, expected, remedy, cause })
}

function documentOf(text: string, place: string): UpsertDocument {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch (cause) {
    refuse(place, 'it is not JSON', cause)
  }
  if (!isJsonObject(record as JsonObject)) refuse(place, 'it is no JSON object')
  const fields = record as Record<string, unknown>
  const { _id: key, namespace, text: given, metadata } = fields
  if (typeof key !== 'string' || key === '') refuse(place, '"_id" is no string, or empty')
  if (namespace !== undefined && typeof namespace !== 'string')
    refuse(place, '"namespace" is no string')
  if (given !== undefined && typeof given !== 'string') refuse(place, '"text" is no string')
  if (metadata !== undefined && !isJsonObject(metadata as JsonObject)) {
    refuse(place, '"metadata" is no object')
  }
  return {
    key,
    ...(namespace !== undefined && { namespace }),
    ...(given !== undefined && { text: given }),
    ...(metadata !== undefined && { metadata: metadataFromJson(metadata as JsonObject) }),
    ...vectorsOf(fields, place)
  }
}

function vectorsOf(
  { passages, vector, vectors, dense }: Record<string, unknown>,
  place: string
): Pick<UpsertDocument, 'vector' | 'passages' | 'dense'> {
  const isOfPassages = Array.isArray(dense) && dense.some(part => Array.isArray(part))
  const hasWhole = dense !== undefined && !isOfPassages
  if (hasWhole && !isNumbers(dense)) refuse(place, '"dense" is no list of numbers')
  const common = hasWhole ? { dense: dense as number[] } : {}
  if (passages === undefined) {
    if (vectors !== undefined) refuse(place, '"vectors" without "passages"')
    if (isOfPassages) refuse(place, '"dense" has lists, and there are no "passages"')
    return vector === undefined ? common : { ...common, vector: vectorOf(vector, place) }
  }
  if (!Array.isArray(passages)) refuse(place, '"passages" is no list')
  if (vectors !== undefined && !(Array.isArray(vectors) && vectors.length === passages.length)) {
    refuse(place, `"vectors" is no list of ${passages.length}, one for each passage`)
  }
  const given = vectors as readonly unknown[] | undefined
  const ofPassages = isOfPassages ? denseOf(dense, passages.length, place) : []
  const spans = passages.map((span, i) => {
    if (!Array.isArray(span) || span.length !== 2) refuse(place, 'a passage is not [start, end]')
    const [start, end] = span as [number, number]
    const own = ofPassages[i]
    return {
      start,
      end,
      ...(given && { vector: vectorOf(given[i], place) }),
      ...(own && { dense: own })
    }
  })
  return { ...common, passages: spans }
}

/** One a passage; null for a passage without. */
function denseOf(
  vectors: readonly unknown[],
  numPassages: number,
  place: string
): readonly (number[] | null)[] {
  const isOne = (part: unknown): boolean => part === null || isNumbers(part)
  if (vectors.length === numPassages && vectors.every(isOne)) {
    return vectors as readonly (number[] | null)[]
  }
  return refuse(
    place,
    `"dense" is no list of ${numPassages} lists of numbers, one for each passage`
  )
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(part => typeof part === 'number')
}

function vectorOf(value: unknown, place: string): SparseVector {
  const { indices, values } = (value ?? {}) as { indices?: unknown; values?: unknown }
  const isWhole = Array.isArray(indices) && Array.isArray(values)
  // Weights that are no numbers would be coerced by the typed array: "1" is no weight.
  if (!isWhole || ![...indices, ...values].every(number => typeof number === 'number')) {
    refuse(place, 'a vector is not {"indices": [numbers], "values": [numbers]}')
  }
  return sparseVector(indices as number[], values as number[], place)
}

function refuse(place: string, problem: string, cause?: unknown): never {
  throw new EsplanadeError('CORPUS_INVALID', {
    place,
    problem,
    expected: 'a line that esplanade export has written',
    remedy: 'Mend the line or leave it out, and import again: what was written stays as it is',
    cause
  })
}
