/** Types of the values that filters compare, in the order in which columns stand in a file. */
export const VALUE_TYPES = ['string', 'number', 'boolean', 'date'] as const

/** A type of values that filters compare. */
export type ValueType = (typeof VALUE_TYPES)[number]

/**
 * A value as filters compare it: with values of its own type only. False is 0 and true is 1, a date
 * is its milliseconds since 1970, and −0 is 0.
 */
export type FilterValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'number' | 'boolean' | 'date'; readonly value: number }

/**
 * The value of a field or an operand, or undefined where it is none: null, an array, an object, a
 * number that is not finite, a `Date` without a date.
 */
export function filterValueOf(value: unknown): FilterValue | undefined {
  switch (typeof value) {
    case 'string':
      return { type: 'string', value }
    case 'boolean':
      return { type: 'boolean', value: value ? 1 : 0 }
    case 'number':
      return Number.isFinite(value) ? { type: 'number', value: value + 0 } : undefined
    case 'object': {
      if (!(value instanceof Date)) return undefined
      const time = value.getTime()
      return Number.isNaN(time) ? undefined : { type: 'date', value: time }
    }
    default:
      return undefined
  }
}

/**
 * Orders strings by code point, which is also the order of their UTF-8 bytes. JavaScript's own `<`
 * orders by UTF-16 units and so puts 😀 before ﹫; half of a surrogate pair counts as itself here.
 *
 * @returns below zero, zero or above zero
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  let i = 0
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === length) return a.length - b.length
  // Behind the same first half of a pair the two characters begin one unit earlier.
  if (i > 0 && (a.charCodeAt(i - 1) & 0xfc00) === 0xd800) i--
  return a.codePointAt(i)! - b.codePointAt(i)! || a.codePointAt(i + 1)! - b.codePointAt(i + 1)!
}

/** Orders two values of one type. */
export function compareValues(a: FilterValue, b: FilterValue): number {
  return a.type === 'string' || b.type === 'string'
    ? compareStrings(String(a.value), String(b.value))
    : a.value - b.value
}
