import { type ErrorCode, EsplanadeError } from '../errors.ts'
import type { SparseVector } from '../vector/sparse-vector.ts'
import { jsonProblem, type Metadata } from './metadata.ts'

/**
 * A vector that a record carries beside or instead of its text. Term ids are checked; tokens are
 * kept as they stand, until somebody who has the vocabulary resolves them.
 */
export type RawVector =
  | { readonly kind: 'terms'; readonly vector: SparseVector }
  | {
      readonly kind: 'tokens'
      /** `[token, weight]`, tokens unique, weights finite and above zero, in the record's order. */
      readonly entries: readonly (readonly [token: string, weight: number])[]
    }

/** One document of a corpus, before it is encoded. */
export interface Document {
  /** The user's name for it: not empty, well-formed Unicode, without NUL. */
  readonly key: string
  /** What is encoded. Empty and blank texts are valid; well-formed Unicode, without NUL. */
  readonly text: string
  /** The user's other fields, as JSON. */
  readonly metadata: Metadata
  /** A ready vector, which then stands in for the encoding of the text. */
  readonly vector?: RawVector
  /**
   * UTF-16 offsets into `text` where a heading begins, ascending: good places to cut a long text.
   * Absent where the format knows no headings.
   */
  readonly borders?: readonly number[]
}

/** The format a document was read from. */
export type CorpusFormat = 'jsonl' | 'csv' | 'tsv' | 'markdown' | 'html' | 'text'

/** A record that was understood, and where it stands (`file:line`, or the file). */
export interface DocumentRecord {
  readonly kind: 'document'
  readonly document: Document
  readonly format: CorpusFormat
  readonly place: string
}

/**
 * A record that is not a document. Its error has the code `CORPUS_INVALID`, or `INVALID_VECTOR`,
 * `DUPLICATE_KEY` or `FILE_UNREADABLE` where that is the trouble, and the place `file:line`.
 */
export interface ProblemRecord {
  readonly kind: 'problem'
  readonly error: EsplanadeError
}

/**
 * What every reader yields. A bad record is data, not an exception: one bad line must not end a
 * long reading, and only the caller knows whether it is to (`--strict`).
 */
export type CorpusRecord = DocumentRecord | ProblemRecord

/** Makes the record of something that is not a document. */
export function problemRecord(
  place: string,
  problem: string,
  remedy?: string,
  code: ErrorCode = 'CORPUS_INVALID'
): ProblemRecord {
  return { kind: 'problem', error: new EsplanadeError(code, { place, problem, remedy }) }
}

/** Makes the record of a document after the checks that hold for all formats. */
export function documentRecord(
  document: Document,
  format: CorpusFormat,
  place: string
): CorpusRecord {
  if (document.key.trim() === '') {
    return problemRecord(place, 'the key is empty', 'Give every document a key of its own')
  }
  const flaw = stringFlaw('key', document.key) ?? stringFlaw('text', document.text)
  if (flaw !== undefined) {
    return problemRecord(place, flaw, 'Remove the character, or repair how the file was written')
  }
  const metadataFlaw = jsonProblem(document.metadata)
  if (metadataFlaw !== undefined) return problemRecord(place, `the metadata ${metadataFlaw}`)
  return { kind: 'document', document, format, place }
}

/** NUL and lone surrogates: no file of text holds them, and neither survives a round trip. */
function stringFlaw(name: string, value: string): string | undefined {
  const nul = value.indexOf('\0')
  if (nul >= 0) return `the ${name} has a NUL character at offset ${nul}`
  const lone = /\p{Surrogate}/u.exec(value)?.index
  if (lone === undefined) return undefined
  return `the ${name} has a lone surrogate (half of a character) at offset ${lone}`
}
