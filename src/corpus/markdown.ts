import { Marked } from 'marked'
import { type CorpusRecord, problemRecord } from './document.ts'
import { takeFrontMatter } from './front-matter.ts'
import { type FileReaderOptions, pageRecord, withoutMark } from './page.ts'
import { readableText } from './readable-text.ts'

const marked = new Marked({ gfm: true, async: false })

/**
 * Reads Markdown (CommonMark with GitHub's tables): readable text without its marks, links by their
 * text, HTML inside it as HTML is read. Front matter becomes metadata; `title` is that of the front
 * matter, else the first heading. Headings are the borders.
 *
 * The text is taken from the rendered page rather than from the source, so that whatever Markdown
 * allows (entities, escapes, reference links, inline HTML) is read by the rules of the renderer.
 */
export function readMarkdown(source: string, options: FileReaderOptions): CorpusRecord {
  const matter = takeFrontMatter(withoutMark(source))
  if ('problem' in matter) {
    const remedy = 'Write front matter as YAML between two lines of ---'
    return problemRecord(`${options.name}:${matter.line}`, matter.problem, remedy)
  }
  let html: string
  try {
    html = marked.parse(limitNesting(matter.body), { async: false })
  } catch (error) {
    // The parser calls itself for every level of nesting.
    if (!(error instanceof RangeError)) throw error
    return problemRecord(options.name, 'lists or quotes are nested too deep to be read')
  }
  const { title, ...others } = matter.metadata
  const isWord = typeof title === 'string' || typeof title === 'number'
  const givenTitle = isWord ? String(title).trim() : ''
  const isBlank = title === null || title === undefined || (isWord && givenTitle === '')
  return pageRecord(
    readableText(html),
    givenTitle === '' ? undefined : givenTitle,
    isBlank ? others : matter.metadata,
    'markdown',
    options
  )
}

/**
 * Cuts what introduces a line (white space, quote marks) at 64 characters. No person indents
 * further, and the time that the parser takes grows with the cube of the depth of nested lists:
 * 8 s for 1,000 levels.
 */
function limitNesting(body: string): string {
  return body.replace(/^([ \t>]{64})[ \t>]+/gm, '$1')
}
