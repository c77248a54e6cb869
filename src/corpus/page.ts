import { type CorpusFormat, type CorpusRecord, documentRecord } from './document.ts'
import { type Metadata, pickMetadata } from './metadata.ts'
import type { ReadableText } from './readable-text.ts'

/** What the readers of one-document files are told. */
export interface FileReaderOptions {
  /** The document's key; for a folder the path inside it, with `/` between its parts. */
  readonly key: string
  /** What to call the file in an error. */
  readonly name: string
  /** The metadata fields to keep. Default: all that the format has. */
  readonly metadata?: readonly string[] | undefined
}

/**
 * Makes the document of a page. A title that is told only beside the page, in `<title>` or front
 * matter, becomes the first line of the text when the page itself has no heading of the first
 * level: what a page is called is the best hint at what it is about.
 */
export function pageRecord(
  page: ReadableText,
  givenTitle: string | undefined,
  givenMetadata: Metadata,
  format: CorpusFormat,
  options: FileReaderOptions
): CorpusRecord {
  const title = givenTitle ?? page.firstHeading
  const isLed = givenTitle === undefined || page.hasMainHeading || page.text.startsWith(givenTitle)
  const lead = isLed ? '' : `${givenTitle}\n`
  const document = {
    key: options.key,
    text: lead + page.text,
    metadata: pickMetadata(
      { ...(title === undefined ? {} : { title }), ...givenMetadata },
      options.metadata
    ),
    borders: page.borders.map(offset => offset + lead.length)
  }
  return documentRecord(document, format, options.name)
}

/** A byte order mark is not part of the text. */
export function withoutMark(source: string): string {
  return source.startsWith('\uFEFF') ? source.slice(1) : source
}
