import type { CorpusRecord, Document } from '../../src/corpus/document.ts'
import type { EsplanadeError } from '../../src/errors.ts'

/** All records of a reader. */
export async function collect(records: AsyncIterable<CorpusRecord>): Promise<CorpusRecord[]> {
  const all: CorpusRecord[] = []
  for await (const record of records) all.push(record)
  return all
}

/** The documents among records, which must not hold a problem. */
export function documentsOf(records: readonly CorpusRecord[]): Document[] {
  return records.map(record => {
    if (record.kind === 'problem') throw record.error
    return record.document
  })
}

/** The errors among records, which must not hold a document. */
export function errorsOf(records: readonly CorpusRecord[]): EsplanadeError[] {
  return records.map(record => {
    if (record.kind === 'document') throw new Error(`a document at ${record.place}`)
    return record.error
  })
}
