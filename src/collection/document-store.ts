import type { Metadata } from '../corpus/metadata.ts'

/** A document as an index keeps it beside its vectors. */
export interface StoredDocument {
  readonly key: string
  readonly text: string
  readonly metadata: Metadata
  /** Where each of its passages lies in `text`, `[start, end)`; absent for one undivided text. */
  readonly passages?: readonly (readonly [start: number, end: number])[]
}

/** Takes documents in the order in which their vectors are added. */
export interface DocumentWriter {
  add(document: StoredDocument): Promise<void>
}

/** Gives documents back by their position in that order. */
export interface DocumentReader {
  /** @throws EsplanadeError `INDEX_CORRUPT` where the stored bytes are not those written */
  get(ordinal: number): Promise<StoredDocument>
}
