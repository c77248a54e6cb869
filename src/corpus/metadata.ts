/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** A JSON object. */
export type JsonObject = { readonly [name: string]: JsonValue }

/** A value of a document's metadata: what JSON can hold, and valid `Date`s. */
export type MetadataValue =
  | null
  | boolean
  | number
  | string
  | Date
  | readonly MetadataValue[]
  | { readonly [name: string]: MetadataValue }

/** The fields of a document that are not its key, text or vector: an object of the user's. */
export type Metadata = { readonly [field: string]: MetadataValue }

/**
 * Levels of objects and arrays in metadata. Deeper than this is no metadata: writing it out again
 * would overflow the stack of `JSON` long before a person could have meant it.
 */
export const MAX_METADATA_DEPTH = 64

/** Bytes that the metadata of one document of a collection may take as JSON: 1 MiB. */
export const MAX_METADATA_BYTES: number = 2 ** 20

/** Says why a value cannot be kept as metadata, or undefined when it can. */
export function jsonProblem(value: unknown, depth: number = 0): string | undefined {
  if (depth > MAX_METADATA_DEPTH) return `is nested deeper than ${MAX_METADATA_DEPTH} levels`
  if (typeof value === 'number' && !Number.isFinite(value)) return `holds the number ${value}`
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return undefined
  if (typeof value !== 'object') return `holds a value of type ${typeof value}`
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? 'holds a Date that is no date' : undefined
  }
  for (const part of Object.values(value)) {
    const problem = jsonProblem(part, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Whether a value is an object of named values: neither null nor an array nor a date. */
export function isJsonObject(value: unknown): value is Metadata {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}

/** A day, or a day and a time with its zone: without one a time means another moment everywhere. */
const ISO_DATE =
  /^(?:[+-]\d{6}|\d{4})-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/**
 * The date that JSON writes as `{"$date": "2026-11-21T00:00:00.000Z"}`: an object of this one field,
 * whose value is an ISO 8601 day or a day and a time with a zone. Undefined for everything else.
 */
export function dateFromJson(value: unknown): Date | undefined {
  if (!isJsonObject(value) || !Object.hasOwn(value, '$date')) return undefined
  const { $date: text } = value
  if (Object.keys(value).length !== 1 || typeof text !== 'string') return undefined
  if (!ISO_DATE.test(text)) return undefined
  // A day that no calendar has (30 February) would be read as one of the next month.
  const day = text.replace(/T.*$/, '')
  const midnight = new Date(`${day}T00:00:00Z`)
  const date = new Date(text)
  if (Number.isNaN(date.getTime()) || Number.isNaN(midnight.getTime())) return undefined
  return midnight.toISOString().startsWith(day.replace(/^\+00/, '')) ? date : undefined
}

/**
 * Metadata as JSON can hold it: every `Date` becomes `{"$date": "2026-11-21T00:00:00.000Z"}`. What
 * holds no date comes back as it is. {@link metadataFromJson} is the inverse.
 *
 * The value must be free of what {@link jsonProblem} finds.
 */
export function metadataToJson(metadata: Metadata): JsonObject {
  // Most metadata hold none, and are written by the thousand.
  return (holdsDate(metadata) ? toJson(metadata) : metadata) as JsonObject
}

function holdsDate(value: MetadataValue): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Date) return true
  if (Array.isArray(value)) return value.some(holdsDate)
  for (const name in value) {
    if (Object.hasOwn(value, name) && holdsDate((value as Metadata)[name]!)) return true
  }
  return false
}

function toJson(value: MetadataValue): JsonValue {
  if (value instanceof Date) return { $date: value.toISOString() }
  return withParts(value, toJson) as JsonValue
}

/**
 * Metadata as it was before {@link metadataToJson}: an object of the one field `$date`, whose value
 * is an ISO 8601 day or a day and a time with a zone, becomes a `Date`. Any other object of the
 * user's stays as it is, whatever its fields are called, and so does what lies deeper than metadata
 * may be nested.
 */
export function metadataFromJson(json: JsonObject): Metadata {
  // The outermost object is the metadata itself, even if it has this one field.
  return withParts(json, value => fromJson(value, 1)) as Metadata
}

function fromJson(value: MetadataValue, depth: number): MetadataValue {
  if (depth > MAX_METADATA_DEPTH) return value
  return dateFromJson(value) ?? withParts(value, part => fromJson(part, depth + 1))
}

/** The same value with its parts replaced; itself where none is another. */
function withParts(
  value: MetadataValue,
  replace: (part: MetadataValue) => MetadataValue
): MetadataValue {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (Array.isArray(value)) {
    const parts = value.map(replace)
    return parts.some((part, i) => part !== value[i]) ? parts : value
  }
  const entries = Object.entries(value)
  const replaced = entries.map(([name, part]) => [name, replace(part)] as const)
  // fromEntries defines own properties, so a field called __proto__ stays a field.
  return replaced.some(([, part], i) => part !== entries[i]![1])
    ? Object.fromEntries(replaced)
    : value
}

/** Keeps the named fields that are there; all of them when no names are given. */
export function pickMetadata(metadata: Metadata, names: readonly string[] | undefined): Metadata {
  if (names === undefined) return metadata
  // fromEntries defines own properties, so a field called __proto__ stays a field.
  return Object.fromEntries(
    names.filter(name => Object.hasOwn(metadata, name)).map(name => [name, metadata[name]!])
  )
}
