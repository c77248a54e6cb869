import {
  jsonProblem,
  MAX_METADATA_BYTES,
  type Metadata,
  metadataToJson
} from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import type { WordTerms } from '../lexical/word-terms.ts'
import type { DenseVector } from '../vector/dense-vector.ts'
import { NO_TERMS, pruneVector, pruningOf, type SparseVector } from '../vector/sparse-vector.ts'
import { checkVector } from './checked-vector.ts'
import { type DensePassage, densePassages, storedDense } from './dense-passages.ts'
import { checkKey } from './document-limits.ts'
import { type Splitter, splitText, textsOf } from './passage-spans.ts'
import type { CollectionSettings } from './settings.ts'
import type { StoredDocument } from './store.ts'
import type { DocumentToWrite } from './writer.ts'

/** A passage that the caller has cut. */
export interface UpsertPassage {
  /** UTF-16 offset into the text. */
  readonly start: number
  /** Up to here, not included. */
  readonly end: number
  /** Default: the model encodes this part of the text. */
  readonly vector?: SparseVector
  /** Its dense vector; default: the dense model, where there is one, encodes this part of the text. */
  readonly dense?: ArrayLike<number>
}

/** A document to be written. */
export interface UpsertDocument {
  /** Your name for it: 1 to 1,024 bytes of UTF-8, without NUL. */
  readonly key: string
  /** What is encoded, unless a vector is given; default `''`. */
  readonly text?: string
  /** A ready vector. */
  readonly vector?: SparseVector
  /** Its passages; default: a long text is split as the collection's `passageTokens` says. */
  readonly passages?: readonly UpsertPassage[]
  /** UTF-16 offsets into the text where a heading begins, ascending: good places to cut it. */
  readonly borders?: readonly number[]
  /**
   * A dense vector of the whole document, which is searched as that of its first passage: as many finite
   * numbers as the collection's dense vectors have. A collection that was made for none keeps one of 1
   * to 65,536 numbers, gives it back, and does not search it. Default: the dense model, where there is
   * one, encodes the text, or each passage of it.
   */
  readonly dense?: ArrayLike<number>
  /** What JSON can hold, and dates; default none. */
  readonly metadata?: Metadata
  /** Whose document it is; default `''`. */
  readonly namespace?: string
}

/** A document that was checked; what has no vector yet is to be encoded. */
export interface CheckedDocument {
  readonly document: Omit<StoredDocument, 'seq'>
  /** One a passage; undefined where none has any. */
  readonly dense: readonly DensePassage[] | undefined
  /** One a passage: its vector, or its text. */
  readonly passages: readonly (SparseVector | string)[]
}

/**
 * Checks a document that a program gave.
 *
 * @param place - what to call it in a message: `document 3`
 * @param splitter - what counts the tokens of a passage; undefined where the collection has no model
 * @throws EsplanadeError `INVALID_KEY`, `INVALID_ARGUMENT`, `INVALID_VECTOR`
 */
export function checkDocument(
  given: UpsertDocument,
  place: string,
  settings: CollectionSettings,
  splitter: Splitter | undefined
): CheckedDocument {
  const { key, text = '', metadata = {}, namespace = '' } = given ?? {}
  if (typeof key !== 'string')
    refuse('INVALID_KEY', place, `a key of type ${typeof key}`, 'a string')
  if (typeof namespace !== 'string')
    refuse('INVALID_KEY', place, `a namespace of type ${typeof namespace}`, 'a string')
  checkKey(namespace, key, place)
  if (typeof text !== 'string')
    refuse('INVALID_ARGUMENT', place, 'the text is no string', 'a string')
  checkMetadata(metadata, place)
  const common = { namespace, key, text, metadata }
  const ready = (vector: SparseVector): SparseVector =>
    pruneVector(checkReady(vector, `${place}: vector`, settings), pruningOf(settings))
  if (given.vector !== undefined) {
    if (given.passages !== undefined) {
      refuse('INVALID_ARGUMENT', place, 'a vector and passages', 'one of the two')
    }
    const whole = [{ start: 0, end: text.length }]
    const dense = densePassages(given, place, whole, settings.dense)
    return { document: common, dense, passages: [ready(given.vector)] }
  }
  const spans: readonly UpsertPassage[] = given.passages ?? splitText(given, settings, splitter)
  checkSpans(spans, text, place)
  const dense = densePassages(given, place, spans, settings.dense)
  const passages = spans.map(({ start, end, vector }) => {
    if (vector !== undefined) return ready(vector)
    const part = text.slice(start, end)
    // A text of nothing would be found by what the model makes of nothing.
    if (part.trim() === '') return NO_TERMS
    if (settings.model !== undefined) return part
    if (settings.lexical !== undefined || dense !== undefined) return NO_TERMS
    return refuse(
      'INVALID_ARGUMENT',
      place,
      'a text, and the collection has no model to encode it',
      'a vector'
    )
  })
  const isWhole = spans.length === 1 && spans[0]!.start === 0 && spans[0]!.end === text.length
  const document = isWhole
    ? common
    : { ...common, passages: spans.map(({ start, end }) => [start, end] as const) }
  return { document, dense, passages }
}

/**
 * Puts the vectors of the models in the places of the texts, and counts the words.
 *
 * @param words - undefined where words are no terms
 */
export function withVectors(
  { document, dense, passages }: CheckedDocument,
  next: { readonly sparse: () => SparseVector; readonly dense: () => DenseVector },
  settings: CollectionSettings,
  words: WordTerms | undefined
): DocumentToWrite {
  const vectors = passages.map(part => {
    if (typeof part !== 'string') return part
    const vector = next.sparse()
    // A model may know more terms than it has names for, and what has no name is of no use.
    return words === undefined ? vector : words.modelPart(vector)
  })
  const place = `document ${JSON.stringify(document.key)}`
  const packed = storedDense(dense, next.dense, place, settings.dense)
  return {
    document,
    vectors: { passages: vectors, ...(packed && { dense: packed }) },
    ...(words && { words: textsOf(document).map(text => words.count(text)) })
  }
}

/** A ready vector; where words are terms, it must not hold any of theirs. */
function checkReady(
  given: SparseVector,
  place: string,
  { lexical }: CollectionSettings
): SparseVector {
  const vector = checkVector(given, place)
  const last = vector.terms.at(-1)
  if (lexical === undefined || last === undefined || last < lexical.firstTermId) return vector
  return refuse(
    'INVALID_VECTOR',
    place,
    `term id ${last} is one of the words of this collection`,
    `ids below ${lexical.firstTermId}, or a collection without lexical terms`
  )
}

/** @throws EsplanadeError `INVALID_ARGUMENT` */
export function checkMetadata(metadata: unknown, place: string): asserts metadata is Metadata {
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
  const problem = isObject ? jsonProblem(metadata) : 'is no object'
  if (problem !== undefined) {
    refuse(
      'INVALID_ARGUMENT',
      `${place}: metadata`,
      `it ${problem}`,
      'what JSON can hold, and dates'
    )
  }
  // Letters take at most three bytes each, so most need no counting.
  const json = JSON.stringify(metadataToJson(metadata as Metadata))
  if (json.length * 3 <= MAX_METADATA_BYTES) return
  const numBytes = new TextEncoder().encode(json).length
  if (numBytes > MAX_METADATA_BYTES) {
    const expected = `at most ${MAX_METADATA_BYTES} bytes of JSON`
    refuse('INVALID_ARGUMENT', `${place}: metadata`, `it has ${numBytes} bytes`, expected)
  }
}

function checkSpans(
  spans: readonly { readonly start: number; readonly end: number }[],
  text: string,
  place: string
): void {
  if (spans.length === 0) refuse('INVALID_ARGUMENT', place, 'no passages', 'at least one')
  for (const { start, end } of spans) {
    const isInside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end
    if (isInside && end <= text.length) continue
    const expected = `offsets from 0 to ${text.length}`
    refuse('INVALID_ARGUMENT', place, `a passage from ${start} to ${end}`, expected)
  }
}

function refuse(
  code: 'INVALID_KEY' | 'INVALID_ARGUMENT' | 'INVALID_VECTOR',
  place: string,
  problem: string,
  expected: string
): never {
  throw new EsplanadeError(code, { place, problem, expected })
}
