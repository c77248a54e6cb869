import { type CorpusRecord, documentRecord } from './document.ts'
import { type FileReaderOptions, withoutMark } from './page.ts'

/** Reads a plain text: the whole file is the text, and there is no metadata. */
export function readPlainText(source: string, options: FileReaderOptions): CorpusRecord {
  const text = withoutMark(source)
  return documentRecord({ key: options.key, text, metadata: {} }, 'text', options.name)
}
