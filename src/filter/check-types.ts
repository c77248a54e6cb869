import type { Metadata } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import { valuesAt } from './field-values.ts'
import type { FieldCondition, Filter } from './filter.ts'
import { VALUE_TYPES, type ValueType } from './value.ts'

/**
 * Refuses a filter that asks for values of a type that its field never has: `{"year": "1999"}` where
 * years are numbers would find nothing, and say nothing. A field that no document has is no mistake,
 * nor is one whose values are of several types, the asked one among them.
 *
 * @param typesOf - the types of a field's values in all documents that are searched
 * @throws EsplanadeError `FILTER_INVALID`; the message names the field and both types
 */
export function checkTypes(
  filter: Filter,
  typesOf: (path: string) => ReadonlySet<ValueType>
): void {
  const known = new Map<string, ReadonlySet<ValueType>>()
  const visit = (part: Filter): void => {
    if (part.kind === 'and' || part.kind === 'or') part.parts.forEach(visit)
    else if (part.kind === 'not') visit(part.part)
    else if (part.kind !== 'exists') checkCondition(part)
  }
  const checkCondition = (condition: Condition): void => {
    const types = known.get(condition.path) ?? typesOf(condition.path)
    known.set(condition.path, types)
    for (const type of operandTypes(condition)) {
      if (types.size > 0 && !types.has(type)) refuseType(condition, type, types)
    }
  }
  visit(filter)
}

/** A condition that compares with something. */
type Condition = Exclude<FieldCondition, { readonly kind: 'exists' }>

function operandTypes(condition: Condition): Set<ValueType> {
  switch (condition.kind) {
    case 'in':
      return new Set(condition.values.map(({ type }) => type))
    case 'compare':
      return new Set([condition.value.type])
    case 'startsWith':
      return new Set<ValueType>(['string'])
  }
}

function refuseType(
  { place, path }: FieldCondition,
  given: ValueType,
  types: ReadonlySet<ValueType>
): never {
  const found = VALUE_TYPES.filter(type => types.has(type)).join(' or ')
  throw new EsplanadeError('FILTER_INVALID', {
    place,
    problem: `a ${given} for a field whose values are of type ${found}`,
    expected: `a ${found}, as ${JSON.stringify(path)} has in the documents that are searched`,
    remedy:
      given === 'string' && types.has('date')
        ? 'Write dates as {"$date": "2026-11-21"}'
        : 'Give the value as the documents have it'
  })
}

/** Types of the values that one document has in a field. */
export function typesOfMetadata(metadata: Metadata, path: string): Set<ValueType> {
  return new Set(valuesAt(metadata, path).map(({ type }) => type))
}
