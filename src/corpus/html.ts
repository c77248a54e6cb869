import type { CorpusRecord } from './document.ts'
import { type FileReaderOptions, pageRecord, withoutMark } from './page.ts'
import { readableText } from './readable-text.ts'

/** The `<meta>` names that say something about the content, rather than to a browser or robot. */
const META_NAMES: readonly string[] = ['description', 'keywords', 'author', 'date']

/**
 * Reads an HTML page: its readable text, with `title` (the element `title`, else the first heading)
 * and the `<meta>` elements description, keywords, author and date as metadata.
 */
export function readHtml(source: string, options: FileReaderOptions): CorpusRecord {
  const page = readableText(withoutMark(source))
  const meta = META_NAMES.filter(name => page.meta.has(name))
  const metadata = Object.fromEntries(meta.map(name => [name, page.meta.get(name)!]))
  return pageRecord(page, page.title, metadata, 'html', options)
}
