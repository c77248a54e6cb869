import { EsplanadeError } from '../errors.ts'

/** No size in a model's config comes near this; a larger one is a lie or an accident. */
const MAX_SIZE = 2 ** 24

/** Reads the fields of a `config.json`, each checked for its type and range. */
export class ModelConfig {
  readonly place: string
  readonly #fields: Readonly<Record<string, unknown>>

  /**
   * @param source - the file, or an object in it
   * @throws EsplanadeError `MODEL_FILE_INVALID` where the bytes are not a JSON object
   */
  constructor(source: Uint8Array | Readonly<Record<string, unknown>>, place: string) {
    this.place = place
    this.#fields = source instanceof Uint8Array ? parseJsonObject(source, place) : source
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.#fields[name] !== undefined && this.#fields[name] !== null
  }

  isNull(name: string): boolean {
    return this.#fields[name] === null
  }

  /** A count or size: a whole number from 1. */
  size(name: string): number {
    const value = this.#fields[name]
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_SIZE) {
      return value
    }
    throw this.#invalid(name, `a whole number from 1 to ${MAX_SIZE}`)
  }

  /** A finite number above zero. */
  positive(name: string): number {
    const value = this.#fields[name]
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value
    throw this.#invalid(name, 'a number above zero')
  }

  /** A place in a list: a whole number from 0. */
  index(name: string): number {
    const value = this.#fields[name]
    if (value === 0) return value
    return this.size(name)
  }

  /** True or false; `absent` where the field is not there. */
  flag(name: string, absent: boolean): boolean {
    const value = this.has(name) ? this.#fields[name] : absent
    if (typeof value === 'boolean') return value
    throw this.#invalid(name, 'true or false')
  }

  /** A list of texts. */
  texts(name: string): readonly string[] {
    const value = this.#fields[name]
    if (Array.isArray(value) && value.every(one => typeof one === 'string')) return value
    throw this.#invalid(name, 'a list of strings')
  }

  /** An object inside this one; its fields are read in the same way. */
  section(name: string): ModelConfig {
    const value = this.#fields[name]
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new ModelConfig(value as Record<string, unknown>, `${this.place}: ${name}`)
    }
    throw this.#invalid(name, 'an object')
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (typeof value === 'string') return value
    throw this.#invalid(name, 'a string')
  }

  /** One of several texts; `absent` where the field is not there. @throws EsplanadeError `MODEL_UNSUPPORTED` */
  choice<T extends string>(name: string, accepted: readonly T[], absent: T): T {
    this.require(name, accepted)
    return this.has(name) ? (this.#fields[name] as T) : absent
  }

  /** Throws `MODEL_UNSUPPORTED` where there are other fields, or where they are not empty. */
  requireOnly(names: readonly string[]): void {
    for (const name of Object.keys(this.#fields)) if (!names.includes(name)) this.require(name, [])
  }

  /** Throws `MODEL_UNSUPPORTED` unless the field is absent or one of `accepted`. */
  require(name: string, accepted: readonly unknown[]): void {
    const value = this.#fields[name]
    if (value === undefined || value === null || accepted.includes(value)) return
    throw new EsplanadeError('MODEL_UNSUPPORTED', {
      place: this.place,
      problem: `${name} is ${JSON.stringify(value)}`,
      expected: accepted.map(one => JSON.stringify(one)).join(' or ') || 'no such field',
      remedy: 'Use a checkpoint that this family covers'
    })
  }

  #invalid(name: string, expected: string): EsplanadeError {
    return new EsplanadeError('MODEL_FILE_INVALID', {
      place: this.place,
      problem: `${name} is ${JSON.stringify(this.#fields[name]) ?? 'missing'}`,
      expected,
      remedy: 'Use the config.json that was saved with the weights'
    })
  }
}

/** @throws EsplanadeError `MODEL_FILE_INVALID` where the bytes are not a JSON object (or array) */
export function parseJsonObject(
  bytes: Uint8Array,
  place: string,
  kind: 'object' | 'array' = 'object'
): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place,
      problem: 'the file is not JSON',
      remedy: 'Fetch the file again; it is damaged or cut short',
      cause
    })
  }
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    Array.isArray(parsed) !== (kind === 'array')
  ) {
    throw new EsplanadeError('MODEL_FILE_INVALID', {
      place,
      problem: `the file holds no JSON ${kind}`,
      expected: `an ${kind}`,
      remedy: 'Fetch the file again'
    })
  }
  return parsed as Record<string, unknown>
}
