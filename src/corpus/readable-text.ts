import { Tokenizer } from 'htmlparser2'

/** What a reader of a page sees. */
export interface ReadableText {
  /** The text, one line for each block element; cells of a table row are set apart by a tab. */
  readonly text: string
  /** UTF-16 offsets into `text` where a heading (h1–h6) begins, ascending. */
  readonly borders: readonly number[]
  /** The text of the first heading. */
  readonly firstHeading: string | undefined
  /** Whether there is a heading of the first level. */
  readonly hasMainHeading: boolean
  /** The content of the element `title`. */
  readonly title: string | undefined
  /** The content of `<meta name="…">`, by name in lower case. */
  readonly meta: ReadonlyMap<string, string>
}

/** Elements whose content is not shown, or is no text. */
const HIDDEN = new Set(
  'script style template noscript noframes noembed iframe object svg math canvas audio video'.split(
    ' '
  )
)

/** Elements that begin and end a line; others stand inside one. */
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption center dd details dialog dir div dl dt ' +
    'fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend ' +
    'li main menu nav ol optgroup option p pre search section select summary table tbody textarea ' +
    'tfoot thead title tr ul'
  ).split(' ')
)

/**
 * Takes the readable text out of HTML: entities decoded, white space as a browser shows it, images
 * by their alternative text, scripts and other hidden elements left out.
 *
 * It works on the tokens of the page (htmlparser2) and builds no tree, so that neither time nor
 * stack depends on how deep elements are nested or whether they are closed: linear in the length
 * of the page whatever it holds.
 */
export function readableText(html: string): ReadableText {
  const page = new PageText()
  let element = ''
  let attribute = ''
  let value = ''
  let attributes = new Map<string, string>()
  const nameAt = (start: number, end: number): string => html.slice(start, end).toLowerCase()
  const finishOpenTag = (): void => page.open(element, attributes)
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ontext: (start, end) => page.write(html.slice(start, end)),
      ontextentity: codepoint => page.write(String.fromCodePoint(codepoint)),
      onopentagname(start, end) {
        element = nameAt(start, end)
        attributes = new Map()
      },
      onattribname(start, end) {
        attribute = nameAt(start, end)
        value = ''
      },
      onattribdata(start, end) {
        value += html.slice(start, end)
      },
      onattribentity(codepoint) {
        value += String.fromCodePoint(codepoint)
      },
      onattribend() {
        if (!attributes.has(attribute)) attributes.set(attribute, value)
      },
      onopentagend: finishOpenTag,
      onselfclosingtag: finishOpenTag,
      onclosetag: (start, end) => page.close(nameAt(start, end)),
      isInForeignContext: () => page.isInForeignElement,
      oncdata: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onend: ignore
    }
  )
  tokenizer.write(html)
  tokenizer.end()
  return page.finish()
}

function ignore(): void {}

/** Hears the tags and texts of a page in order and keeps what is to be read. */
class PageText {
  readonly #pieces: string[] = []
  readonly #borders: number[] = []
  readonly #meta = new Map<string, string>()
  #length = 0
  /** What stands between the text so far and the next word. */
  #gap: '' | ' ' | '\t' | '\n' = ''
  #endsLine = false
  #hidden: string | undefined
  #hiddenDepth = 0
  #preDepth = 0
  #isHeadingNext = false
  #isInTitle = false
  #title = ''
  #firstHeading: { start: number; end?: number } | undefined
  #hasMainHeading = false

  get isInForeignElement(): boolean {
    return this.#hidden === 'svg' || this.#hidden === 'math'
  }

  open(element: string, attributes: ReadonlyMap<string, string>): void {
    if (this.#hidden !== undefined) {
      if (element === this.#hidden) this.#hiddenDepth++
      return
    }
    if (HIDDEN.has(element)) {
      this.#hidden = element
      this.#hiddenDepth = 1
    } else if (element === 'meta') {
      const name = attributes.get('name')?.toLowerCase()
      const content = attributes.get('content')?.trim()
      if (name && content && !this.#meta.has(name)) this.#meta.set(name, content)
    } else if (element === 'img') {
      this.write(` ${attributes.get('alt') ?? ''} `)
    } else if (element === 'td' || element === 'th') {
      if (this.#gap !== '\n') this.#gap = '\t'
    } else if (BLOCKS.has(element)) {
      this.#breakLine()
      if (element === 'pre') this.#preDepth++
      if (element === 'title') this.#isInTitle = true
      if (/^h[1-6]$/.test(element)) this.#isHeadingNext = true
      if (element === 'h1') this.#hasMainHeading = true
    }
  }

  close(element: string): void {
    if (this.#hidden !== undefined) {
      if (element === this.#hidden && --this.#hiddenDepth === 0) this.#hidden = undefined
    } else if (BLOCKS.has(element)) {
      if (/^h[1-6]$/.test(element)) {
        this.#isHeadingNext = false
        if (this.#firstHeading !== undefined) this.#firstHeading.end ??= this.#length
      }
      this.#breakLine()
      if (element === 'pre' && this.#preDepth > 0) this.#preDepth--
      if (element === 'title') this.#isInTitle = false
    }
  }

  write(text: string): void {
    if (this.#hidden !== undefined) return
    if (this.#isInTitle) {
      this.#title += text
    } else if (this.#preDepth > 0) {
      const lines = text.replace(/\r\n?/g, '\n')
      // The line ends around a block of code are its layout, not its content.
      if (lines.trim() !== '') this.#append(this.#gap === '\n' ? lines.replace(/^\n+/, '') : lines)
      else if (this.#gap === '') this.#append(lines)
    } else {
      // Only these five are white space in HTML; a no-break space is a character like others.
      const words = text.replace(/[ \t\n\f\r]+/g, ' ')
      if (words.startsWith(' ') && this.#gap === '') this.#gap = ' '
      const inner = words.replace(/^ | $/g, '')
      if (inner !== '') {
        this.#append(inner)
        if (words.endsWith(' ')) this.#gap = ' '
      }
    }
  }

  finish(): ReadableText {
    const text = this.#pieces.join('').trimEnd()
    const heading = this.#firstHeading
    const title = this.#title.replace(/\s+/g, ' ').trim()
    return {
      text,
      borders: this.#borders,
      firstHeading:
        heading && text.slice(heading.start, heading.end).split('\n', 1)[0]!.trim().slice(0, 1000),
      hasMainHeading: this.#hasMainHeading,
      title: title === '' ? undefined : title,
      meta: this.#meta
    }
  }

  #breakLine(): void {
    this.#gap = '\n'
  }

  #append(text: string): void {
    // A block of code ends with a line end of its own.
    const isLineOpen = this.#length > 0 && !(this.#gap === '\n' && this.#endsLine)
    const gap = isLineOpen ? this.#gap : ''
    this.#pieces.push(gap, text)
    const start = this.#length + gap.length
    this.#length = start + text.length
    this.#gap = ''
    this.#endsLine = text.endsWith('\n')
    if (!this.#isHeadingNext) return
    this.#isHeadingNext = false
    this.#borders.push(start)
    this.#firstHeading ??= { start }
  }
}
