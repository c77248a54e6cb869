import { isJsonObject, type Metadata, type MetadataValue, pickMetadata } from './metadata.ts'

/** Which fields of a record are its key, its text and its metadata. */
export interface FieldOptions {
  /** The field of the key. Default: the first of {@link KEY_FIELDS} that is there. */
  readonly key?: string | undefined
  /**
   * The fields whose values, joined by a space, are the text. Default: `title`, then the first of
   * {@link TEXT_FIELDS} that is there.
   */
  readonly text?: readonly string[] | undefined
  /**
   * The fields to keep as metadata, looked up in the record and then in its object `metadata`.
   * Default: `title`, every field that is neither key nor text nor vector, and the fields of the
   * object `metadata`.
   */
  readonly metadata?: readonly string[] | undefined
}

/** Names under which a key is looked for, in this order; `_id` is the name of BEIR. */
export const KEY_FIELDS: readonly string[] = ['_id', 'id', 'key', 'docid', 'docno']

/** Names under which a text is looked for, in this order; `contents` is the name of Anserini. */
export const TEXT_FIELDS: readonly string[] = ['text', 'contents', 'content', 'body', 'description']

/** The names that {@link FieldOptions} come down to for one set of fields. */
export interface ResolvedFields {
  readonly key: string | undefined
  readonly text: readonly string[]
}

/**
 * Finds key and text among the names a record or a header has. Names that were asked for must match
 * exactly; the default names are also found in other letter case, as spreadsheets write them.
 */
export function resolveFields(names: readonly string[], options: FieldOptions): ResolvedFields {
  const firstOf = (wanted: readonly string[]): string | undefined => {
    for (const name of wanted) {
      const found = names.includes(name) ? name : names.find(other => other.toLowerCase() === name)
      if (found !== undefined) return found
    }
    return undefined
  }
  const { key, text } = options
  return {
    key: key === undefined ? firstOf(KEY_FIELDS) : names.includes(key) ? key : undefined,
    text:
      text === undefined
        ? [firstOf(['title']), firstOf(TEXT_FIELDS)].filter(name => name !== undefined)
        : text.filter(name => names.includes(name))
  }
}

/** A record's parts, or what is wrong with it and what to do. */
export type FieldsResult =
  | { readonly key: string; readonly text: string; readonly metadata: Metadata }
  | { readonly problem: string; readonly remedy: string }

/**
 * Takes key, text and metadata out of a record of a line-based format.
 *
 * A number that is an exact integer is taken as a key and written in decimal digits. A text field
 * that is null counts as empty. Of the text fields asked for at least one must be there, unless
 * the record needs no text because it carries a vector.
 *
 * @param vectorFields - fields that were read as a vector already
 */
export function readFields(
  record: Metadata,
  options: FieldOptions,
  vectorFields: readonly string[] = []
): FieldsResult {
  const names = Object.keys(record).filter(name => !vectorFields.includes(name))
  const fields = resolveFields(names, options)
  if (fields.key === undefined) return noField('key', options.key, KEY_FIELDS, names)
  const key = keyOf(record[fields.key]!)
  if (key === undefined) {
    return {
      problem: `the key field "${fields.key}" is ${describe(record[fields.key]!)}`,
      remedy: 'Write keys as strings or as integers below 2^53'
    }
  }
  if (fields.text.length === 0 && vectorFields.length === 0) {
    return noField('text', options.text?.join(', '), ['title', ...TEXT_FIELDS], names)
  }
  const parts: string[] = []
  for (const name of fields.text) {
    const value = record[name]!
    if (typeof value !== 'string' && value !== null) {
      return {
        problem: `the text field "${name}" is ${describe(value)}`,
        remedy: 'Write texts as strings, or name other fields with --text'
      }
    }
    if (value !== null && value !== '') parts.push(value)
  }
  const metadata = metadataOf(record, names, fields, options)
  return { key, text: parts.join(' '), metadata }
}

/** The error for a key or text that is not there; it lists what is. */
export function noField(
  part: 'key' | 'text',
  asked: string | undefined,
  looked: readonly string[],
  names: readonly string[]
): { readonly problem: string; readonly remedy: string } {
  const there = names.map(name => `"${name}"`).join(', ') || 'none'
  const wanted = asked === undefined ? `(looked for ${looked.join(', ')})` : `"${asked}"`
  return {
    problem: `no ${part} field ${wanted}; fields there: ${there}`,
    remedy: `Name the ${part} field with --${part}`
  }
}

function keyOf(value: MetadataValue): string | undefined {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : undefined
}

function metadataOf(
  record: Metadata,
  names: readonly string[],
  fields: ResolvedFields,
  options: FieldOptions
): Metadata {
  const nested = isJsonObject(record.metadata) ? record.metadata : undefined
  if (options.metadata !== undefined) {
    const found = pickMetadata(record, options.metadata)
    return nested === undefined ? found : { ...pickMetadata(nested, options.metadata), ...found }
  }
  const own = names.filter(name => {
    if (name === fields.key || (name === 'metadata' && nested !== undefined)) return false
    // The title is part of the text, and yet what a list of hits wants to show.
    return !fields.text.includes(name) || (name.toLowerCase() === 'title' && record[name] !== '')
  })
  return Object.fromEntries([
    ...Object.entries(nested ?? {}),
    ...own.map(name => [name, record[name]!] as const)
  ])
}

/** Names a value that has the wrong type, for an error message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return 'an object'
  return `the ${typeof value} ${String(value)}`
}
