import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { CorpusRecord, Document } from '../../src/entry/corpus.ts'

/** Documents of our own; the last one is empty. */
export const harbour: Partial<Document>[] = [
  { key: 'gull', text: 'Gulls follow the fishing boats back to the harbour.' },
  { key: 'tide', text: 'The tide rises and falls twice a day, pulled by the moon.' },
  { key: 'rope', text: 'A sailor ties knots in a rope that will not slip.' },
  { key: 'fog', text: 'Fog hides the coast, and the horn sounds every minute.' },
  { key: 'empty', text: '' }
]

/** Documents as a reader yields them. */
export async function* records(
  documents: readonly Partial<Document>[],
  format: 'jsonl' | 'text' = 'jsonl'
): AsyncGenerator<CorpusRecord> {
  for (const [i, document] of documents.entries()) {
    const { key = `d${i}`, text = '', metadata = {}, ...rest } = document
    yield {
      kind: 'document',
      document: { key, text, metadata, ...rest },
      format,
      place: `t:${i + 1}`
    }
  }
}

/** A folder for the tests of one file, removed when they are done; gives paths in it. */
export function temporaryFolder(): (...names: string[]) => string {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'esplanade-collection-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (...names) => join(folder, ...names)
}
