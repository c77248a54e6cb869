import { MAX_METADATA_DEPTH, type Metadata, type MetadataValue } from '../corpus/metadata.ts'
import { MAX_PATH_LENGTH } from './filter.ts'
import { type FilterValue, filterValueOf, type ValueType } from './value.ts'

/**
 * What filters see of metadata. The values of a field are found along its path: a dot leads into an
 * object, and arrays are passed through, so that `authors.name` has the names of all authors. A dot in
 * a field's own name is no different from one that leads into an object. Null, and what lies deeper
 * than {@link MAX_METADATA_DEPTH} or along a path above {@link MAX_PATH_LENGTH}, is no value.
 *
 * The two ways to see it, from a path and from the document, are written apart: the tests compare them.
 */

/** The values of one field of one document, in no order that matters; perhaps some of them twice. */
export function valuesAt(metadata: Metadata, path: string): FilterValue[] {
  const values: FilterValue[] = []
  visitPath(metadata, path, 0, value => {
    const found = filterValueOf(value)
    if (found !== undefined) values.push(found)
  })
  return values
}

/**
 * Whether a field has a value, or an object that has one below it. A name with a dot counts as an
 * object here too: `{"a.b": 1}` has the field `a`.
 */
export function hasValueAt(metadata: Metadata, path: string): boolean {
  return existsAt(metadata, path, MAX_PATH_LENGTH - path.length, 0)
}

/** @param room - characters that the path of a value may go on for behind this one */
function existsAt(value: MetadataValue, path: string, room: number, depth: number): boolean {
  if (depth > MAX_METADATA_DEPTH) return false
  if (Array.isArray(value)) return value.some(part => existsAt(part, path, room, depth + 1))
  if (!isObject(value)) return false
  return Object.keys(value).some(name => {
    if (path.startsWith(`${name}.`)) {
      if (existsAt(value[name]!, path.slice(name.length + 1), room, depth + 1)) return true
    }
    if (name !== path && !name.startsWith(`${path}.`)) return false
    const left = room + path.length - name.length
    return left >= 0 && hasValue(value[name]!, left, depth + 1)
  })
}

/** Calls `visit` with all that stands at the end of a path, arrays taken apart. */
function visitPath(
  value: MetadataValue,
  path: string | undefined,
  depth: number,
  visit: (value: MetadataValue) => void
): void {
  if (depth > MAX_METADATA_DEPTH) return
  if (Array.isArray(value)) {
    for (const part of value) visitPath(part, path, depth + 1, visit)
  } else if (path === undefined) {
    visit(value)
  } else if (isObject(value)) {
    // Every dot may be the end of a field's name.
    for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
      const name = path.slice(0, dot)
      if (Object.hasOwn(value, name)) {
        visitPath(value[name]!, path.slice(dot + 1), depth + 1, visit)
      }
    }
    if (Object.hasOwn(value, path)) visitPath(value[path]!, undefined, depth + 1, visit)
  }
}

function hasValue(value: MetadataValue, room: number, depth: number): boolean {
  if (depth > MAX_METADATA_DEPTH) return false
  if (Array.isArray(value)) return value.some(part => hasValue(part, room, depth + 1))
  if (!isObject(value)) return filterValueOf(value) !== undefined
  return Object.keys(value).some(name => {
    const left = room - name.length - 1
    return left >= 0 && hasValue(value[name]!, left, depth + 1)
  })
}

function isObject(value: MetadataValue): value is { readonly [name: string]: MetadataValue } {
  return typeof value === 'object' && value !== null && !(value instanceof Date)
}

/** Hears of one value of a document: a string, or a number that {@link FilterValue} explains. */
export type ValueVisitor = (path: string, type: ValueType, value: string | number) => void

/** Every value of a document with its path; a value that an array holds twice comes twice. */
export function forEachValue(metadata: Metadata, visit: ValueVisitor): void {
  for (const name of Object.keys(metadata)) visitBelow(name, metadata[name]!, 1, visit)
}

function visitBelow(path: string, value: MetadataValue, depth: number, visit: ValueVisitor): void {
  if (depth > MAX_METADATA_DEPTH || path.length > MAX_PATH_LENGTH) return
  if (typeof value === 'string') {
    visit(path, 'string', value)
  } else if (Array.isArray(value)) {
    for (const part of value) visitBelow(path, part, depth + 1, visit)
  } else if (isObject(value)) {
    for (const name of Object.keys(value)) {
      visitBelow(`${path}.${name}`, value[name]!, depth + 1, visit)
    }
  } else {
    const found = filterValueOf(value)
    if (found !== undefined) visit(path, found.type, found.value)
  }
}
