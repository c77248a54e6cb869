import { EsplanadeError } from '../../errors.ts'

/** @throws EsplanadeError `INVALID_ARGUMENT` unless it is a whole number of at least 1 */
export function checkCount(parameter: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: parameter,
    problem: `${value} was given`,
    expected: 'a whole number of at least 1'
  })
}
