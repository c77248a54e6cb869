import CRC32 from 'crc-32'
import { EsplanadeError } from '../errors.ts'

/** What the small JSON files of a collection have in common. */
export interface CheckedJson {
  readonly format: string
  readonly version: number
}

/** How such a file is read. */
export interface CheckedFormat {
  readonly format: string
  /** The version that this release writes, and the newest that it reads. */
  readonly version: number
  /** What the file is, for messages: `the manifest of a generation`. */
  readonly what: string
  /** What to do where it is damaged. */
  readonly remedy: string
}

/**
 * The text of a file: its fields, and as the last one `checksum`, the CRC-32 of the others as
 * `JSON.stringify` writes them. This holds for every version, so that damage is told from a newer one.
 */
export function formatCheckedJson(fields: CheckedJson): string {
  return `${JSON.stringify({ ...fields, checksum: checksumOf(fields) }, null, 2)}\n`
}

function checksumOf(fields: object): number {
  return CRC32.str(JSON.stringify(fields)) >>> 0
}

/**
 * The fields of a file, its checksum verified; what they hold is for the caller to check.
 *
 * @param place - the file's path
 * @throws EsplanadeError `COLLECTION_CORRUPT`; `COLLECTION_VERSION` where a newer version wrote it
 */
export function parseCheckedJson(
  json: string,
  place: string,
  { format, version, what, remedy }: CheckedFormat
): Record<string, unknown> {
  const refuse: RefuseFile = refuseFile(place, remedy)
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    refuse(json === '' ? 'it is empty' : 'it is not JSON', undefined, cause)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    refuse(`it is not ${what}`)
  }
  const { checksum, ...fields } = parsed as Record<string, unknown>
  if (fields.format !== format) refuse(`it is not ${what}`, `"format": "${format}"`)
  if (checksum !== checksumOf(fields)) refuse('its checksum is wrong')
  const given = fields.version
  if (!Number.isSafeInteger(given) || (given as number) < 1) {
    refuse(`version is ${JSON.stringify(given)}`, 'a whole number from 1')
  }
  if ((given as number) > version) {
    throw new EsplanadeError('COLLECTION_VERSION', {
      place,
      problem: `${what} of format version ${given}`,
      expected: `version ${version}, the newest that this release reads`,
      remedy: 'Use a newer release of esplanade'
    })
  }
  return fields
}

/** Says that a file is damaged; never returns. */
export type RefuseFile = (problem: string, expected?: string, cause?: unknown) => never

/** @throws EsplanadeError `COLLECTION_CORRUPT`, from the function that it returns */
export function refuseFile(place: string, remedy: string): RefuseFile {
  return (problem, expected, cause) => {
    throw new EsplanadeError('COLLECTION_CORRUPT', { place, problem, expected, remedy, cause })
  }
}
