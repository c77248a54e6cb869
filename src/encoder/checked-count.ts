import { EsplanadeError } from '../errors.ts'

/** @throws EsplanadeError `INVALID_ARGUMENT` unless `value` is a whole number in the range */
export function checkedCount(place: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place,
    problem: `${value} is out of range`,
    expected: `a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`
  })
}
