import { editDistance } from '../text/edit-distance.ts'

/** How filters are spoken of in error messages. */

const SHOWN_CHARACTERS = 80

/** The place of a field or an operator in a filter: `filter.year.$gt`, `filter["a b"]`. */
export function placeOf(place: string, name: string): string {
  const shown = name.length > SHOWN_CHARACTERS ? `${name.slice(0, SHOWN_CHARACTERS)}…` : name
  return /^[\p{L}\p{N}_$.-]+$/u.test(name) && shown === name
    ? `${place}.${name}`
    : `${place}[${JSON.stringify(shown)}]`
}

/** A value in an error message: short, and never read further than it is shown. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (value === null) return 'null'
  if (typeof value === 'string') {
    const isLong = value.length > SHOWN_CHARACTERS
    return `the string ${JSON.stringify(isLong ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value)}`
  }
  if (Array.isArray(value)) {
    return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  }
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? 'a Date that is no date' : 'a Date'
  }
  if (typeof value !== 'object') return `the ${typeof value} ${String(value)}`.slice(0, 100)
  if (Object.hasOwn(value, '$date')) return 'a $date that is no date'
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind !== 'Object') return `a ${kind}`
  return Object.keys(value).length === 0 ? 'an empty object' : 'an object'
}

/** Names that other query languages have for the operators. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['equals', '$eq'],
  ['is', '$eq'],
  ['neq', '$ne'],
  ['noteq', '$ne'],
  ['greaterthan', '$gt'],
  ['ge', '$gte'],
  ['lessthan', '$lt'],
  ['le', '$lte'],
  ['notin', '$nin'],
  ['any', '$in'],
  ['has', '$exists'],
  ['prefix', '$startsWith'],
  ['regex', '$startsWith'],
  ['like', '$startsWith'],
  ['all', '$and'],
  ['must', '$and'],
  ['should', '$or'],
  ['nor', '$not'],
  ['mustnot', '$not']
])

/** The known operator that somebody may have meant, or undefined. */
export function nearestOperator(name: string, known: readonly string[]): string | undefined {
  if (name.length > SHOWN_CHARACTERS) return undefined
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const elsewhere = ELSEWHERE.get(plain)
  if (elsewhere !== undefined && known.includes(elsewhere)) return elsewhere
  const distances = known.map(operator => editDistance(plain, operator.slice(1).toLowerCase()))
  const least = Math.min(...distances)
  // A third of the letters may be wrong, and one of a short name.
  return least <= Math.max(1, plain.length / 3) ? known[distances.indexOf(least)] : undefined
}
