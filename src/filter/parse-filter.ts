import { dateFromJson } from '../corpus/metadata.ts'
import { EsplanadeError } from '../errors.ts'
import {
  type Comparison,
  type FieldCondition,
  type Filter,
  MAX_FILTER_CLAUSES,
  MAX_FILTER_DEPTH,
  MAX_PATH_LENGTH
} from './filter.ts'
import { describeValue, nearestOperator, placeOf } from './filter-messages.ts'
import { compareValues, type FilterValue, filterValueOf, VALUE_TYPES } from './value.ts'

const FIELD_OPERATORS = [
  '$eq',
  '$ne',
  '$gt',
  '$gte',
  '$lt',
  '$lte',
  '$in',
  '$nin',
  '$exists',
  '$not',
  '$startsWith'
]
const GROUP_OPERATORS = ['$and', '$or', '$not']

const EVERYTHING: Filter = { kind: 'and', parts: [] }

/**
 * Checks a filter and puts it in normal form.
 *
 * A filter is an object: each of its fields is a path in the metadata with a value, or with an object
 * of operators, and all of them must hold. `{}` holds for every document. `$and` and `$or` take an
 * array of filters, not empty; `$not` takes a filter, or behind a field an object of operators, and
 * turns it round. `$in: []` holds for none, `$nin: []` for all.
 *
 * @param json - the filter as JSON has it; dates are `Date`s or `{"$date": "2026-11-21"}`
 * @throws EsplanadeError `FILTER_INVALID`; its place is where in the filter (`filter.year.$gt`)
 */
export function parseFilter(json: unknown): Filter {
  return new FilterParser().filter(json, 'filter', 1)
}

class FilterParser {
  #numClauses = 0

  filter(json: unknown, place: string, depth: number): Filter {
    const entries = entriesOf(json, place, depth, 'an object of fields and operators')
    if (entries.length === 0) this.#count(1, place)
    const parts = entries.map(([name, value]) => {
      const inside = placeOf(place, name)
      if (!name.startsWith('$')) return this.#field(name, value, inside, depth)
      if (name === '$not') return negation(this.filter(value, inside, depth + 1))
      if (name === '$and' || name === '$or') return this.#group(name, value, inside, depth)
      return unknownOperator(name, inside, GROUP_OPERATORS)
    })
    return conjunction(parts)
  }

  #group(name: '$and' | '$or', value: unknown, place: string, depth: number): Filter {
    if (!Array.isArray(value) || value.length === 0) {
      refuse(place, value, 'an array of filters, at least one', `Leave ${name} out if it has none`)
    }
    const parts = Array.from(value, (part, i) => this.filter(part, `${place}[${i}]`, depth + 1))
    return name === '$and' ? conjunction(parts) : disjunction(parts)
  }

  /** A field with a value, or with operators. */
  #field(path: string, value: unknown, place: string, depth: number): Filter {
    if (path.length > MAX_PATH_LENGTH) {
      throw new EsplanadeError('FILTER_INVALID', {
        place,
        problem: `a field name of ${path.length} characters`,
        expected: `at most ${MAX_PATH_LENGTH}`,
        remedy: 'Keep what is to be filtered by under a shorter name'
      })
    }
    if (isOperand(value)) return this.#condition(path, '$eq', value, place, depth)
    return this.#operators(path, value, place, depth)
  }

  #operators(path: string, value: unknown, place: string, depth: number): Filter {
    const expected = 'a string, number, boolean or date, or an object of operators'
    const entries = entriesOf(value, place, depth, expected)
    if (entries.length === 0) {
      refuse(place, value, expected, 'Ask with {"$exists": true} whether a field is there')
    }
    const conditions = entries.map(([name, operand]) =>
      this.#condition(path, name, operand, placeOf(place, name), depth)
    )
    return conjunction(conditions)
  }

  #condition(path: string, name: string, operand: unknown, place: string, depth: number): Filter {
    if (name === '$not') return negation(this.#operators(path, operand, place, depth + 1))
    this.#count(Array.isArray(operand) ? Math.max(1, operand.length) : 1, place)
    switch (name) {
      case '$eq':
        return { kind: 'in', path, values: [operandOf(operand, place)], place }
      case '$ne':
        return negation({ kind: 'in', path, values: [operandOf(operand, place)], place })
      case '$in':
        return { kind: 'in', path, values: listOf(operand, place), place }
      case '$nin':
        return negation({ kind: 'in', path, values: listOf(operand, place), place })
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        return comparisonOf(path, name, operand, place)
      case '$exists':
        return existence(path, operand, place)
      case '$startsWith':
        return prefixOf(path, operand, place)
      default:
        return name.startsWith('$')
          ? unknownOperator(name, place, FIELD_OPERATORS)
          : noOperator(path, name, place)
    }
  }

  #count(numClauses: number, place: string): void {
    this.#numClauses += numClauses
    if (this.#numClauses <= MAX_FILTER_CLAUSES) return
    throw new EsplanadeError('FILTER_INVALID', {
      place,
      problem: `more than ${MAX_FILTER_CLAUSES} conditions and values of lists`,
      expected: `at most ${MAX_FILTER_CLAUSES} in the whole filter`,
      remedy: 'Keep what the filter decides as a field of the documents'
    })
  }
}

/** The fields of an object that somebody wrote; nothing else passes for one. */
function entriesOf(
  value: unknown,
  place: string,
  depth: number,
  expected: string
): [string, unknown][] {
  // A Map has no fields, so as a filter it would hold for every document.
  if (Object.prototype.toString.call(value) !== '[object Object]') {
    const remedy = value === null ? NO_NULL : undefined
    refuse(place, value, expected, remedy)
  }
  if (depth > MAX_FILTER_DEPTH) {
    throw new EsplanadeError('FILTER_INVALID', {
      place,
      problem: `nested deeper than ${MAX_FILTER_DEPTH} levels`,
      expected: `at most ${MAX_FILTER_DEPTH} filters in each other`,
      remedy: 'Join what stands in nested $and or $or in one'
    })
  }
  return Object.entries(value as object)
}

const NO_NULL = 'Ask with {"$exists": false} for documents without the field'
const VALUE_EXPECTED = 'a string, a finite number, a boolean or a date'

/** Whether this is written as one value, be it valid or not: not as an object of operators. */
function isOperand(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Array.isArray(value) || value instanceof Date || Object.hasOwn(value, '$date')
}

function operandOf(operand: unknown, place: string): FilterValue {
  if (typeof operand === 'string') checkWellFormed(operand, place)
  const value = filterValueOf(operand) ?? filterValueOf(dateFromJson(operand))
  if (value !== undefined) return value
  if (typeof operand === 'object' && operand !== null && Object.hasOwn(operand, '$date')) {
    const expected = '{"$date": …} with an ISO 8601 day, or a day and a time with a zone'
    return refuse(place, operand, expected, 'Write dates like "2026-11-21T09:00:00Z"')
  }
  const isList = Array.isArray(operand)
  const remedy = operand === null ? NO_NULL : isList ? 'Give lists to $in or $nin' : undefined
  return refuse(place, operand, VALUE_EXPECTED, remedy)
}

/** No document that was written as text has such a value, and a prefix of one would cut characters. */
function checkWellFormed(text: string, place: string): void {
  if (text.isWellFormed()) return
  refuse(place, text, 'well-formed Unicode: this holds half of a surrogate pair')
}

function listOf(operand: unknown, place: string): FilterValue[] {
  if (!Array.isArray(operand)) {
    refuse(place, operand, 'an array of values', 'Use $eq or $ne for one value')
  }
  const values = Array.from(operand, (value, i) => operandOf(value, `${place}[${i}]`))
  values.sort((a, b) => typeOrder(a) - typeOrder(b) || compareValues(a, b))
  return values.filter((value, i) => {
    const before = values[i - 1]
    return before?.type !== value.type || before.value !== value.value
  })
}

function typeOrder({ type }: FilterValue): number {
  return VALUE_TYPES.indexOf(type)
}

function comparisonOf(
  path: string,
  comparison: Comparison,
  operand: unknown,
  place: string
): FieldCondition {
  const value = typeof operand === 'boolean' ? undefined : operandOf(operand, place)
  if (value === undefined) refuse(place, operand, 'a string, a finite number or a date')
  return { kind: 'compare', path, comparison, value, place }
}

function existence(path: string, operand: unknown, place: string): Filter {
  if (typeof operand !== 'boolean') refuse(place, operand, 'true or false')
  const condition: Filter = { kind: 'exists', path, place }
  return operand ? condition : negation(condition)
}

function prefixOf(path: string, operand: unknown, place: string): Filter {
  if (typeof operand !== 'string') return refuse(place, operand, 'a string')
  checkWellFormed(operand, place)
  return { kind: 'startsWith', path, prefix: operand, place }
}

function conjunction(parts: readonly Filter[]): Filter {
  const flat = parts.flatMap(part => (part.kind === 'and' ? part.parts : [part]))
  return flat.length === 1 ? flat[0]! : { kind: 'and', parts: flat }
}

function disjunction(parts: readonly Filter[]): Filter {
  const flat = parts.flatMap(part => (part.kind === 'or' ? part.parts : [part]))
  if (flat.some(part => part.kind === 'and' && part.parts.length === 0)) return EVERYTHING
  return flat.length === 1 ? flat[0]! : { kind: 'or', parts: flat }
}

function negation(part: Filter): Filter {
  return part.kind === 'not' ? part.part : { kind: 'not', part }
}

function unknownOperator(name: string, place: string, known: readonly string[]): never {
  const near = nearestOperator(name, known)
  throw new EsplanadeError('FILTER_INVALID', {
    place,
    problem: `unknown operator ${JSON.stringify(name.slice(0, 80))}`,
    expected: `one of ${known.join(', ')}`,
    remedy: near === undefined ? 'Only these are known at this place' : `Did you mean ${near}?`
  })
}

/** A name without `$` where an operator is due: most likely a forgotten `$`, or a nested field. */
function noOperator(path: string, name: string, place: string): never {
  const near = nearestOperator(`$${name}`, FIELD_OPERATORS)
  throw new EsplanadeError('FILTER_INVALID', {
    place,
    problem: `${JSON.stringify(name.slice(0, 80))} is no operator`,
    expected: `one of ${FIELD_OPERATORS.join(', ')}`,
    remedy:
      near === undefined
        ? `Name a field inside an object by its path, ${JSON.stringify(`${path}.${name}`.slice(0, 80))}`
        : `Did you mean ${near}?`
  })
}

function refuse(place: string, given: unknown, expected: string, remedy?: string): never {
  const problem = `given ${describeValue(given)}`
  throw new EsplanadeError('FILTER_INVALID', { place, problem, expected, remedy })
}
