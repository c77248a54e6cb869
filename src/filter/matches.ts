import type { Metadata } from '../corpus/metadata.ts'
import { hasValueAt, valuesAt } from './field-values.ts'
import type { Comparison, Filter } from './filter.ts'
import { compareValues, type FilterValue } from './value.ts'

/**
 * Whether a document passes a filter, by its metadata alone: what every other evaluation is tested
 * against, and what documents in memory are filtered with.
 */
export function matches(filter: Filter, metadata: Metadata): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.parts.every(part => matches(part, metadata))
    case 'or':
      return filter.parts.some(part => matches(part, metadata))
    case 'not':
      return !matches(filter.part, metadata)
    case 'exists':
      return hasValueAt(metadata, filter.path)
    case 'in':
      return valuesAt(metadata, filter.path).some(value => isAmong(value, filter.values))
    case 'compare':
      return valuesAt(metadata, filter.path).some(value =>
        holds(value, filter.comparison, filter.value)
      )
    case 'startsWith':
      return valuesAt(metadata, filter.path).some(
        ({ type, value }) => type === 'string' && value.startsWith(filter.prefix)
      )
  }
}

function isAmong({ type, value }: FilterValue, values: readonly FilterValue[]): boolean {
  return values.some(other => other.type === type && other.value === value)
}

function holds(value: FilterValue, comparison: Comparison, operand: FilterValue): boolean {
  if (value.type !== operand.type) return false
  const order = compareValues(value, operand)
  switch (comparison) {
    case '$gt':
      return order > 0
    case '$gte':
      return order >= 0
    case '$lt':
      return order < 0
    case '$lte':
      return order <= 0
  }
}
