import { EsplanadeError } from '../errors.ts'

/**
 * How large the parts of a document may be; `docs/collections.md` has the table. Metadata has its
 * limits in `src/corpus/metadata.ts`, as it has them wherever it is read.
 */

/** Bytes of UTF-8 of a key, at least 1. */
export const MAX_KEY_BYTES = 1024
/** Bytes of UTF-8 of a namespace. LMDB takes keys of 1,978 bytes; namespace and key are one. */
export const MAX_NAMESPACE_BYTES = 256
/** Bytes of UTF-8 of a document's text: 64 MiB. */
export const MAX_TEXT_BYTES: number = 64 * 2 ** 20
/** Dimensions of a dense vector. */
export const MAX_DENSE_DIMENSIONS = 65_536

/**
 * Checks the name of a document.
 *
 * @param place - what to call the document in a message: `document 3`
 * @throws EsplanadeError `INVALID_KEY`
 */
export function checkKey(namespace: string, key: string, place?: string): void {
  checkName(key, 'key', 1, MAX_KEY_BYTES, place)
  checkName(namespace, 'namespace', 0, MAX_NAMESPACE_BYTES, place)
}

function checkName(
  name: string,
  what: string,
  minBytes: number,
  maxBytes: number,
  place: string | undefined
): void {
  const problem = nameProblem(name, minBytes, maxBytes)
  if (problem === undefined) return
  throw new EsplanadeError('INVALID_KEY', {
    place: place === undefined ? what : `${place}: ${what}`,
    problem: `${JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)} ${problem}`,
    expected: `${minBytes} to ${maxBytes} bytes of UTF-8 without NUL and lone surrogates`
  })
}

const utf8 = new TextEncoder()

/** What is wrong with a key or namespace, or undefined. */
export function nameProblem(name: string, minBytes: number, maxBytes: number): string | undefined {
  if (name.length < minBytes) return 'is empty'
  // A UTF-16 unit takes at most three bytes.
  const numBytes = name.length * 3 <= maxBytes ? 0 : utf8.encode(name).length
  if (numBytes > maxBytes) return `has ${numBytes} bytes`
  if (name.includes('\0')) return 'holds the character NUL'
  if (/\p{Surrogate}/u.test(name)) return 'holds a lone surrogate'
  return undefined
}
