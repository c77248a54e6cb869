import { EsplanadeError } from '../errors.ts'

const LONE_SURROGATE = /\p{Surrogate}/u
const SHOWN_CHARACTERS = 80

/** A key as it is shown in messages: quoted, control characters escaped, long ones cut. */
export function quoteKey(key: string): string {
  return JSON.stringify(key.length > SHOWN_CHARACTERS ? `${key.slice(0, SHOWN_CHARACTERS)}…` : key)
}

/** What is wrong with a document key, or undefined when it is a non-empty well-formed string. */
export function keyProblem(key: unknown): string | undefined {
  if (typeof key !== 'string') return `a key of type ${key === null ? 'null' : typeof key}`
  if (key === '') return 'an empty key'
  if (LONE_SURROGATE.test(key)) return `key ${quoteKey(key)} holds half of a surrogate pair`
  return undefined
}

/**
 * Checks a document key: a string that is not empty and can be written as UTF-8. Any other
 * character, NUL included, is allowed, and nothing is normalised.
 *
 * @throws EsplanadeError `INVALID_KEY`
 */
export function checkKey(key: unknown): asserts key is string {
  const problem = keyProblem(key)
  if (problem === undefined) return
  throw new EsplanadeError('INVALID_KEY', {
    problem,
    expected: 'a string that is not empty and is well-formed Unicode',
    remedy: 'Give every document a key of its own'
  })
}
