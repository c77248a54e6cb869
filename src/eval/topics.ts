import { EsplanadeError } from '../errors.ts'
import { excerpt, forEachLine, type Line, type Lines, type LinesOptions } from './lines.ts'

/** The queries of a test collection: query id → text, in the order of the file. */
export type Topics = ReadonlyMap<string, string>

/** - `beir`: JSON lines with `_id` and `text`, as BEIR's `queries.jsonl` (other fields are ignored)
 *  - `tsv`: `query id <TAB> text`, as MS MARCO's topics
 *  - `trec`: `<top>` blocks with `<num>` and `<title>`, as TREC's ad hoc topics; the title is used */
export type TopicsFormat = 'beir' | 'tsv' | 'trec'

export interface ReadTopicsOptions extends LinesOptions {
  /** Default: by the first line: `{` begins `beir`, `<` begins `trec`, anything else is `tsv`. */
  readonly format?: TopicsFormat | undefined
}

/**
 * Reads the queries of a test collection. A query may have an empty text; a query id may stand only
 * once.
 *
 * @throws EsplanadeError `TOPICS_INVALID`, naming `file:line`, at the first line that is not a query;
 *   naming the file, where there is no query at all
 */
export async function readTopics(lines: Lines, options: ReadTopicsOptions = {}): Promise<Topics> {
  const topics = new Map<string, string>()
  const add = (queryId: string, text: string, place: string) => {
    if (topics.has(queryId)) {
      throw invalid(place, `query id ${excerpt(queryId)} stands twice`, 'each query id once')
    }
    topics.set(queryId, text)
  }
  let format = options.format
  const trec = new TrecTopicParser(add)
  await forEachLine(lines, options, line => {
    format ??= formatOf(line.text)
    if (format === 'beir') addBeirLine(line, add)
    else if (format === 'tsv') addTsvLine(line, add)
    else trec.line(line)
  })
  trec.end()
  if (topics.size === 0) {
    throw new EsplanadeError('TOPICS_INVALID', {
      place: options.place ?? '<lines>',
      problem: 'there is no query',
      expected: 'at least one',
      remedy:
        'Name the file of the queries: BEIR queries.jsonl, tab-separated lines, or TREC topics'
    })
  }
  return topics
}

type AddTopic = (queryId: string, text: string, place: string) => void

function formatOf(firstLine: string): TopicsFormat {
  const text = firstLine.trimStart()
  if (text.startsWith('{')) return 'beir'
  return text.startsWith('<') ? 'trec' : 'tsv'
}

function addBeirLine(line: Line, add: AddTopic): void {
  const expected = 'one JSON object a line: {"_id": "q1", "text": "what is asked"}'
  let value: unknown
  try {
    value = JSON.parse(line.text)
  } catch (cause) {
    throw invalid(line.place, `${excerpt(line.text)} is not JSON`, expected, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(line.place, `${excerpt(line.text)} is not a JSON object`, expected)
  }
  const { _id, text } = value as Record<string, unknown>
  if (typeof _id !== 'string' || _id === '') {
    throw invalid(line.place, '"_id" is missing, empty or not a string', expected)
  }
  if (typeof text !== 'string') {
    throw invalid(line.place, `"text" of query ${excerpt(_id)} is missing or no string`, expected)
  }
  add(_id, text, line.place)
}

function addTsvLine(line: Line, add: AddTopic): void {
  const columns = line.text.split('\t')
  const [queryId, text] = columns
  const expected = 'two columns: query id, tab, text'
  if (columns.length !== 2 || queryId === undefined || text === undefined) {
    throw invalid(line.place, `${columns.length} tab-separated columns`, expected)
  }
  if (queryId.trim() === '') throw invalid(line.place, 'the query id is empty', expected)
  add(queryId.trim(), text, line.place)
}

/**
 * Reads `<top>` blocks as the TREC ad hoc tracks distribute them: tags without an end tag, `Number:`
 * and `Topic:` as labels in front of a value, values that may begin on the line after their tag.
 */
class TrecTopicParser {
  readonly #add: AddTopic
  #fields: Map<string, string> | undefined
  #field: string | undefined
  #place = ''

  constructor(add: AddTopic) {
    this.#add = add
  }

  line({ text, place }: Line): void {
    // Tags stand at the start of a line; a "<" inside a text is text.
    const [, slash, tag, rest] = /^\s*<(\/?)([a-z]+)>(.*)$/i.exec(text) ?? []
    const name = tag?.toLowerCase()
    if (name === 'top') {
      if (slash === '') this.#open(place)
      else this.#close(place)
    } else if (this.#fields === undefined) {
      if (name !== undefined) return // a wrapper around the topics, such as <topics>
      throw invalid(place, `${excerpt(text)} stands outside of a topic`, '<top> before it')
    } else if (name !== undefined) {
      this.#field = slash === '' ? name : undefined
      if (slash === '') this.#append(rest ?? '')
    } else {
      this.#append(text)
    }
  }

  end(): void {
    if (this.#fields !== undefined) throw invalid(this.#place, 'this topic has no end', '</top>')
  }

  #open(place: string): void {
    this.end()
    this.#fields = new Map()
    this.#field = undefined
    this.#place = place
  }

  #append(text: string): void {
    if (this.#field === undefined) return
    const value = text.replace(/<\/[a-z]+>\s*$/i, '')
    const before = this.#fields?.get(this.#field)
    this.#fields?.set(this.#field, before === undefined ? value : `${before} ${value}`)
  }

  #close(place: string): void {
    if (this.#fields === undefined) throw invalid(place, '</top> without a start', '<top>')
    const value = (field: string, label: RegExp) =>
      this.#fields?.get(field)?.replace(/\s+/g, ' ').trim().replace(label, '').trim()
    const queryId = value('num', /^number:/i)
    const title = value('title', /^topic:/i)
    if (queryId === undefined || queryId === '' || title === undefined) {
      throw invalid(this.#place, 'this topic has no number or no title', '<num> and <title>')
    }
    this.#add(queryId, title, this.#place)
    this.#fields = undefined
  }
}

function invalid(place: string, problem: string, expected: string, cause?: unknown) {
  const remedy = 'Correct this line, or name the format of the topics: beir, tsv or trec'
  return new EsplanadeError('TOPICS_INVALID', { place, problem, expected, remedy, cause })
}
