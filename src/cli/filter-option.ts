import { Option } from 'commander'
import { EsplanadeError } from 'esplanade'

/** `--filter`. */
export function filterOption(): Option {
  return new Option(
    '--filter <json>',
    'only documents whose metadata pass: \'{"year": {"$gte": 2000}}\''
  ).argParser(parseFilterOption)
}

/** The JSON of `--filter`; what it means is checked by the search. */
function parseFilterOption(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--filter',
      problem: `it is not JSON: ${(cause as Error).message}`,
      expected: 'a filter such as \'{"year": {"$gte": 2000}}\', in quotation marks',
      cause
    })
  }
}
