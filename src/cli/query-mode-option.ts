import { readFile } from 'node:fs/promises'
import { Option } from 'commander'
import { EsplanadeError } from 'esplanade'
import type { QueryMode, QueryOptions, SparseEncoder } from 'esplanade/encoder'

/** Options of commands that encode queries without a collection. */
export interface QueryFlags {
  readonly queryMode?: QueryMode
  readonly idf?: string
}

const MODES: readonly QueryMode[] = ['full', 'no-expansion', 'inference-free']

/** `--query-mode`. */
export function queryModeOption(what: string = 'how the query becomes a vector'): Option {
  return new Option('--query-mode <mode>', what).choices(MODES)
}

/** `--idf`. */
export function idfOption(): Option {
  return new Option(
    '--idf <file>',
    'weights of inference-free queries, {"token": weight}; inspect --idf writes those of a collection'
  )
}

/**
 * What `--query-mode` and `--idf` ask of an encoder.
 *
 * @throws EsplanadeError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_ARGUMENT`
 */
export async function queryOptions(
  { queryMode, idf }: QueryFlags,
  encoder: SparseEncoder
): Promise<Pick<QueryOptions, 'queryMode' | 'idf'>> {
  if (idf === undefined) return queryMode === undefined ? {} : { queryMode }
  if (queryMode !== undefined && queryMode !== 'inference-free') {
    throw new EsplanadeError('INVALID_ARGUMENT', {
      place: '--idf',
      problem: `given with --query-mode ${queryMode}, which has no use for it`,
      expected: '--query-mode inference-free'
    })
  }
  return { queryMode: 'inference-free', idf: await readIdf(idf, encoder) }
}

/** A file in the form of OpenSearch's `idf.json`; tokens that it lacks have no weight. */
async function readIdf(path: string, { vocabulary, name }: SparseEncoder): Promise<Float32Array> {
  const table = new Float32Array(vocabulary.size)
  for (const [token, weight] of Object.entries(await readObject(path))) {
    const termId = vocabulary.idOf(token)
    if (termId === undefined) {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: path,
        problem: `the token ${JSON.stringify(token)} is not in the vocabulary of ${name}`,
        expected: 'weights for the tokens of this model'
      })
    }
    if (typeof weight !== 'number') {
      throw new EsplanadeError('INVALID_ARGUMENT', {
        place: path,
        problem: `the weight of ${JSON.stringify(token)} is ${JSON.stringify(weight)}`,
        expected: 'a number'
      })
    }
    table[termId] = weight
  }
  return table
}

async function readObject(path: string): Promise<object> {
  let json: string
  try {
    json = await readFile(path, 'utf8')
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new EsplanadeError(isMissing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE', {
      place: path,
      problem: isMissing ? 'no such file' : (cause as Error).message,
      remedy: 'Check the path',
      cause
    })
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    // Said below.
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw new EsplanadeError('INVALID_ARGUMENT', {
    place: path,
    problem: 'it is no JSON object',
    expected: '{"token": weight}'
  })
}
