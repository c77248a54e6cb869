import type { FilterValue } from './value.ts'

/** Objects in each other that a filter may have. */
export const MAX_FILTER_DEPTH = 32

/**
 * Clauses that a filter may have. Each condition is one, each value of a list of `$in` or `$nin`, and
 * each `{}`.
 */
export const MAX_FILTER_CLAUSES = 10_000

/**
 * UTF-16 units of the longest path that a filter can name. Deeper or longer-named values are kept with
 * their document and do not exist for filters: else the paths of a small document could take gigabytes.
 */
export const MAX_PATH_LENGTH = 500

/** Operators that compare by order. */
export type Comparison = '$gt' | '$gte' | '$lt' | '$lte'

/** A condition on one field, and where in the user's filter it stands. */
export type FieldCondition =
  | {
      /** Some value of the field is one of these; sorted, without duplicates, perhaps none. */
      readonly kind: 'in'
      readonly path: string
      readonly values: readonly FilterValue[]
      readonly place: string
    }
  | {
      readonly kind: 'compare'
      readonly path: string
      readonly comparison: Comparison
      readonly value: FilterValue
      readonly place: string
    }
  | {
      readonly kind: 'startsWith'
      readonly path: string
      readonly prefix: string
      readonly place: string
    }
  | { readonly kind: 'exists'; readonly path: string; readonly place: string }

/**
 * A filter that was checked and put in normal form by `parseFilter`: of the operators only those are
 * left that the others can be said with. An `and` of no parts holds for every document.
 */
export type Filter =
  | FieldCondition
  | { readonly kind: 'and'; readonly parts: readonly Filter[] }
  | { readonly kind: 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }

const keys = new WeakMap<Filter, string>()

/**
 * A string that two filters share only if they mean the same: the order of fields, of parts and of
 * the values of lists makes no difference, nor does the way in which an equality is written.
 */
export function filterKey(filter: Filter): string {
  // A search asks for the key of its filter once a segment.
  const kept = keys.get(filter)
  if (kept !== undefined) return kept
  const key = keyOf(filter)
  keys.set(filter, key)
  return key
}

function keyOf(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `${filter.kind}(${[...new Set(filter.parts.map(keyOf))].sort().join(',')})`
    case 'not':
      return `not(${keyOf(filter.part)})`
    case 'in':
      return `${JSON.stringify(filter.path)}=[${filter.values.map(valueKey).join(',')}]`
    case 'compare':
      return `${JSON.stringify(filter.path)}${filter.comparison}:${valueKey(filter.value)}`
    case 'startsWith':
      return `${JSON.stringify(filter.path)}^${JSON.stringify(filter.prefix)}`
    case 'exists':
      return `${JSON.stringify(filter.path)}?`
  }
}

function valueKey({ type, value }: FilterValue): string {
  return type === 'string' ? JSON.stringify(value) : `${type[0]}${value}`
}
