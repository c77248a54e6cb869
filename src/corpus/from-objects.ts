import { EsplanadeError } from '../errors.ts'
import { type SparseVector, sparseVector } from '../vector/sparse-vector.ts'
import { type CorpusRecord, documentRecord, problemRecord } from './document.ts'
import type { Metadata } from './metadata.ts'

/** A document as a program has it, for instance a row of a database. */
export interface DocumentInput {
  /** The user's name for it: not empty, well-formed Unicode, without NUL. */
  readonly key: string
  /** What is encoded; default: empty. */
  readonly text?: string
  /** A ready vector, which then stands in for the encoding of the text. */
  readonly vector?: SparseVector
  readonly metadata?: Metadata
}

/**
 * Documents of a program as the records that readers yield; records pass unchanged. What is no
 * document becomes a problem, placed by its position: `document 3`, from 1.
 */
export async function* fromObjects(
  documents: AsyncIterable<DocumentInput | CorpusRecord> | Iterable<DocumentInput | CorpusRecord>
): AsyncGenerator<CorpusRecord> {
  let position = 0
  for await (const document of documents) {
    position++
    yield 'kind' in document ? document : recordOf(document, `document ${position}`)
  }
}

function recordOf(input: DocumentInput, place: string): CorpusRecord {
  const { key, text = '', metadata = {}, vector } = input
  if (typeof key !== 'string' || typeof text !== 'string') {
    return problemRecord(place, 'key or text is no string', 'Give both as strings')
  }
  const document = { key, text, metadata }
  if (vector === undefined) return documentRecord(document, 'jsonl', place)
  try {
    const checked = sparseVector(vector.terms, vector.weights, place)
    return documentRecord(
      { ...document, vector: { kind: 'terms', vector: checked } },
      'jsonl',
      place
    )
  } catch (error) {
    if (error instanceof EsplanadeError) return { kind: 'problem', error }
    throw error
  }
}
