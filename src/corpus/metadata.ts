/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** The fields of a document that are not its key, text or vector: a JSON object of the user's. */
export type Metadata = { readonly [field: string]: JsonValue }

/**
 * Deeper than this is no metadata: writing it out again would overflow the stack of `JSON` long
 * before a person could have meant it.
 */
const MAX_DEPTH = 64

/** Says why a value cannot be kept as JSON, or undefined when it can. */
export function jsonProblem(value: unknown, depth: number = 0): string | undefined {
  if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`
  if (typeof value === 'number' && !Number.isFinite(value)) return `holds the number ${value}`
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return undefined
  if (typeof value !== 'object') return `holds a value of type ${typeof value}`
  for (const part of Object.values(value)) {
    const problem = jsonProblem(part, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Whether a value is a JSON object: neither null nor an array. */
export function isJsonObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Keeps the named fields that are there; all of them when no names are given. */
export function pickMetadata(metadata: Metadata, names: readonly string[] | undefined): Metadata {
  if (names === undefined) return metadata
  // fromEntries defines own properties, so a field called __proto__ stays a field.
  return Object.fromEntries(
    names.filter(name => Object.hasOwn(metadata, name)).map(name => [name, metadata[name]!])
  )
}
