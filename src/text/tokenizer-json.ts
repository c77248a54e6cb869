import { EsplanadeError } from '../errors.ts'

/** A JSON object whose members are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The value as an object, or undefined if it is none. */
export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

/** The error of a `tokenizer.json` that is incomplete or ill-formed. */
export function invalidTokenizer(problem: string, expected?: string): EsplanadeError {
  return new EsplanadeError('MODEL_FILE_INVALID', {
    place: 'tokenizer.json',
    problem,
    expected,
    remedy: 'Fetch the model again, or save its fast tokenizer once more with transformers'
  })
}

/** The error of a `tokenizer.json` that may be right but is of another family. */
export function unsupportedTokenizer(
  part: string,
  given: unknown,
  supported: string
): EsplanadeError {
  return new EsplanadeError('MODEL_UNSUPPORTED', {
    place: 'tokenizer.json',
    problem: `${part} is ${JSON.stringify(given ?? null)}`,
    expected: supported,
    remedy: 'Use a model with the tokenizer of BERT, RoBERTa, ModernBERT or XLM-R'
  })
}

export function readString(value: unknown, absent: string, name: string): string {
  const given = value ?? absent
  if (typeof given === 'string') return given
  throw invalidTokenizer(`${name} is ${JSON.stringify(given)}`, 'a string')
}

export function readCount(value: unknown, absent: number, name: string): number {
  const given = value ?? absent
  if (Number.isInteger(given) && (given as number) > 0) return given as number
  throw invalidTokenizer(`${name} is ${JSON.stringify(given)}`, 'an integer above 0')
}

export function readFlag(value: unknown, absent: boolean, name: string): boolean {
  const given = value ?? absent
  if (typeof given === 'boolean') return given
  throw invalidTokenizer(`${name} is ${JSON.stringify(given)}`, 'true or false')
}
