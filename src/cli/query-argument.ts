import { EsplanadeError, type SparseVector, sparseVector } from 'esplanade'

/**
 * A query as the command line gives it: a text, or with `--vector` the JSON of a sparse vector,
 * `{"indices": [], "values": []}`.
 *
 * @throws EsplanadeError `INVALID_ARGUMENT` or `INVALID_VECTOR`
 */
export function parseQuery(query: string, isVector: boolean | undefined): string | SparseVector {
  if (!isVector) {
    if (query.trim() !== '') return query
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: 'query',
      problem: 'it is empty',
      expected: 'a text, in quotation marks'
    })
  }
  let parsed: { indices?: unknown; values?: unknown }
  try {
    parsed = JSON.parse(query)
  } catch (cause) {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--vector',
      problem: 'the query is not JSON',
      expected: '{"indices": [3, 17], "values": [0.5, 1.25]}',
      cause
    })
  }
  const { indices, values } = parsed ?? {}
  const isNumbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every(one => typeof one === 'number')
  if (isNumbers(indices) && isNumbers(values)) return sparseVector(indices, values, 'query')
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: '--vector',
    problem: 'the query is no vector',
    expected: '{"indices": [3, 17], "values": [0.5, 1.25]}'
  })
}
